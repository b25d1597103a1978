#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What the engine makes of what arrives; no sender runs, so it stays there."""

import os
import re
import signal
import subprocess

from stage import *

ROUTES = """
one.example     smtp [127.0.0.1]:2525
two.example     smtp [127.0.0.1]:2526
.one.example    smtp [127.0.0.1]:2525
three.example   smtp [127.0.0.1]:2527 fast
*               mx
"""
PROFILES = "fast\n  priority 0\n"


def arrive(stage, *recipients, options=(), content=None):
    """A message in incoming/; its id."""
    argv = [program("spool-put"), "-S", "incoming", *options]
    if content is not None:
        path = os.path.join(stage.dir, "content")
        with open(path, "wb") as f:
            f.write(content)
        argv += ["-c", path]
    said = stage.run(*argv, stage.spool, *recipients).stdout
    return re.findall(r"(?m)^\w{18}$", said)


def routed(stage, ident):
    """Names in processed/ that stand for this id, once there are some."""
    stage.engine.log.wait_for(rf"{ident}: (routed|refused)")
    return [n for n in stage.wait_in("processed") if ident in n]


def one_destination(stage):
    (i,) = arrive(stage, "a@one.example", "b@ONE.example", "c@sub.one.example")
    (name,) = routed(stage, i)
    like(name, rf"^5[0-9a-z]{{8}}\.{i}$", "three recipients, one next hop: one entry")
    (j,) = arrive(stage, "d@one.example")
    (again,) = routed(stage, j)
    is_(again[:9], name[:9], "the same tag for the same destination")
    (k,) = arrive(stage, "a@three.example")
    (fast,) = routed(stage, k)
    ok(fast.startswith("0"), "the profile's priority is in the name")


def several_destinations(stage):
    (i,) = arrive(stage, "a@one.example", "b@two.example", "c@x.example", "d@one.example")
    stage.wait_queue(
        lambda q: sum(i in n for n in q.get("processed", [])) == 3, f"3 parts of {i}"
    )
    names = routed(stage, i)
    is_(sorted(n[10:] for n in names), [f"{i}.{n}" for n in range(3)], "three parts")
    walk = os.walk(os.path.join(stage.spool, "processed"))
    files = [os.path.join(d, n) for d, _, ns in walk for n in ns if i in n]
    is_(len({os.stat(f).st_ino for f in files}), 1, "one file")
    text = stage.tool("show", i).stdout
    is_(text.count("a@one.example"), 1, "each recipient in one part only")
    like(text, r'split recipients="0,3/1/2"', "as the journal says")


def loops(stage):
    hop = b"Received: from a by b; Sat, 21 Nov 2026 06:01:02 +0000\r\n"
    for n, field, word in ((20, hop, "routed"), (21, hop, "refused"),
                           (21, hop.replace(b"Received", b"rEcEiVeD"), "refused"),
                           (21, b"X-" + hop, "routed")):
        body = b"\r\n" + hop * 30 + b"text\r\n"
        (i,) = arrive(stage, "a@one.example", content=field * n + body)
        stage.engine.log.wait_for(rf"{i}: {word}")
        ok(True, f"{n} of {field[:9]!r}: {word}")
    looping = stage.engine.log.grep(r"(\w{18}): refused")[0].group(1)
    like(stage.tool("show", looping).stdout, r"failed: 5\.4\.6", "with the reason")


def damage(stage):
    (i,) = arrive(stage, "a@two.example", options=["-n", "1"])
    routed(stage, i)
    stage.stop("engine")
    (i,) = arrive(stage, "a@two.example")
    walk = os.walk(os.path.join(stage.spool, "incoming"))
    (path,) = [os.path.join(d, n) for d, _, ns in walk for n in ns if i in n]
    with open(path, "r+b") as f:
        f.seek(70)
        f.write(b"\xff")
    stage.start("engine", compile=False)
    is_(stage.wait_in("corrupt"), [i], "a damaged envelope: corrupt/")
    ok(stage.engine.log.grep(rf"{i}: damaged: \S"), "with the reason")


def recovery(stage):
    """Stopped with a backlog of more than a slice."""
    stage.stop("engine")
    ids = arrive(stage, "a@one.example", options=["-n", "2500"])
    stage.start("engine", compile=False)
    stage.wait_queue(lambda q: "incoming" not in q, "an empty incoming/")
    names = stage.queue("processed")["processed"]
    is_(sum(n[10:] in ids for n in names), 2500, "a backlog is routed at the start")


def a_failed_flush(stage):
    """It is not asked for again: the kernel may have dropped what it was for."""
    calls = os.path.join(stage.dir, "calls")
    note = Follower(os.path.join(stage.dir, "strace.log"))
    argv = ["strace", "-o", calls, "-e", "trace=fdatasync,pwrite64"]
    argv += ["-e", "inject=fdatasync:error=ENOSPC:when=1", "-p", str(stage.engine.workers()[0])]
    with open(note.path, "wb") as out, subprocess.Popen(argv, stderr=out) as strace:
        note.wait_for("attached")
        (i,) = arrive(stage, "a@one.example", "b@two.example")
        stage.engine.log.wait_for(f"{i}: flush the split's record: No space left")
        stage.engine.log.wait_for(f"{i}: routed as={i}.1")
        strace.send_signal(signal.SIGINT)
    with open(calls) as f:
        names = re.findall(r"(?m)^(\w+)\(.*= (-?\d+)", f.read())
    is_(names[0], ("fdatasync", "-1"), "a flush failed")
    is_([n for n, _ in names[1:]], ["pwrite64", "fdatasync"], "all was written again before the next")
    is_(stage.engine.log.grep("FAILED"), [], "a full disk is not for good")


class Stuttering(Stage):
    """The third reading of what is in incoming/, behind its journal, fails once."""

    def wrap(self, name):
        walk = os.walk(os.path.join(self.spool, "incoming"))
        (path,) = [os.path.join(d, n) for d, _, ns in walk for n in ns]
        return ["strace", "-f", "-qq", "-o", "/dev/null", "-P", path,
                "-e", "trace=pread64", "-e", "inject=pread64:error=EIO:when=3"]


def stutterers():
    settings = "engine-workers 1\nresolver 127.0.0.1"
    header = b"X-Long: %s\r\n" % (b"x" * 900) * 100  # more than one reading
    for rules in ("", "odd header X-Odd yes then hold odd"):
        with Stuttering(routes=ROUTES, settings=settings, profiles=PROFILES, rules=rules) as stage:
            stage.compile()
            (i,) = arrive(stage, "a@one.example", content=header + b"\r\ntext\r\n")
            stage.start("engine", compile=False)
            stage.wait_in("processed")
            is_(list(stage.queue()), ["processed"], "a reading that fails is tried again, it is no damage")
            is_(len(stage.engine.log.grep(f"{i}: read the content: Input/output error")), 1, "and told")


class Deadly(Stage):
    """Reading what is in incoming/ is the worker's death."""

    def wrap(self, name):
        walk = os.walk(os.path.join(self.spool, "incoming"))
        (path,) = [os.path.join(d, n) for d, _, ns in walk for n in ns]
        return ["strace", "-f", "-qq", "-o", "/dev/null", "-P", path,
                "-e", "trace=pread64", "-e", "inject=pread64:signal=SEGV"]


def killers():
    settings = "engine-workers 1\nresolver 127.0.0.1"
    env = {"ASAN_OPTIONS": "handle_segv=0"}  # a sanitizer is to let it die, too
    with Deadly(routes=ROUTES, settings=settings, profiles=PROFILES, env=env) as stage:
        stage.compile()
        (i,) = arrive(stage, "a@one.example")
        stage.start("engine", compile=False)
        is_(stage.wait_in("held"), [i], "what kills its worker twice is held")
        is_(len(stage.engine.log.grep(rf"{i}: worker 0 was killed by SIGSEGV")), 2, "after two deaths")
        like(stage.tool("show", i).stdout, "crashed its worker twice", "with the reason")


with Stage(routes=ROUTES, profiles=PROFILES, settings="hops-max 20\nresolver 127.0.0.1") as stage:
    stage.start("engine")
    one_destination(stage)
    several_destinations(stage)
    loops(stage)
    damage(stage)
    recovery(stage)
with Stage(routes=ROUTES, profiles=PROFILES, settings="engine-workers 1\nresolver 127.0.0.1") as stage:
    stage.start("engine")
    a_failed_flush(stage)
killers()
stutterers()
done_testing()
