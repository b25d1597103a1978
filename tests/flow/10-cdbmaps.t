#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""cdbmaps: from tables to the map, what it answers, and every mistake."""

import os
import re
import shutil
import socket
import subprocess
import tempfile

from process import ROOT, program
from tap import *

DIR = tempfile.mkdtemp(prefix="stagepost-test.")
TABLES = os.path.join(DIR, "tables")
SPOOL = os.path.join(DIR, "spool")
MAP = os.path.join(SPOOL, "map", "stagepost.cdb")

SETTINGS = "resolver 192.0.2.53\n"
ROUTES = "* mx query=192.0.2.53\n"


def cdbmaps(*args, text=True):
    argv = [program("cdbmaps"), *args]
    return subprocess.run(argv, capture_output=True, text=text, timeout=60)


def write(**tables):
    shutil.rmtree(TABLES, ignore_errors=True)
    os.mkdir(TABLES)
    for name, content in tables.items():
        if content is None:
            continue
        content = content if isinstance(content, bytes) else content.encode()
        with open(os.path.join(TABLES, name), "wb") as f:
            f.write(content)


def compile(*args):
    return cdbmaps("-f", TABLES, "-s", SPOOL, *args)


def ask(key):
    done = cdbmaps("-s", SPOOL, "-q", key)
    return done.returncode, done.stdout


# -- what it takes


def the_embedded_tables():
    is_(cdbmaps("-e", "-s", SPOOL).returncode, 0, "-e compiles what is built in")
    is_(ask("setting:listen"), (0, "built-in/settings:5\t127.0.0.1:2525\n"), "a port")
    is_(ask("network:127.1.2.3")[0], 0, "loopback may relay")
    is_(ask("network:192.0.2.1"), (1, ""), "others may not")
    like(ask("route:a@b.example")[1], r"\troute\tmaildir:mail/%d/%u\n", "a maildir")
    name = socket.gethostname()
    if re.fullmatch(r"[a-zA-Z0-9.-]*[a-zA-Z][a-zA-Z0-9.-]*", name):
        is_(ask("setting:hostname")[1], f"built-in\t{name}\n", "the machine's name")

    target = os.path.join(DIR, "printed")
    os.mkdir(target)
    is_(cdbmaps("-p", target).returncode, 0, "-p DIRECTORY writes them")
    for name in ("settings", "profiles", "routes", "domains", "recipients", "aliases", "rewrites", "credentials"):
        with open(os.path.join(target, name)) as f, open(
            os.path.join(ROOT, "conf", name)
        ) as g:
            is_(f.read(), g.read(), f"{name} is the one in conf/")
    is_(cdbmaps("-n", "-f", target).returncode, 0, "and they are right")
    done = cdbmaps("-p", target)
    is_(done.returncode, 2, "a second time it overwrites nothing")
    document = os.path.join(DIR, "document")
    with open(document, "w") as f:
        f.write(cdbmaps("-p", "-").stdout)
    is_(cdbmaps("-n", "-f", document).returncode, 0, "-p - prints one document")


def the_command_line():
    done = cdbmaps(
        *("-e", "-s", SPOOL, "-o", "hostname mx.example", "-o", "recipients-max 7"),
        *("-o", "listen 127.0.0.1:2600", "-o", "listen 127.0.0.1:2601"),
        *("-o", "relay-from 10.0.0.0/8"),
        *("-r", "* smtp [127.0.0.1]:2700", "-l", "home.example"),
    )
    is_((done.returncode, done.stderr), (0, ""), "lines on the command line")
    is_(ask("setting:hostname")[1], "command line:1\tmx.example\n", "override")
    is_(
        ask("setting:listen")[1],
        "command line:3\t127.0.0.1:2600\ncommand line:4\t127.0.0.1:2601\n",
        "also those that repeat",
    )
    is_(ask("network:127.0.0.1")[0], 1, "and networks")
    is_(ask("network:10.0.0.1")[0], 0, "which are then these")
    like(ask("route:a@b.example")[1], r"(?m)^command line:1\troute\tsmtp \[1", "routes")
    is_(ask("domain:home.example")[1], "command line:1\tlocal-route\n", "domains")
    done = cdbmaps("-e", "-n", "-o", "hostname a.example", "-o", "hostname b.example")
    like(done.stderr, "^command line:2:1: expected hostname once", "no line twice")


TABLES_OF_ALL = dict(
    settings="""
# a comment
hostname  MX.example.org        # another
postmaster  help@example.org
listen 192.0.2.1
listen [::1]:2525
resolver 192.0.2.53
relay-from 192.0.2.0/24
    2001:db8::/32               # continued

    10.0.0.0/8
bare-lf normalise 10.0.0.0/8 10.1.0.0/16
message-size-max 64m
duplicate-window 50ms
local-route lmtp unix:/run/lmtp patient
""",
    profiles="""
patient  retry 60m 120m 180m
    retries 30
    delay-warning 4h
default
    lifetime 3d
    concurrency 7
""",
    routes="""
User@A.example      lmtp unix:/run/dovecot/lmtp
a.example           smtp 20=b.example 10=[192.0.2.9]:2525
                         10=c.example   patient
.example            lookup-mx:zone=z.example;query=192.0.2.54
*                   mx
""",
    domains="""
plain.test
own.test            maildir:/var/mail/%d/%u
bücher.test
include more
""",
    more="included.test\r\n",
)


def all_of_it():
    write(**TABLES_OF_ALL)
    done = compile()
    is_((done.returncode, done.stderr), (0, ""), "all kinds of lines")
    is_(ask("setting:hostname")[1], "settings:3\tMX.example.org\n", "a setting")
    is_(ask("setting:idle-timeout"), (0, "default\t10s\n"), "one not written")
    is_(ask("setting:nonsense"), (1, ""), "one that does not exist")
    like(ask("profile:patient")[1], r"retries 30 lifetime none", "the count counts")
    like(ask("profile:patient")[1], r"concurrency 7", "the rest is from default")
    like(ask("profile:default")[1], r"^profiles:5\t.*lifetime 3d", "default itself")
    is_(ask("profile:nonsense")[0], 1, "no such profile")
    is_(ask("domain:INCLUDED.test")[1], f"{TABLES}/more:1\tlocal-route\n", "included")
    is_(ask("domain:bücher.test")[0], 0, "a domain in UTF-8")
    is_(ask("domain:other.test")[0], 1, "not a local domain")
    is_(
        ask("network:10.1.1.1")[1],
        "settings:12\t10.1.0.0/16\tbare-lf\nsettings:8\t10.0.0.0/8\trelay bare-lf\n",
        "networks, and their rights together",
    )
    is_(ask("network:2001:db8::5")[0], 0, "a continued line")
    is_(
        ask("route:x@a.EXAMPLE")[1].splitlines()[:3],
        [
            "-\taddress\tx@a.example",
            "routes:3\tdomain\ta.example",
            "routes:3\troute\tsmtp 10=[192.0.2.9]:2525 10=c.example 20=b.example"
            " patient",
        ],
        "a route and its steps",
    )
    like(ask("route:USER@a.example")[1], "routes:2\troute\tlmtp", "an address")
    like(
        ask("route:x@b.example")[1],
        "mx b.example zone=z.example query=192.0.2.54:53 default",
        "a parent domain",
    )
    like(ask("route:x@plain.test")[1], "lmtp unix:/run/lmtp patient", "local-route")
    for key in ("nonsense", "route:", "route:x@", "network:x"):
        is_(ask(key)[0], 2, f"{key} is no question")


def the_dump_compiles_again(line=r"(?m)^relay-from 192.0.2.0/24  # settings:8$"):
    dump = cdbmaps("-d", "-s", SPOOL).stdout
    like(dump, line, "-d prints the map")
    document = os.path.join(DIR, "dump")
    with open(document, "w") as f:
        f.write(dump)
    done = cdbmaps("-f", document, "-s", SPOOL)
    is_((done.returncode, done.stderr), (0, ""), "what it prints compiles")
    again = cdbmaps("-d", "-s", SPOOL).stdout
    is_(re.sub("  #.*", "", again), re.sub("  #.*", "", dump), "to the same map")


PATTERNS = """
host one.example uses near
host two.example uses far
* from=boss@c.example   smtp [192.0.2.1]
*                       smtp [192.0.2.2]
x*@a.example            smtp [192.0.2.3]
abuse@*                 smtp [192.0.2.4]
/^[0-9]+@/ from=<>      smtp [192.0.2.5]
/^[0-9]+@/              smtp [192.0.2.6]
a.example               smtp [192.0.2.7]
table near
a.example               smtp [192.0.2.8]
table far
a.example               smtp [192.0.2.9]
*                       smtp [192.0.2.10]
"""


def hop_of(address):
    return re.search(r"\troute\tsmtp \[(.*)\]", ask("route:" + address)[1]).group(1)


def patterns_and_tables():
    write(settings="", routes=PATTERNS)
    hops = {"x1@a.example": 3, "y@a.example": 7, "abuse@b.example": 4}
    hops |= {"12@b.example": 6, "y@b.example": 2}
    is_(compile().stderr, "", "patterns of all kinds")
    for address, hop in hops.items():
        is_(hop_of(address), f"192.0.2.{hop}", address)
    is_(compile("-H", "one.example").stderr, "", "a host with a table of its own")
    is_(hop_of("y@a.example"), "192.0.2.8", "whose rows go before those of all")
    is_(hop_of("y@b.example"), "192.0.2.2", "which are there, too")
    is_(compile("-o", "hostname two.example").stderr, "", "the setting hostname")
    is_(hop_of("y@a.example"), "192.0.2.9", "chooses the table")
    is_(hop_of("y@b.example"), "192.0.2.10", "and its default route")


def generations_grow():
    def generation():
        with open(MAP, "rb") as f:
            return int(re.search(rb"Gmap:1\t(\d+)", f.read()).group(1))

    compile()
    first = generation()
    compile()
    ok(generation() > first, "the generation grows within a second, too")
    ok(os.path.exists(MAP + ".previous"), "the map before is kept")


# -- mistakes: the table, what is written there, and the whole message
# (TABLE:LINE:COLUMN: ...), one row for each

MISTAKES = [
    # lines
    ("settings", None, "settings:1:1: expected a file that can be read: "
     "No such file or directory"),
    ("routes", b"* mx\nk\xf6ln.example mx\n", "routes:2:2: expected UTF-8, not the "
     "byte 0xf6"),
    ("routes", b"* mx\n# k\xf6ln\na.example mx # k\xf6ln\n", "routes:3:17: expected "
     "UTF-8, not the byte 0xf6"),
    ("routes", "* mx\na.example\x00 mx\n", "routes:2:10: expected text, not a control "
     "character (0x00)"),
    ("routes", "* mx\na.example\x1b mx\n", "routes:2:10: expected text, not a control "
     "character (0x1b)"),
    ("routes", "* mx\n" + "a" * 65537, "routes:2:1: expected at most 65536 bytes in a "
     "line with its continuations"),
    ("routes", "* mx\na.example smtp\n" + " 10=a.example\n" * 6000, "routes:5043:1: "
     "expected at most 65536 bytes in a line with its continuations"),
    ("routes", "  a.example mx\n* mx\n", "routes:1:1: expected a line that begins in "
     "the first column: what is indented continues the line before"),
    ("domains", "include\n", "domains:1:8: expected one file name after \"include\""),
    ("domains", "include a b\n", "domains:1:9: expected one file name after "
     "\"include\""),
    ("domains", "include gone\n", "domains:1:9: expected a file that can be read: "
     "TABLES/gone: No such file or directory"),
    ("domains", "include domains\n", "domains:1:9: expected no more than 8 files that "
     "include each other"),
    # settings
    ("settings", "hostnam a.example\n", "settings:1:1: expected a setting, not "
     "\"hostnam\"; did you mean \"hostname\"?"),
    ("settings", "ö ö hostname\n", "settings:1:1: expected a setting, not \"ö\""),
    ("settings", "hostname\n", "settings:1:9: expected a value after "
     "\"hostname\": name of this host, in the greeting, EHLO and Received:"),
    ("settings", "hostname a.example b\n", "settings:1:20: expected one value, not "
     "\"b\""),
    ("settings", "hostname a.example\nerrors-max 1\nhostname b.example\n",
     "settings:3:1: expected hostname once; it is already at TABLES/settings:1"),
    ("settings", "hostname a_b..example\n", "settings:1:10: expected a domain name "
     "without empty labels, not \"a_b..example\""),
    ("settings", "postmaster help\n", "settings:1:12: expected \"@\" and a domain "
     "after the local part, not \"help\""),
    ("settings", "recipients-max 0\n", "settings:1:16: expected a number from 1 to "
     "50000, not \"0\""),
    ("settings", "recipients-max lots\n", "settings:1:16: expected a number from 1 to "
     "50000, not \"lots\""),
    ("settings", "command-timeout 300\n", "settings:1:17: expected a time from 1s to "
     "1d (units: s, m, h, d), not \"300\""),
    ("settings", "duplicate-window 1h\n", "settings:1:18: expected a time from 1ms to "
     "1m (units: ms, s, m, h, d), not \"1h\""),
    ("settings", "message-size-max 50mb\n", "settings:1:18: expected a size from 1k to "
     "2g (units: k, m, g), not \"50mb\""),
    ("settings", "force-filesystem maybe\n", "settings:1:18: expected yes or no, not "
     "\"maybe\""),
    ("settings", "source-address 192.0.2.1:25\n", "settings:1:16: expected an IP "
     "address without a port, not \"192.0.2.1:25\""),
    ("settings", "listen localhost:25\n", "settings:1:8: expected an address such as "
     "192.0.2.1, 192.0.2.1:2525 or [2001:db8::1]:25, not \"localhost:25\""),
    ("settings", "listen [::1\n", "settings:1:8: expected \"]\" after the address, not "
     "\"[::1\""),
    ("settings", "listen 192.0.2.1:99999\n", "settings:1:8: expected a port from 1 to "
     "65535, not \"192.0.2.1:99999\""),
    ("settings", "listen 192.0.2.1\nlisten 192.0.2.1:25\n", "settings:2:8: expected "
     "each address and port once, not \"192.0.2.1:25\""),
    ("settings", "".join(f"resolver 192.0.2.{i}\n" for i in range(1, 10)),
     "settings:9:10: expected at most 8 of these, not \"192.0.2.9\""),
    ("settings", "relay-from\n", "settings:1:11: expected a network such as "
     "192.0.2.0/24 or 2001:db8::/32 after \"relay-from\""),
    ("settings", "relay-from 192.0.2\n", "settings:1:12: expected a network such as "
     "192.0.2.0/24 or 2001:db8::/32, not \"192.0.2\""),
    ("settings", "relay-from 10.0.0.0/8 192.0.2.0/40\n", "settings:1:23: expected a "
     "prefix length from 0 to 32, not \"192.0.2.0/40\""),
    ("settings", "relay-from 2001:db8::/129\n", "settings:1:12: expected a prefix "
     "length from 0 to 128, not \"2001:db8::/129\""),
    ("settings", "relay-from 192.0.2.1/24\n", "settings:1:12: expected a network "
     "without bits beyond its prefix, here 192.0.2.0/24, not \"192.0.2.1/24\""),
    ("settings", "relay-from 10.0.0.0/8\nrelay-from 10.0.0.0/8\n", "settings:2:12: "
     "expected each network once; 10.0.0.0/8 is already at TABLES/settings:1"),
    ("settings", "bare-lf 10.0.0.0/8\n", "settings:1:9: expected \"normalise\" and "
     "networks, not \"10.0.0.0/8\""),
    ("settings", "bare-lf normalize 10.0.0.0/8\n", "settings:1:9: expected "
     "\"normalise\" and networks, not \"normalize\"; did you mean \"normalise\"?"),
    ("settings", "bare-lf normalise\n", "settings:1:18: expected a network such as "
     "192.0.2.0/24 or 2001:db8::/32 after \"normalise\""),
    ("settings", "local-route smtp\n", "settings:1:17: expected a next hop, as in "
     "a.example or [192.0.2.9]:2525 after \"smtp\""),
    # profiles
    ("profiles", "2nd\n", "profiles:1:1: expected a profile's name: a letter, then "
     "letters, digits, \"-\" and \"_\", not \"2nd\""),
    ("profiles", "a" * 64 + "\n", "profiles:1:1: expected a profile's name of 1 to 63 "
     "characters, not \"" + "a" * 60 + "...\""),
    ("profiles", "vpn\nvpn retries 3\n", "profiles:2:1: expected each profile once; "
     "vpn is already at TABLES/profiles:1"),
    ("profiles", "vpn\n  retrys 3\n", "profiles:2:3: expected a key of a profile, not "
     "\"retrys\"; did you mean \"retry\"?"),
    ("profiles", "vpn\n  retries 0\n", "profiles:2:11: expected a number from 1 to "
     "10000, or none, not \"0\""),
    ("profiles", "vpn retry 10 20\n", "profiles:1:11: expected a time from 1s to 30d, "
     "such as 90s, 15m, 4h or 5d, not \"10\""),
    ("profiles", "vpn retry lifetime 3d\n", "profiles:1:10: expected a time from 1s to "
     "30d, such as 90s, 15m, 4h or 5d after \"retry\""),
    ("profiles", "vpn lifetime 2y\n", "profiles:1:14: expected a time from 1s to 365d, "
     "such as 90s, 15m, 4h or 5d, or none, not \"2y\""),
    ("profiles", "vpn at-end bounce\n", "profiles:1:12: expected dsn or discard, not "
     "\"bounce\""),
    ("profiles", "vpn concurrency none\n", "profiles:1:17: expected a number from 1 to "
     "10000, not \"none\""),
    ("profiles", "vpn greeting-5xx 550\n", "profiles:1:18: expected fail or next, not "
     "\"550\""),
    ("profiles", "vpn priority 10\n", "profiles:1:14: expected one digit, 0 (first) to "
     "9 (last), not \"10\""),
    ("profiles", "vpn retries 3\n  retries 4\n", "profiles:2:3: expected each key "
     "once, not \"retries\""),
    ("profiles", "vpn lifetime none\n", "profiles:1:1: expected retries or a lifetime, "
     "else mail is tried for ever"),
    ("profiles", "vpn retry " + "1m " * 65 + "\n", "profiles:1:203: expected at most "
     "64 delays, not \"1m\""),
    # routes
    ("routes", "a.example mx\n", "routes:2:1: expected a default route, a line such as "
     "\"* mx\" or \"* smtp [192.0.2.9]\""),
    ("routes", None, "routes:1:1: expected a default route, a line such as \"* mx\" or "
     "\"* smtp [192.0.2.9]\""),
    ("routes", "* mx\na@ mx\n", "routes:2:1: expected a domain name, not \"a@\""),
    ("routes", "* mx\n*.a.example mx\n", "routes:2:1: expected a domain name of "
     "letters, digits and hyphens, not \"*.a.example\""),
    ("routes", "* mx\na.example mx\nA.Example mx\n", "routes:3:1: expected each "
     "pattern once; a.example is already at TABLES/routes:2"),
    ("routes", "* mx\na.example\n", "routes:2:10: expected a route: smtp, lmtp, mx, "
     "maildir: or lookup-mx: after \"a.example\""),
    ("routes", "* mx\na.example smpt b.example\n", "routes:2:11: expected a route: "
     "smtp, lmtp, mx, maildir: or lookup-mx:, not \"smpt\"; did you mean \"smtp\"?"),
    ("routes", "* mx\na.example smtp b.example c.example\n", "routes:2:26: expected a "
     "weight for each of several hops, as in 10=a.example 20=b.example, not "
     "\"c.example\""),
    ("routes", "* mx\na.example smtp b.example backup\n", "routes:2:26: expected the "
     "name of a profile (several hops need a weight each, as in 10=a.example "
     "20=b.example), not \"backup\""),
    ("routes", "* mx\na.example mx slow\n", "routes:2:14: expected the name of a "
     "profile, not \"slow\""),
    ("routes", "* mx\na.example mx defualt\n", "routes:2:14: expected the name of a "
     "profile, not \"defualt\"; did you mean \"default\"?"),
    ("routes", "* mx\na.example mx default more\n", "routes:2:22: expected at most a "
     "profile's name after this, not \"more\""),
    ("routes", "* mx\na.example smtp x=b.example\n", "routes:2:16: expected a weight "
     "from 0 to 65535, not \"x=b.example\""),
    ("routes", "* mx\na.example smtp 1=b.example 2=b.example\n", "routes:2:30: "
     "expected each hop once, not \"2=b.example\""),
    ("routes", "* mx\na.example smtp b.example:smtp\n", "routes:2:16: expected a port "
     "from 1 to 65535, not \"b.example:smtp\""),
    ("routes", "* mx\na.example smtp 192.0.2\n", "routes:2:16: expected a domain name; "
     "an address is written in brackets, not \"192.0.2\""),
    ("routes", "* mx\na.example smtp " + " ".join(f"1=h{i}" for i in range(65)) + "\n",
     "routes:2:390: expected at most 64 hops, not \"1=h64\""),
    ("routes", "* mx\na.example smtp unix:/run/smtp\n", "routes:2:16: expected a host: "
     "unix sockets are for lmtp, not \"unix:/run/smtp\""),
    ("routes", "* mx\na.example lmtp unix:lmtp\n", "routes:2:16: expected the whole "
     "path of a socket, as in unix:/run/lmtp, not \"unix:lmtp\""),
    ("routes", "* mx\na.example mx zome=b.example\n", "routes:2:14: expected "
     "zone=DOMAIN, query=ADDRESS,ADDRESS or port=NUMBER, each once, not "
     "\"zome=b.example\""),
    ("routes", "* mx\na.example mx query=ns.example\n", "routes:2:20: expected an "
     "address such as 192.0.2.1, 192.0.2.1:2525 or [2001:db8::1]:25, not "
     "\"query=ns.example\""),
    ("routes", "* mx\na.example maildir:/var/%h\n", "routes:2:24: expected %u, %d or "
     "%% in the path, not \"maildir:/var/%h\""),
    ("routes", "* mx\na.example maildir:/var/../etc\n", "routes:2:24: expected a path "
     "without \"..\", not \"maildir:/var/../etc\""),
    ("routes", "* mx\na.example maildir:incoming/%u\n", "routes:2:19: expected a whole "
     "path, or one below the spool that begins with a name of its own, as in mail/%d, "
     "not \"maildir:incoming/%u\""),
    ("routes", "* mx\na.example smtp [127.0.0.1]\n", "routes:2:16: expected another "
     "host: we listen on 127.0.0.1:25 ourselves, and mail would go in circles"),
    ("routes", "* mx\na.example smtp 1=b.example 2=localhost:25\n", "routes:2:28: "
     "expected another host: we listen on 127.0.0.1:25 ourselves, and mail would go in "
     "circles"),
    # patterns of the routing table
    ("routes", "* mx\nx*@a..example mx\n", "routes:2:1: expected a domain name "
     "without empty labels, not \"x*@a..example\""),
    ("routes", "* mx\na(*@a.example mx\n", "routes:2:1: expected \"@\" and "
     "a domain after the local part, not \"a(*@a.example\""),
    ("routes", "* mx\n" + "x" * 64 + "*@a.example mx\n", "routes:2:1: expected a "
     "local part of at most 64 characters, not \"" + "x" * 60 + "...\""),
    ("routes", "* mx\nx*@a.example mx\nX*@A.example mx\n", "routes:3:1: expected "
     "each pattern once; X*@A.example is already at TABLES/routes:2"),
    ("routes", "* mx\n/a mx\n", "routes:2:1: expected an expression between \"/\" "
     "and \"/\", not \"/a\""),
    ("routes", "* mx\n// mx\n", "routes:2:1: expected an expression between \"/\" "
     "and \"/\", not \"//\""),
    ("routes", "* mx\n/ab(c/ mx\n", "routes:2:6: expected a regular expression: "
     "missing closing parenthesis"),
    ("routes", "* mx\n" + "".join(f"/a{i}/ mx\n" for i in range(1001)), "routes:1002:1: "
     "expected at most 1000 of these, which are tried in turn"),
    ("routes", "* mx\na.example from= mx\n", "routes:2:16: expected a sender: an "
     "address, a domain, .domain or <> after \"from=\""),
    ("routes", "* mx\na.example from=jo@ mx\n", "routes:2:16: expected a domain name, "
     "not \"from=jo@\""),
    ("routes", "* mx\n* from=a.example mx\n* from=A.example mx\n", "routes:3:1: "
     "expected each pattern once; * is already at TABLES/routes:2"),
    # tables of hosts
    ("routes", "* mx\ntable\n", "routes:2:6: expected a table's name of 1 to 63 "
     "characters after \"table\""),
    ("routes", "* mx\ntable a.b\n", "routes:2:7: expected a table's name of letters, "
     "digits, \"-\" and \"_\", not \"a.b\""),
    ("routes", "* mx\ntable a b\n", "routes:2:9: expected nothing more, not \"b\""),
    ("routes", "* mx\ntable a\ntable a\n", "routes:3:7: expected each table once; a "
     "is already at TABLES/routes:2"),
    ("routes", "* mx\nhost\n", "routes:2:5: expected host NAME uses TABLE after "
     "\"host\""),
    ("routes", "* mx\nhost a..b uses t\n", "routes:2:6: expected the name of a host, "
     "not \"a..b\""),
    ("routes", "* mx\nhost a has t\n", "routes:2:8: expected \"uses\" and a table, "
     "not \"has\""),
    ("routes", "* mx\nhost a uses\n", "routes:2:12: expected a table's name after "
     "\"uses\""),
    ("routes", "* mx\nhost a uses t u\ntable t\n", "routes:2:15: expected nothing "
     "more, not \"u\""),
    ("routes", "* mx\nhost a uses t\nhost A uses t\ntable t\n", "routes:3:6: "
     "expected each host once, not \"A\""),
    ("routes", "* mx\nhost a uses t\n", "routes:2:13: expected a table of these rows, "
     "not \"t\""),
    ("routes", "* mx\ntable t\na.example mx\na.example mx\n", "routes:4:1: expected "
     "each pattern once; a.example is already at TABLES/routes:3"),
    ("routes", "* mx\ntable t\na.example mxx\n", "routes:3:11: expected a route: "
     "smtp, lmtp, mx, maildir: or lookup-mx:, not \"mxx\"; did you mean \"mx\"?"),
    # domains
    ("domains", "user@a.example maildir:/var/mail\n", "domains:1:1: expected a domain "
     "(patterns belong in the table routes), not \"user@a.example\""),
    ("domains", ".a.example maildir:/var/mail\n", "domains:1:1: expected a domain "
     "(patterns belong in the table routes), not \".a.example\""),
    ("domains", "a..example maildir:/var/mail\n", "domains:1:1: expected a domain name "
     "without empty labels, not \"a..example\""),
    ("domains", "a.example\n", "domains:1:10: expected a route (or local-route in the "
     "settings) after \"a.example\""),
    ("domains", "a.example maildir:/a\nb.example maildir:/b\na.example maildir:/c\n",
     "domains:3:1: expected each domain once; a.example is already at "
     "TABLES/domains:1"),
]

LISTED = "a.example recipients=listed maildir:/a\nb.example maildir:/b\n"

# Of more than one table.
LADDER = "".join(f"n{i}@a.example n{i + 1}@a.example\n" for i in range(33))
WIDE = "".join(
    f"w{i}@a.example w{i + 1}@a.example "
    + " ".join(f"x{i}-{j}@a.example" for j in range(600))
    + "\n"
    for i in range(2)
)

WIDER = [
    (dict(rewrites="sendr a@a.example b@b.example\n"), "rewrites:1:1: expected sender or "
     "recipient, not \"sendr\"; did you mean \"sender\"?"),
    (dict(rewrites="sender\n"), "rewrites:1:7: expected what is replaced: an address, or "
     "@ and a domain after \"sender\""),
    (dict(rewrites="sender a\n"), "rewrites:1:8: expected an address, or @ and a domain "
     "for all others in it, not \"a\""),
    (dict(rewrites="sender a@a.example\n"), "rewrites:1:19: expected what replaces it: "
     "an address, or @ and a domain after \"a@a.example\""),
    (dict(rewrites="sender a@a.example @b.example\n"), "rewrites:1:20: expected an "
     "address: only a whole domain becomes another one, not \"@b.example\""),
    (dict(rewrites="sender @a.example @b..example\n"), "rewrites:1:19: expected a domain "
     "name without empty labels, not \"@b..example\""),
    (dict(rewrites="recipient @a.example @b.example c\n"), "rewrites:1:33: expected "
     "nothing more, not \"c\""),
    (dict(rewrites="sender @a.example @b.example\nrecipient @a.example @c.example\n"
          "sender @A.example @d.example\n"), "rewrites:3:8: expected each address once; "
     "@a.example is already at TABLES/rewrites:1"),
    (dict(aliases="a.example b@a.example\n"), "aliases:1:1: expected an address, or @ "
     "and a domain for all others in it, not \"a.example\""),
    (dict(aliases="a@a.example\n"), "aliases:1:12: expected addresses after "
     "\"a@a.example\""),
    (dict(aliases="a@a.example b\n"), "aliases:1:13: expected \"@\" and a domain after "
     "the local part, not \"b\""),
    (dict(aliases="a@a.example @b.example\n"), "aliases:1:13: expected a "
     "local part of words with single dots between, not \"@b.example\""),
    (dict(aliases="@a.example @b..example\n"), "aliases:1:12: expected a domain name "
     "without empty labels, not \"@b..example\""),
    (dict(aliases="a@a.example b@a.example\nA@A.example c@a.example\n"), "aliases:2:1: "
     "expected each alias once; a@a.example is already at TABLES/aliases:1"),
    (dict(aliases="a@a.example b@a.example\nb@a.example x@a.example c@a.example\n"
          "c@a.example A@a.example\n"), "aliases:1:1: expected no cycle: a@a.example -> "
     "b@a.example -> c@a.example -> a@a.example"),
    (dict(aliases="a@a.example b@b.example\n@b.example a@a.example\n"), "aliases:1:1: "
     "expected no cycle: a@a.example -> @b.example -> a@a.example"),
    (dict(aliases="@a.example @a.example\n"), "aliases:1:1: expected no cycle: "
     "@a.example -> @a.example"),
    (dict(aliases=LADDER), "aliases:1:1: expected at most 32 aliases that name each other"),
    (dict(aliases=WIDE), "aliases:1:1: expected an alias of at most 1000 addresses, with "
     "those it names by other aliases"),
    (dict(domains="a.example recipients=some maildir:/a\n"), "domains:1:22: expected "
     "recipients=listed, not \"recipients=some\""),
    (dict(domains=LISTED, recipients="a.example\n"), "recipients:1:1: expected an "
     "address, or @ and a domain for all others in it, not \"a.example\""),
    (dict(domains=LISTED, recipients="jo@a.example @.a.example\n"), "recipients:1:14: "
     "expected a domain after \"@\": it holds for no other one, not \"@.a.example\""),
    (dict(domains=LISTED, recipients="jo@b.example\n"), "recipients:1:1: expected a "
     "recipient of a local domain with recipients=listed, which b.example is not"),
    (dict(domains=LISTED, recipients="jo@a.example\nkim@a.example Jo@A.example\n"),
     "recipients:2:15: expected each recipient once; jo@a.example is already at "
     "TABLES/recipients:1"),
    (dict(domains=LISTED, recipients="jo@a..example\n"), "recipients:1:1: expected a "
     "domain name without empty labels, not \"jo@a..example\""),
    (dict(settings="", routes="* mx\n"), "routes:1:3: expected query=ADDRESS here, or "
     "a resolver in the settings, to ask for MX records"),
    (dict(settings="", routes="* smtp a.example\n"), "routes:1:8: expected an address, "
     "or a resolver in the settings to look up a.example"),
    (dict(settings="hostname a.example\nlisten 192.0.2.1\n",
          routes="* smtp a.example\n"), "routes:1:8: expected another host: we listen "
     "on 192.0.2.1:25 ourselves, and mail would go in circles"),
    (dict(settings="listen [::]:2525\n", routes="* smtp [::1]:2525\n"), "routes:1:8: "
     "expected another host: we listen on [::]:2525 ourselves, and mail would go in "
     "circles"),
    (dict(routes="* mx\na.example mx\n", domains="a.example maildir:/var/mail\n"),
     "domains:1:11: expected no route here: it is never reached, as the one at "
     "TABLES/routes:2 answers first"),
    (dict(routes="* mx\n.example mx\n", domains="b.a.example maildir:/var/mail\n"),
     "domains:1:13: expected no route here: it is never reached, as the one at "
     "TABLES/routes:2 answers first"),
]


def expect(tables, message):
    write(**{"settings": SETTINGS, "routes": ROUTES, **tables})
    with open(MAP, "rb") as f:
        before = f.read()
    done = compile()
    message = f"{TABLES}/{message.replace('TABLES', TABLES)}"
    is_((done.returncode, done.stderr.splitlines()), (1, [message]), message)
    with open(MAP, "rb") as f:
        if f.read() != before:
            ok(False, "the old map stays")


def every_mistake():
    for table, content, message in MISTAKES:
        expect({table: content}, message)
    for tables, message in WIDER:
        expect(tables, message)


def all_of_them_are_reported():
    write(
        settings="hostnam x\nlisten nowhere\nresolver 192.0.2.53\n",
        profiles="slow\n  retrys 3\n  lifetime 2y\n  at-end bounce\n",
        routes="a.example mx slwo\nb..example smpt\n* mx\n",
        domains="c.example\n",
    )
    done = compile()
    places = [line[len(TABLES) + 1 :].split(": ")[0] for line in done.stderr.split("\n")]
    is_(
        [place for place in places if place],
        ["profiles:2:3", "profiles:3:12", "profiles:4:10", "settings:1:1"]
        + ["settings:2:8", "routes:1:14", "routes:2:1", "routes:2:12"]
        + ["domains:1:10"],
        "each once, in the order of tables and lines",
    )
    write(settings="x y\n" * 250, routes="* mx query=192.0.2.53\n")
    lines = compile().stderr.splitlines()
    is_(len(lines), 101, "a hundred mistakes are printed")
    is_(lines[-1], "and 150 more mistakes", "the others are counted")


def documented(page):
    """What a page says of each key: its default, or None."""
    with open(os.path.join(ROOT, "man", page)) as f:
        items = f.read().split("\n.It Ic ")[1:]
    found = {}
    for item in items:
        default = re.search(r"\nDefault:\n\.Li (.*) \.\n", item + "\n")
        found[item.split()[0]] = default and default.group(1)
    return found


def the_pages_are_right():
    said = documented("stagepost-settings.5")
    rows = [line.split("\t") for line in ask("setting:*")[1].splitlines()]
    is_(sorted(said), sorted(name for name, _, _ in rows), "every setting has its text")
    for name, default, _ in rows:
        if default != "-":
            is_(said.get(name), default, f"and its default: {name}")
    said = documented("stagepost-profiles.5")
    cdbmaps("-e", "-s", SPOOL)
    text = ask("profile:default")[1].split("\t")[1]
    built_in = re.findall(r"([a-z][a-z0-9-]+)((?: (?:\d\S*|none|dsn|fail|opportunistic|no\b))+)", text)
    defaults = {key: value for key, value in said.items() if value}
    is_(defaults, {key: value.strip() for key, value in built_in}, "every key of a profile")
    times = sorted(key for key, value in said.items() if not value)
    write(settings="", profiles=f"all {' 7s '.join(times)} 7s\n", routes=ROUTES)
    compile("-o", "resolver 192.0.2.53")
    kept = re.findall(r"(\S+) 7s\b", ask("profile:all")[1])
    is_(sorted(kept), times, "what has no default are times, and they are kept")


def what_else_fails():
    write(settings=SETTINGS, routes=ROUTES)
    is_(cdbmaps("-n", "-f", TABLES, "-s", "/nonexistent").returncode, 0, "-n: no spool")
    done = cdbmaps("-f", TABLES, "-s", "/nonexistent")
    is_(done.returncode, 2, "no spool")
    like(done.stderr, "open the spool /nonexistent: No such file", "and says so")
    is_(cdbmaps("-f", TABLES, "extra").returncode, 2, "an argument too many")
    is_(cdbmaps("-x").returncode, 2, "an unknown option")
    done = cdbmaps("-n", "-f", os.path.join(DIR, "gone"))
    is_(done.returncode, 1, "no tables")
    said = ("/gone:1:1: expected a directory of tables, or a document: No such file or directory "
            "(cdbmaps -p DIRECTORY writes tables to start from)")
    ok(said in done.stderr, "and says so")
    is_(len(done.stderr.splitlines()), 1, "and no more")
    empty = os.path.join(DIR, "empty")
    open(empty, "w").close()
    done = cdbmaps("-n", "-f", empty)
    is_(done.returncode, 1, "a document with nothing in it")
    like(done.stderr, "expected a default route", "lacks what every map has")
    document = os.path.join(DIR, "broken")
    with open(document, "w") as f:
        f.write("== setings\nx\n== settings\nhostname x\n== routes\n* mx\n")
    done = cdbmaps("-n", "-f", document)
    is_(
        done.stderr.splitlines(),
        [
            f'{document}:1:4: expected the name of a table, not '
            '"setings"; did you mean "settings"?',
            f"{document}:6:3: expected query=ADDRESS here, or a resolver in the "
            "settings, to ask for MX records",
        ],
        "mistakes in a document",
    )
    with open(MAP, "r+b") as f:
        f.truncate(os.path.getsize(MAP) - 1)
    is_(ask("setting:hostname")[0], 2, "a damaged map is no answer")
    is_(cdbmaps("-d", "-s", SPOOL).returncode, 2, "nor a dump")
    is_(compile().returncode, 0, "but it can be compiled anew")
    with open("/dev/full", "w") as full:
        argv = [program("cdbmaps"), "-d", "-s", SPOOL]
        done = subprocess.run(argv, stdout=full, stderr=subprocess.DEVNULL)
    is_(done.returncode, 2, "an answer that cannot be written")


os.mkdir(SPOOL)
try:
    the_embedded_tables()
    the_command_line()
    all_of_it()
    the_dump_compiles_again()
    patterns_and_tables()
    the_dump_compiles_again(r"(?m)^abuse@\* smtp \[192.0.2.4\]  # routes:7$")
    write(**TABLES_OF_ALL)
    generations_grow()
    every_mistake()
    all_of_them_are_reported()
    the_pages_are_right()
    what_else_fails()
finally:
    shutil.rmtree(DIR)
done_testing()
