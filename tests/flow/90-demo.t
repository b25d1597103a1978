#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What `make demo` shows: two at once succeed, and none leaves anything."""

import ctypes
import os
import shutil
import signal
import tempfile

from follow import DEADLINE
from process import BUILD, ROOT, Process, children
from tap import diag, done_testing, is_, like

DEMO = os.path.join(ROOT, "scripts", "demo")
PR_SET_CHILD_SUBREAPER = 36
ARRIVALS = """north/mail/north.example/kim one for kim
north/mail/north.example/kim one for kim and lee
south/mail/south.example/lee one for kim and lee
south/mail/south.example/lee one that survives""".splitlines()

# Whoever outlives its demo becomes a child of ours, and is seen.
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
DIR = tempfile.mkdtemp(prefix="stagepost-test.")


class Demo:
    def __init__(self, name, **env):
        self.temp = os.path.join(DIR, name)
        os.mkdir(self.temp)
        env = {"B": BUILD, "TMPDIR": self.temp, **env}
        self.process = Process([DEMO], os.path.join(DIR, name + ".out"), env)
        self.log = self.process.log

    def ends(self, status, name):
        """With that status, and with nothing left of it."""
        if not is_(self.process.wait(DEADLINE * 4), status, name):
            diag(self.log.text())
        is_(os.listdir(self.temp), [], f"{name}: its directory is gone")


def two_at_once():
    demos = [Demo("one"), Demo("two")]
    for demo in demos:
        demo.ends(0, "a demo succeeds")
        lines = demo.log.grep(r'^# "(.*)" is in (\S+)/new:')
        got = [f"{m.group(2)} {m.group(1)}" for m in lines]
        is_(got, ARRIVALS, "what it says has arrived")
        text = demo.log.text()
        like(text, r"(?m)^\$ queue-tool -s north show", "it shows a waiting entry")
        like(text, r"(?m)^state +deferred", "and its state")
        like(text, r"(?m)^  because +.* says", "it explains a route")
        is_(text.count("\nall good\n"), 2, "both spools are good in the end")


def what_is_refused_makes_it_fail():
    fake = os.path.join(DIR, "bin")
    os.mkdir(fake)
    swaks = os.path.join(fake, "swaks")
    with open(swaks, "w") as f:
        f.write("#!/bin/sh\necho 554 no; exit 1\n")
    os.chmod(swaks, 0o755)
    demo = Demo("refused", PATH=f"{fake}:{os.environ['PATH']}")
    demo.ends(1, "a demo whose message is refused fails")
    like(demo.log.text(), '"one for kim" was not accepted', "and says so")


def it_can_be_interrupted():
    demo = Demo("interrupted")
    demo.log.wait_for(r"^==== A message for two")
    demo.process.signal(signal.SIGTERM)
    demo.ends(143, "an interrupted demo")


def on_alarm(*_):
    raise TimeoutError


def nobody_is_left():
    """Helpers end a moment after their workers; all of them end."""
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(int(DEADLINE))
    try:
        while True:
            os.wait()
    except (ChildProcessError, TimeoutError):
        signal.alarm(0)
    is_(children(os.getpid()), [], "no process is left of any of them")


try:
    two_at_once()
    what_is_refused_makes_it_fail()
    it_can_be_interrupted()
    nobody_is_left()
finally:
    for pid in children(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(DIR)
done_testing()
