#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""AUTH at the next hop: which mechanism, when not, and who can see the password."""

import base64
import pwd
import stat

from put import put
from secure import Authority, Host
from stage import *

SECRET = "tOp+s3cr3t=#"
PROFILES = """
default   retry 1s  retries 50
mail      tls verify  auth relay
open      tls none  auth relay  auth-in-clear yes
may       auth relay
wrong     tls verify  auth other
"""


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def has_user(name):
    return name in [user.pw_name for user in pwd.getpwall()]


def outcome(stage, recipient):
    """The line of what became of a message, and then it is deleted."""
    (id,) = put(stage, recipient)
    line = stage.sender.log.wait_for(f"{id}: (delivered|deferred|bounced) .*").group(0)
    if "delivered" not in line:
        stage.tool("delete", id)
    return line


with Stage() as stage:
    authority = Authority(stage.dir)
    good = authority.certificate("IP:127.0.0.1")

    def host(auth, **options):
        made = Host(stage.dir, good, auth=auth, **options)
        made.password = SECRET
        return made

    hosts = {
        "plain": host("PLAIN"),
        "second": host("PLAIN"),
        "login": host("LOGIN"),
        "scram": host("PLAIN LOGIN SCRAM-SHA-256"),
        "none": host("GSSAPI NTLM"),
        "clear": host("PLAIN", starttls="no", clear=True),
        "greedy": host("SCRAM-SHA-256"),
        "slow": host("SCRAM-SHA-256"),
        "twice": host("SCRAM-SHA-256"),
        "forged": host("SCRAM-SHA-256"),
    }
    hosts["greedy"].iterations = 1 << 31
    hosts["slow"].iterations = hosts["twice"].iterations = 200_000
    hosts["twice"].acts = lambda _, stage, text: (
        f"{text}\r\n{text}" if stage == "challenge" else text
    )
    hosts["forged"].signs = False
    profiles = ("mail", "open", "may", "wrong")
    stage.write(
        settings=f"hostname mx.example\nlisten 127.0.0.1:{stage.port}\n"
        f"force-filesystem yes\ntls-ca-file {authority.file}\nsender-workers 1\n",
        profiles=PROFILES,
        credentials=f"relay  user  {SECRET}\nother  user  xtext:not+20it\n",
        routes="\n".join(
            f"{p}.{n}.example {h.route} {p}" for p in profiles for n, h in hosts.items()
        ),
    )
    table = os.path.join(stage.tables, "credentials")
    os.chmod(table, 0o644)
    done = stage.compile(check=False)
    is_(done.returncode, 1, "credentials that others can read are a mistake")
    like(done.stdout, r"credentials:1:1: expected a file that others cannot read", "so it says")
    os.chmod(table, 0o600)
    stage.start("sender")
    path = os.path.join(stage.spool, "map", "credentials.cdb")
    ok(not os.stat(path).st_mode & stat.S_IRWXO, "nor can they read what is compiled")

    if os.geteuid() == 0 and has_user("stage-send"):
        group = pwd.getpwnam("stage-send").pw_gid
        is_(os.stat(path).st_gid, group, "it is for the group of the sender alone")

    for name, mechanism in ("plain", "PLAIN"), ("login", "LOGIN"), ("scram", "SCRAM-SHA-256"):
        like(outcome(stage, f"x@mail.{name}.example"), "delivered .* verified=yes", mechanism)
        ok(hosts[name].log.grep(f"^authenticated {mechanism}$"), "  was chosen")

    like(
        outcome(stage, "x@mail.none.example"),
        r'deferred .*"4\.7\.4 auth relay \(profile mail\): no mechanism that we know',
        "nothing that we know is offered",
    )
    like(
        outcome(stage, "x@wrong.plain.example"),
        r'deferred .*"4\.7\.8 auth other \(profile wrong\): 535 5\.7\.8 I do not know you"',
        "a refusal defers, it never bounces",
    )
    ok(
        stage.sender.log.grep(r"host \S+: 4\.7\.8 auth other \(profile wrong\): 535"),
        "and the log says so apart from the message",
    )
    like(
        outcome(stage, "x@mail.greedy.example"),
        "deferred .*it asks for too many rounds",
        "SCRAM with more rounds than are reasonable",
    )
    like(
        outcome(stage, "x@mail.slow.example"), "delivered ", "with as many as we do"
    )
    like(
        outcome(stage, "x@mail.twice.example"),
        "deferred .*it asks twice at a time",
        "SCRAM that goes on while we work",
    )
    like(
        outcome(stage, "x@mail.forged.example"),
        "deferred .*it says 235 and has not proven itself",
        "SCRAM without the host's proof",
    )
    like(
        outcome(stage, "x@may.clear.example"),
        r'deferred .*"4\.7\.11 auth relay \(profile may\): the connection is not encrypted"',
        "no password in clear",
    )
    ok(not hosts["clear"].log.grep("AUTH"), "not even the wish")
    like(
        outcome(stage, "x@open.clear.example"), "delivered .*size=", "unless it is asked for"
    )

    # one that others can read
    mode = os.stat(path).st_mode
    os.chmod(path, 0o644)
    (id,) = put(stage, "x@mail.second.example")
    like(
        stage.sender.log.wait_for(f"{id}: (delivered|deferred) .*").group(0),
        r'deferred .*"4\.3\.5 auth relay \(profile mail\): others can read map/credentials\.cdb"',
        "a file that others can read is not used",
    )
    os.chmod(path, stat.S_IMODE(mode))
    stage.sender.log.wait_for(f"{id}: delivered", 60)
    ok(True, "before it is as it was")

    # a credential that is changed
    (id,) = put(stage, "x@wrong.plain.example")
    stage.sender.log.wait_for(f"{id}: deferred")
    with open(table, "w") as f:
        f.write(f"relay user {SECRET}\nother user {SECRET}\n")
    stage.compile()
    stage.sender.log.wait_for(f"{id}: delivered", 60)
    ok(True, "a credential that is mended is used at once")

    # who can see it
    hidden = [SECRET, encoded(SECRET), encoded(f"\0user\0{SECRET}")]
    said = stage.sender.log.text() + stage.run(
        program("cdbmaps"), "-d", "-s", stage.spool
    ).stdout
    said += stage.tool("list").stdout + stage.tool("list", "--json", check=False).stdout
    ok(len(said) > 1000 and not any(h in said for h in hidden), "no log and no tool shows it")
    with open(os.path.join(stage.spool, "map", "stagepost.cdb"), "rb") as f:
        ok(SECRET.encode() not in f.read(), "and it is not in the map")
    with open(path, "rb") as f:
        ok(SECRET.encode() in f.read(), "but in the file of the sender")

    # tables with mistakes, which do not quote it
    for text, place in {
        "relay user": "1:11: expected a name, a user and a password",
        f"relay user {SECRET} {SECRET}": "1:25: expected a name, a user and a password",
        f"2nd user {SECRET}": "1:1: expected a name as of a profile",
        f"relay user xtext:{SECRET}": r"1:12: expected xtext after xtext:",
        f"relay user {SECRET}\nrelay user {SECRET}": "2:1: expected each name once",
    }.items():
        with open(table, "w") as f:
            f.write(text + "\n")
        said = stage.compile(check=False).stdout
        like(said, f"credentials:{place}", f"a mistake: {place}")
        ok(SECRET not in said, "  does not quote it")
    with open(table, "w") as f:
        f.write(f"relay user {SECRET}\n")
    like(
        stage.compile(check=False).stdout,
        'profiles:6:28: expected a name in credentials, not "other"',
        "a profile names a credential that is there",
    )

done_testing()
