#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Every mistake in a table is FILE:LINE:COLUMN and a sentence: those that are not
in 10-cdbmaps.t.  scripts/check-mistakes demands a case for each sentence of the
sources.
"""

import os
import shutil
import subprocess
import sys
import tempfile

from process import program
from tap import *

DIR = tempfile.mkdtemp(prefix="stagepost-test.")
TABLES = os.path.join(DIR, "tables")
SPOOL = os.path.join(DIR, "spool")

LABEL = "a" * 63
LONG = ".".join([LABEL] * 4)  # a domain of 255 characters
CUT = "a" * 60 + "..."  # what is shown of it
HOPS = " ".join(f"1=host{i}.with-a-long-name.example" for i in range(40))
PINS = " ".join("sha256:" + digit * 64 for digit in "12345")
SERVERS = ",".join(f"192.0.2.{i}" for i in range(1, 10))

# A table, its text, and all that is said of it.
CASES = [
    ("aliases", "a@b.example postmaster\n",
     'aliases:1:13: expected an address with its domain, not "postmaster"'),
    ("aliases", "a@b.example k\u00f6@c.example\n",
     'aliases:1:13: expected an address in ASCII, not "k\u00f6@c.example"'),

    ("credentials", "one jo xtext:a+zz\n",
     "credentials:1:8: expected xtext after xtext:, blanks as +20 and + as +2B"),
    ("credentials", "1x jo secret\n", "credentials:1:1: expected a name as of a profile"),
    ("credentials", "one jo\n", "credentials:1:7: expected a name, a user and a password"),
    ("credentials", "one jo a b\n", "credentials:1:10: expected a name, a user and a password"),
    ("credentials", "one jo a\none jo b\n", "credentials:2:1: expected each name once"),

    ("profiles", "vpn auth nobody\n",
     'profiles:1:10: expected a name in credentials, not "nobody"'),
    ("profiles", "vpn auth 2nd\n",
     'profiles:1:10: expected the name of a credential, or none, not "2nd"'),
    ("profiles", "vpn tls maybe\n",
     "profiles:1:9: expected none, opportunistic, required, verify or pin, "
     'not "maybe"'),
    ("profiles", f"vpn tls pin tls-pin {PINS}\n",
     f'profiles:1:309: expected at most 4 pins, not "sha256:{"5" * 53}..."'),
    ("profiles", "vpn tls pin tls-pin sha256:12\n",
     "profiles:1:21: expected sha256: and the 64 hexadecimal digits of a SHA-256, "
     'cert: and a file, or none, not "sha256:12"'),
    ("profiles", "vpn tls pin tls-pin cert:profiles\n",
     'profiles:1:21: expected a file with a certificate in PEM, not "cert:profiles"'),
    ("profiles", "vpn tls pin tls-pin cert:gone.pem\n",
     "profiles:1:21: expected a file that can be read: TABLES/gone.pem: "
     "No such file or directory"),
    ("profiles", "vpn tls pin\n", "profiles:1:1: expected tls-pin with tls pin"),
    ("profiles", "fallback retry 1h\n",
     'profiles:1:1: expected another name: "fallback" is a word of routes, '
     'not "fallback"'),

    ("settings", f"postmaster {'a' * 64}@{LONG}\n",
     f'settings:1:12: expected an address of at most 319 characters, not "{CUT}"'),
    ("settings", "postmaster postmaster\n",
     'settings:1:12: expected an address with its domain, not "postmaster"'),
    ("settings", "tls-ca-file x.pem\n",
     'settings:1:13: expected the path of a file, from / on, not "x.pem"'),
    ("settings", f"tls-ca-file /{'a' * 255}\n",
     f'settings:1:13: expected a path of at most 255 characters, not "/{"a" * 59}..."'),
    ("settings", "".join(f"listen 192.0.2.{i}:25\n" for i in range(1, 34)),
     'settings:33:8: expected at most 32 of these, not "192.0.2.33:25"'),

    ("domains", f"a{LABEL}.example mx\n",
     f'domains:1:1: expected a domain name with labels of at most 63 bytes, not "{CUT}"'),
    ("domains", "-a.example mx\n",
     "domains:1:1: expected labels that neither begin nor end with a hyphen, not "
     '"-a.example"'),
    ("domains", f"{LONG}.a mx\n",
     f'domains:1:1: expected a domain name of at most 255 bytes, not "{CUT}"'),
    ("domains", "a.example. mx\n",
     'domains:1:1: expected a domain name without a dot at its end, not "a.example."'),

    ("routes", "[192.0.2.9 mx\n",
     'routes:1:1: expected "]" after the address in brackets, not "[192.0.2.9"'),
    ("routes", "[192.0.2.999] mx\n",
     "routes:1:1: expected an IPv4 address or IPv6: and an address in brackets, not "
     '"[192.0.2.999]"'),
    ("routes", f"[{'1' * 300}] mx\n",
     f'routes:1:1: expected a shorter address literal, not "[{"1" * 59}..."'),
    ("routes", '"a\\\u00f6"@a.example mx\n',
     'routes:1:1: expected ASCII behind a backslash, not ""a\\\u00f6"@a.example"'),
    ("routes", '"a@a.example mx\n',
     "routes:1:1: expected a quote at the end of the local part, not "
     '""a@a.example"'),
    ("routes", "a@a.example> mx\n",
     'routes:1:1: expected nothing after the address, not "a@a.example>"'),
    ("routes", f"{'a' * 66}@{LONG} mx\n",
     f'routes:1:1: expected an address of at most 320 bytes, not "{CUT}"'),
    ("routes", f"a*@{LONG} mx\n",
     f'routes:1:1: expected a domain of at most 254 characters, not "a*@{"a" * 57}..."'),
    ("routes", f"a.example lmtp unix:/{'a' * 108}\n",
     "routes:1:16: expected a path of at most 107 characters, not "
     f'"unix:/{"a" * 54}..."'),
    ("routes", f"a.example mx query={SERVERS}\n",
     "routes:1:100: expected at most 8 DNS servers, not "
     '"query=192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5,192...."'),
    ("routes", "a.example maildir:/var/%h\n",
     'routes:1:24: expected %u, %d or %% in the path, not "maildir:/var/%h"'),
    ("routes", "a.example maildir:\n",
     "routes:1:19: expected a path, as in maildir:/var/mail/%d/%u after "
     '"maildir:"'),
    ("routes", f"a.example smtp {HOPS}\n",
     'routes:1:11: expected a shorter route, not "smtp"'),

    ("routes", "a.example maildir:/m fallback mx\n",
     'routes:1:31: expected a fallback only for what hosts may refuse, not "mx"'),
    ("routes", "a.example smtp b fallback smtp c fallback mx\n",
     'routes:1:34: expected one fallback, not "fallback"'),
    ("routes", "a.example smtp b fallback smtp B:25\n",
     'routes:1:27: expected another route as the fallback, not "smtp"'),
    ("routes", "a.example smtp 5=b 10=Fallback:25\n",
     'routes:1:23: expected another host: "fallback" is the word for a second route, '
     'not "10=Fallback:25"'),
    ("routes", "a.example smtp b fallback\n",
     "routes:1:26: expected a route: smtp, lmtp, mx, maildir: or lookup-mx: after "
     '"fallback"'),
    ("routes", "a.example smtp b fallback lmtp unix:x\n",
     "routes:1:32: expected the whole path of a socket, as in unix:/run/lmtp, not "
     '"unix:x"'),
    ("routes", "a.example smtp b fallback smtp 1=c 2=d vnp\n",
     'routes:1:40: expected the name of a profile, not "vnp"; did you mean "vpn"?'),
    ("routes", "a.example smtp 1=b 2=c vnp fallback smtp d\n",
     'routes:1:24: expected the name of a profile, not "vnp"; did you mean "vpn"?'),
    ("routes", "a.example smtp b fallback smtp [127.0.0.1]:25\n",
     "routes:1:32: expected another host: we listen on 127.0.0.1:25 ourselves, and "
     "mail would go in circles"),

    ("rules", "a listener 127.0.0.1:1 then stop\n",
     "rules:1:12: expected one of our listeners, as in the settings, not "
     '"127.0.0.1:1"; did you mean "127.0.0.1:25"?'),
    ("rules", "a inbound outbound then stop\n",
     'rules:1:11: expected inbound or outbound only once, not "outbound"'),
    ("rules", "a then stop\nb then stop\n",
     "rules:2:1: expected no rule here: it is never reached, as the one at "
     "TABLES/rules:1 takes all mail"),
    ("rules", "a from x.example then stop\na to x.example then stop\n",
     "rules:2:1: expected each rule once; a is already at TABLES/rules:1"),
    ("rules", "a header Subject // then stop\n",
     'rules:1:18: expected an expression between / and /, not "//"'),
    ("rules", "a size over big then stop\n",
     'rules:1:13: expected a size such as 500k or 20m, not "big"'),
    ("rules", "a header (x) then stop\n",
     'rules:1:10: expected the name of a header field, not "(x)"'),
    ("rules", "a client then stop\n",
     'rules:1:10: expected an address, a network or "local", not "then"'),
    ("rules", "a from then stop\n",
     'rules:1:8: expected what to compare it with, not "then"'),
    ("rules", "a size 20m then stop\n",
     'rules:1:8: expected "over" or "under", not "20m"'),
    ("rules", "a frm x then stop\n",
     'rules:1:3: expected a condition or "then", not "frm"; did you mean "from"?'),
    ("rules", "a not then stop\n", 'rules:1:7: expected a condition, not "then"'),
    ("rules", "a then rout mx\n",
     'rules:1:8: expected an action, not "rout"; did you mean "route"?'),
    ("rules", 'a header Subject "a b then stop\n',
     'rules:1:18: expected a closing " (a word that begins with # is a comment), '
     'not ""a"'),
    ("rules", "a header Subject /a #b/ then stop\n",
     "rules:1:18: expected a closing / (a word that begins with # is a comment; "
     'write \\x23), not "/a"'),
    ("rules", "a header Subject /a(b/ then stop\n",
     "rules:1:22: expected a regular expression (missing closing parenthesis), not "
     '"/a(b/"'),
    ("rules", "a then hold\n",
     "rules:1:12: expected a name for what is held, of letters, digits and "
     '"-" after "hold"'),
    ("rules", "a then profile\n",
     'rules:1:15: expected the name of a profile after "profile"'),
    ("rules", "a.b then stop\n",
     'rules:1:1: expected a name for the rule, of letters, digits, "-" and "_", '
     'not "a.b"'),
    ("rules", "a then copy postmaster\n",
     'rules:1:13: expected an address with a domain, not "postmaster"'),
    ("rules", "a then copy a@b.example vai mx\n",
     'rules:1:25: expected "via" and a route, "and" or nothing, not "vai"'),
    ("rules", "a then copy a@b.example via smtp 1=b 2=c fallback smtp 1=d 2=e vnp\n",
     'rules:1:64: expected the name of a profile, not "vnp"; did you mean "vpn"?'),
    ("rules", "a then add-header Subject x\n",
     'rules:1:19: expected the name of a header field and ":", not "Subject"'),
    ("rules", "a then add-header S,x: x\n",
     'rules:1:19: expected the name of a header field and ":", not "S,x:"'),
    ("rules", "a then add-header X-Y:\n",
     "rules:1:19: expected a value of 1 to 900 characters for the header field, not "
     '"X-Y:"'),
    ("rules", "a then add-header X-Y: \u00e9\n",
     'rules:1:19: expected a value in ASCII (RFC 2047 encodes others), not "X-Y:"'),
    ("rules", "a then priority 11\n",
     'rules:1:17: expected a priority from 0 (first) to 9, not "11"'),
    ("rules", "a then reject 250 x\n",
     'rules:1:15: expected a code from 500 to 559, not "250"'),
    ("rules", f"a then reject {'a' * 401}\n",
     "rules:1:15: expected a text of at most 400 ASCII characters, not "
     f'"{CUT}"'),
    ("rules", "a then stop and hold x\n",
     'rules:1:17: expected nothing after stop or continue, not "hold"'),
    ("rules", "a then route mx and route mx\n",
     'rules:1:21: expected each action once, not "route"'),
    ("rules", "a then discard and hold x\n",
     'rules:1:20: expected nothing after reject or discard, not "hold"'),

    ("rewrites", "recipient a@b.example postmaster\n",
     'rewrites:1:23: expected an address with its domain, not "postmaster"'),
    ("rewrites", "recipient a@b.example k\u00f6@c.example\n",
     'rewrites:1:23: expected an address in ASCII, not "k\u00f6@c.example"'),
]

OWN_MOUNTS = [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "mounts.py")]

# Of what this machine says of itself: in a namespace where that is wrong.
MACHINE = [
    (OWN_MOUNTS, "mount --bind /dev/null /etc/resolv.conf", "resolver system\n",
     "settings:1:10: expected a nameserver in /etc/resolv.conf"),
    (["unshare", "-u"], "echo -n _- > /proc/sys/kernel/hostname", "hostname system\n",
     "settings:1:10: expected a name: this machine has none that can be used"),
]


def write(tables, mode=0o600):
    shutil.rmtree(TABLES, ignore_errors=True)
    os.mkdir(TABLES)
    for name, text in tables.items():
        path = os.path.join(TABLES, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)


def says(message, *command, **tables):
    """All that is said of these tables."""
    tables["routes"] = tables.get("routes", "") + "* mx query=192.0.2.53\n"
    mode = 0o604 if "credentials:1:1: expected a file" in message else 0o600
    write({"settings": "listen 127.0.0.1:25\nresolver 192.0.2.53\n",
           "profiles": "vpn retry 1h\n", **tables}, mode)
    argv = [*command, program("cdbmaps"), "-n", "-f", TABLES, "-s", SPOOL]
    done = subprocess.run(argv, stderr=subprocess.PIPE, text=True)
    message = f"{TABLES}/{message.replace('TABLES', TABLES)}"
    is_((done.returncode, done.stderr.splitlines()), (1, [message]), message)


def of_the_machine(alone, make, settings, message):
    script = f'{make} && exec "$@"'
    if subprocess.run([*alone, "sh", "-c", script, "sh", "true"],
                      stderr=subprocess.DEVNULL).returncode != 0:
        skip(message, "it takes a namespace of its own")
        return
    says(message, *alone, "sh", "-c", script, "sh", settings=settings)


os.mkdir(SPOOL)
try:
    for name, text, message in CASES:
        says(message, **{name: text})
    says("profiles:1:1: expected more than tls none with auth, or auth-in-clear yes",
         credentials="one jo secret\n", profiles="vpn tls none auth one\n")
    says("credentials:1:1: expected a file that others cannot read: chmod o= it",
         credentials="one jo secret\n")
    for row in MACHINE:
        of_the_machine(*row)
finally:
    shutil.rmtree(DIR)
done_testing()
