#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What does not belong into a spool: reported or left alone, never followed,
never waited for."""

import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from stage import *

ID = "06a2a5zvfdnt1cg2%s%s"  # state, kind
TAG = "5abcdefgh."
NAMES = {
    "incoming": ID,
    "split": ID + ".1",
    "processed": TAG + ID,
    "sending": TAG + ID,
    "deferred": "1000000000." + TAG + ID,
    "held": ID,
    "corrupt": ID,
}
SHARDED = ("incoming", "split", "processed", "sending", "deferred")


def directories(stage):
    """One of each kind, and the form of a name in it."""
    for place, (state, form) in enumerate(NAMES.items()):
        path = os.path.join(stage.spool, state)
        if state in SHARDED:
            path = os.path.join(path, "3")
        if state == "deferred":
            path = os.path.join(path, str(1000000000 >> 12))
            os.makedirs(path, exist_ok=True)
        yield state, path, lambda kind, form=form, place=place: form % (place, kind)


def make_odd(directory, name, kind):
    path = os.path.join(directory, name)
    if kind == "directory":
        os.mkdir(path)
        with open(os.path.join(path, "inside"), "w") as f:
            f.write("x")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        os.symlink(os.path.join(os.path.dirname(directory), "..", "outside"), path)
    elif kind == "socket":
        here = os.getcwd()
        os.chdir(directory)  # socket names are short
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(name)
        os.chdir(here)
    elif kind == "empty":
        open(path, "w").close()
    return path


KINDS = ("directory", "fifo", "link", "socket", "empty")
STRANGE = ("x" * 255, "-rf", ".hidden", "a b\tc", "caf\udce9", "\n", ID % (0, 0) + ".99999999999")


def litter(stage):
    """Good names for bad things, and bad names."""
    for state, directory, form in directories(stage):
        for digit, kind in zip("qrstv", KINDS):
            make_odd(directory, form(digit), kind)
        for i, name in enumerate(STRANGE):
            make_odd(directory, name, KINDS[i % len(KINDS)])
    # where buckets should be, and one of another hour in a bucket
    deferred = os.path.join(stage.spool, "deferred", "3")
    for i, name in enumerate(["244141", "0244142", "244143x", *STRANGE]):
        make_odd(deferred, name, KINDS[(i + 1) % len(KINDS)])
    form = "1100000000." + TAG + ID % (8, 0)
    make_odd(os.path.join(deferred, str(1000000000 >> 12)), form, "empty")
    for directory in ("control", "map", "tmp/receiver.3", "tmp/engine.3", "tmp/sender.3"):
        directory = os.path.join(stage.spool, directory)
        os.makedirs(directory, exist_ok=True)
        for i, name in enumerate([ID % (9, 0), *STRANGE]):
            make_odd(directory, name, KINDS[i % len(KINDS)])


def is_whole(path):
    with open(path) as f:
        return f.read() == "not yours\n"


with Stage() as stage:
    sink = stage.sink()
    stage.write(routes=f"*  {sink.route}")
    outside = os.path.join(stage.spool, "outside")
    with open(outside, "w") as f:
        f.write("not yours\n")
    litter(stage)
    stage.start()
    like(stage.submit("you@far.example", b"Subject: t\r\n\r\nhello\r\n"), "^250", "mail is taken")
    sink.wait_letters(1)
    ok(True, "and delivered, beside all that")

    stage.wait_queue(
        lambda q: not any(q.get(s) for s in ("incoming", "processed", "sending", "deferred")),
        "nothing odd in the directories of the daemons",
    )
    is_(len(sink.names()), 1, "nothing else is delivered")
    ok(is_whole(outside), "what a link points to is not touched")

    # while they run
    late = 0
    for state, directory, form in directories(stage):
        if state in ("incoming", "processed"):
            for digit, kind in zip("yz", ("fifo", "link")):
                path = make_odd(stage.dir, f"late{late}", kind)
                os.rename(path, os.path.join(directory, form(digit)))
                late += 1
    stage.wait_queue(
        lambda q: not q.get("incoming") and not q.get("processed"), "late ones too"
    )
    like(stage.submit("you@far.example", b"Subject: t\r\n\r\nhello\r\n"), "^250", "and goes on")
    sink.wait_letters(2)
    ok(is_whole(outside), "nor what a late one points to")

    for name in DAEMONS:
        log = stage.daemons[name].log
        is_(log.grep("died|signal"), [], f"{name}: no worker has died")
        ok(len(log.lines()) < 300, f"{name}: and none goes round in circles")
    verify = stage.tool("verify", check=False)
    is_(verify.returncode, 1, "verify fails")
    odd = re.findall(r"(?m)^BAD held/.*: no entry's name$", verify.stdout)
    is_(len(odd), len(STRANGE), "and names what no daemon looks at")
    listed = stage.tool("list", check=False)
    ok(listed.returncode in (0, 1), "list ends")
    stage.stop()
    stage.start(compile=False)
    stage.submit("you@far.example", b"Subject: t\r\n\r\nhello\r\n")
    sink.wait_letters(3)
    ok(True, "started anew, they still deliver")
done_testing()
