#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
All of it as root with the three real users and protected_hardlinks: a split, a
deferral, a bounce, a hold and release; and the walls between the users.

The users are made by scripts/setup in a private copy of /etc that nobody else
sees and that ends with the test.  Not here yet, because it is not there yet:
that the kernel refuses the engine a network socket.
"""

import grp
import os
import pwd
import subprocess
import sys

import private_etc

private_etc.enter("three users")

from stage import *

LETTER = b"From: <jo@home.example>\r\nSubject: hello\r\n\r\nhello\r\n"
SENDER = "jo@home.example"
STORED = ("split", "processed", "sending", "deferred", "held", "corrupt", "control")
USERS = {"receiver": "stage-recv", "engine": "stage-engine", "sender": "stage-send"}

# What a process of this user gets for each path: printed as "PATH<TAB>ERRNO".
PROBE = """
import errno, os, sys

def answer(act, *args):
    try:
        result = act(*args)
    except OSError as e:
        return errno.errorcode[e.errno]
    if isinstance(result, int):
        os.close(result)
    return "ok"

for path in sys.stdin.read().split("\\n"):
    if path.endswith("/"):
        answers = answer(os.listdir, path), answer(os.mkdir, path + "new")
    else:
        answers = answer(os.open, path, os.O_RDONLY), \\
            answer(os.open, path, os.O_WRONLY | os.O_APPEND), \\
            answer(os.unlink, path)
    print(path, *answers, sep="\\t")
"""


def as_user(user, code, text=""):
    argv = ["setpriv", "--reuid", user, "--regid", user]
    argv += ["--clear-groups"] if user == "stage-recv" else ["--groups", "stage"]
    argv += [sys.executable, "-c", code]
    return subprocess.run(argv, input=text, text=True, stdout=-1, check=True).stdout


def probe(user, paths):
    lines = as_user(user, PROBE, "\n".join(paths)).splitlines()
    return {line.split("\t")[0]: line.split("\t")[1:] for line in lines}


def below(directory):
    """It and everything in it; directories end in a slash."""
    found = [directory + "/"]
    for path, directories, files in os.walk(directory):
        found += [os.path.join(path, name) + "/" for name in directories]
        found += [os.path.join(path, name) for name in files]
    return found


# -- who they are


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def each_is_who_it_should_be(stage):
    stage_gid = grp.getgrnam("stage").gr_gid
    for name, user in USERS.items():
        pw = pwd.getpwnam(user)
        groups = [] if name == "receiver" else [str(stage_gid)]
        pids = [stage.daemons[name].pid, *descendants(stage.daemons[name].pid)]
        ok(len(pids) >= 2, f"{name}: a parent and {len(pids) - 1} below it")
        for pid in pids:
            status = status_of(pid)
            who = f"{name} {pid}"
            is_(status["Uid"].split(), [str(pw.pw_uid)] * 4, f"{who}: user {user}")
            is_(status["Gid"].split(), [str(pw.pw_gid)] * 4, f"{who}: its group")
            is_(status["Groups"].split(), groups, f"{who}: other groups")
            is_(int(status["CapEff"], 16), 0, f"{who}: no capability")
            is_(status["NoNewPrivs"], "1", f"{who}: none to be had by execution")
            is_(os.stat(f"/proc/{pid}/mem").st_uid, 0, f"{who}: not to be traced")


# -- the flow


def split_deferral_and_bounce(stage):
    to = ["a@taken.example", "b@late.example", "c@refused.example"]
    like(stage.submit(to, LETTER, sender=SENDER), "^250", "a message to three")
    is_(len(stage.sinks[0].wait_letters(1)), 1, "one part is delivered")
    [report] = wait_until(lambda: mail_of("jo"), [stage.mail], "the report")
    like(report, "(?s)c@refused.example.*5.1.1 nobody", "one is bounced to the sender")
    [name] = stage.wait_in("deferred")
    like(name, r"\.1$|\.0$|\.2$", "one is a part and waits")
    stage.wait_queue(lambda q: list(q) == ["deferred"], "the others to be gone")
    [path] = [p for p in below(f"{stage.spool}/deferred") if not p.endswith("/")]
    info = os.stat(path)
    who = pwd.getpwuid(info.st_uid).pw_name, grp.getgrgid(info.st_gid).gr_name
    is_(who, ("stage-recv", "stage"), "its file is still the receiver's")
    is_(oct(info.st_mode & 0o7777), "0o660", "and open to the group")
    like(stage.tool("show", name.split(".", 2)[2]).stdout, "451 4.2.0 not now", "show")
    stage.sinks[1].rules("")
    stage.tool("flush", "late.example")
    is_(stage.sinks[1].wait_letters(1)[0].recipients, ["b@late.example"], "later it goes")
    stage.assert_spool_empty()


def mail_of(user):
    new = os.path.join(stage.mail, user, "new")
    found = []
    for name in sorted(os.listdir(new)) if os.path.isdir(new) else []:
        with open(os.path.join(new, name), errors="replace") as f:
            found.append(f.read())
    return found


def hold_and_release(stage):
    stage.sinks[1].rules("rcpt *@late.example 451 4.2.0 not now")
    stage.submit("held@late.example", LETTER, sender=SENDER)
    [name] = stage.wait_in("deferred")
    id = name.split(".")[2]
    stage.tool("hold", "--why", "a test", id)
    is_(stage.queue(), {"held": [id]}, "held")
    like(stage.tool("show", id).stdout, r'hold.*"a test"', "the reason is kept")
    stage.sinks[1].rules("")
    stage.tool("release", id)
    is_(stage.sinks[1].wait_letters(2)[1].recipients, ["held@late.example"], "released")
    stage.assert_spool_empty()


def somebody_elses(stage):
    """Files that our users may not read do not hold up others."""
    places = {"incoming": "06a2a5zvfdnt1cg20q", "processed": "5abcdefgh.06a2a5zvfdnt1cg21q"}
    for place, name in places.items():
        path = os.path.join(stage.dir, name)
        with open(path, "w"):
            os.chmod(path, 0o600)
        os.rename(path, f"{stage.spool}/{place}/0/{name}")
    stage.wait_in("corrupt", len(places))
    for name in ("engine", "sender"):
        ok(stage.daemons[name].log.grep("not ours to read"), f"{name}: put aside")
    stage.submit("next@taken.example", LETTER)
    is_(len(stage.sinks[0].wait_letters(2)), 2, "and mail goes on")
    stage.wait_queue(lambda q: list(q) == ["corrupt"], "the queue to be empty else")
    for name in os.listdir(f"{stage.spool}/corrupt"):
        os.unlink(f"{stage.spool}/corrupt/{name}")


# -- the walls


def fill(stage):
    """A real entry in each state that one can rest in, a file in the others."""
    stage.sinks[1].rules("delay eod 3600000ms")
    stage.submit("sending@late.example", LETTER)
    stage.wait_in("sending")
    stage.sinks[0].rules("rcpt * 451 4.2.0 not now")
    for name in ("deferred", "held"):
        stage.submit(f"{name}@taken.example", LETTER)
    first, _ = stage.wait_in("deferred", 2)
    stage.tool("hold", first.split(".")[2])
    stage.sender.kill_all()
    stage.submit("processed@taken.example", LETTER)
    stage.wait_in("processed")
    stage.engine.stop()
    stage.submit("incoming@taken.example", LETTER)
    stage.tool("flush", "late.example")  # leaves an order in control/
    for place in ("split/0", "corrupt"):
        path = f"{stage.spool}/{place}/by-hand"
        with open(path, "w"):
            os.chmod(path, 0o660)


def walls(stage):
    secret = [path for state in STORED for path in below(f"{stage.spool}/{state}")]
    filled = {p.split("/spool/")[1].split("/")[0] for p in secret if p[-1] != "/"}
    is_(filled, set(STORED), "there is something to see in every state")
    answers = probe("stage-recv", secret)
    is_(sorted(answers), sorted(secret), f"all {len(secret)} of them are tried")
    let_in = {p: a for p, a in answers.items() if set(a) != {"EACCES"}}
    is_(let_in, {}, "stage-recv can list, open, write, remove none of them")
    mine = below(f"{stage.spool}/incoming/0")[:1] + below(f"{stage.spool}/tmp/receiver.0")
    for path, answers in probe("stage-recv", mine).items():
        is_(answers, ["ok", "ok"], f"but may use {path.split('/spool/')[1]}")
    for name, user in USERS.items():
        others = [f"{stage.spool}/tmp/{o}.lock" for o in USERS if o != name]
        ours = f"{stage.spool}/tmp/{name}.lock"
        is_(probe(user, [ours])[ours][1], "ok", f"{user}: its lock")
        for path, answers in probe(user, others).items():
            is_(answers[:2], ["EACCES"] * 2, f"{user}: {os.path.basename(path)}")
        map_file = f"{stage.spool}/map/stagepost.cdb"
        answers = probe(user, [map_file, f"{stage.spool}/map/"])
        is_(answers[map_file], ["ok", "EACCES", "EACCES"], f"{user}: the map, read only")
        is_(answers[f"{stage.spool}/map/"][1], "EACCES", f"{user}: none beside it")


with open("/proc/sys/fs/protected_hardlinks") as f:
    is_(f.read().strip(), "1", "protected_hardlinks is on")
routes = "taken.example smtp [127.0.0.1]:{}\nlate.example smtp [127.0.0.1]:{}\n"
routes += "refused.example smtp [127.0.0.1]:{}\nhome.example maildir:{}/%u\n"
routes += "*  maildir:mail/%d/%u\n"
with Stage(users=True) as stage:
    stage.mail = os.path.join(stage.dir, "mail")
    os.mkdir(stage.mail)
    os.chown(stage.mail, pwd.getpwnam("stage-send").pw_uid, -1)
    taken = stage.sink()
    late = stage.sink(rules="rcpt * 451 4.2.0 not now")
    refused = stage.sink(rules="rcpt * 550 5.1.1 nobody")
    ports = [sink.port for sink in stage.sinks]
    stage.write(routes=routes.format(*ports, stage.mail))
    stage.start()
    each_is_who_it_should_be(stage)
    split_deferral_and_bounce(stage)
    hold_and_release(stage)
    somebody_elses(stage)
    fill(stage)
    walls(stage)
done_testing()
