#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""A disk that fails: nobody is told 250, and nothing of it is kept."""

import os
import signal
import subprocess

from stage import *


class Failing:
    """System calls of a process fail as long as this lasts."""

    def __init__(self, stage, pid, call, error):
        log = os.path.join(stage.dir, f"strace-{call}.log")
        self.log = Follower(log)
        self.log.mark()
        argv = ["strace", "-o", "/dev/null", "-p", str(pid)]
        argv += ["-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(argv, stderr=out)
        self.log.wait_for("attached")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.send_signal(signal.SIGINT)
        self.popen.wait()


def left_behind(stage):
    found = []
    for state in ("tmp", "incoming"):
        for _, _, names in os.walk(os.path.join(stage.spool, state)):
            found += [name for name in names if not name.endswith(".lock")]
    return found


def refused(stage, pid, call, error, code):
    with Failing(stage, pid, call, error):
        reply = stage.submit("c@d.example", b"x\r\n")
        is_(reply[:9], code, f"{call} fails with {error}: {code}")
        is_(left_behind(stage), [], f"{call} fails with {error}: nothing is left")


def taken(stage, name):
    is_(stage.submit("c@d.example", b"x\r\n")[:3], "250", name)
    path = stage.run("find", f"{stage.spool}/incoming", "-type", "f").stdout
    os.unlink(path.strip())


def space(stage, worker, flusher):
    for pid, call in ((worker, "openat"), (flusher, "renameat2")):
        refused(stage, pid, call, "ENOSPC", "452 4.3.1")
        taken(stage, f"{call} works again: so does the receiver")
    refused(stage, worker, "openat", "EACCES", "451 4.3.0")
    refused(stage, flusher, "renameat2", "EACCES", "451 4.3.0")
    refused(stage, flusher, "fdatasync", "ENOSPC", "452 4.3.1")
    taken(stage, "and now it is well")


def a_failed_flush(stage, flusher, call):
    refused(stage, flusher, call, "EIO", "451 4.3.0")
    stage.receiver.log.wait_for("spool: FAILED")
    with stage.conversation() as c:
        c.gets("421 4.3.0", "a failed spool: no greeting")
        c.ends()


def in_company(stage, worker):
    """Another session is there: the committer does it."""
    (committer,) = children(worker)
    with stage.conversation() as other:
        other.hello()
        space(stage, worker, committer)
        a_failed_flush(stage, committer, "fdatasync")
        other.asks("MAIL FROM:<a@b.example>", "421 4.3.0")
        other.ends()


def alone(stage, worker):
    """The only session of the worker: it does it by itself."""
    space(stage, worker, worker)
    a_failed_flush(stage, worker, "fdatasync")


def alone_with_its_name(stage, worker):
    a_failed_flush(stage, worker, "fsync")


for how in (in_company, alone, alone_with_its_name):
    diag(how.__name__)
    with Stage(settings="receiver-workers 1") as stage:
        stage.start("receiver")
        (worker,) = stage.receiver.workers()
        how(stage, worker)
done_testing()
