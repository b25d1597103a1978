# SPDX-License-Identifier: ISC
"""
A stage of which one room runs under call-fault: its N-th file-system or network
call, counted over all its processes, kills it or fails.

    with FaultStage("engine") as stage:
        stage.start()
        stage.control.arm(Fault("kill", 17))
        ...
        stage.control.hits, stage.control.what
"""

import collections
import errno
import mmap
import os
import signal
import struct
import time

from process import Process, children, descendants, program
from stage import Stage

# hold: that call goes on failing until it is lifted
Fault = collections.namedtuple("Fault", "action at hold", defaults=(1, False))

NONE, KILL, ERROR, SHORT, COUNT = range(5)  # as call-fault.c has them
ACTIONS = {"none": (NONE, 0), "kill": (KILL, 0), "short": (SHORT, 0), "count": (COUNT, 0)}
for _name in ("EIO", "ENOSPC", "EDQUOT", "EMFILE", "ENOMEM"):
    ACTIONS[_name] = (ERROR, getattr(errno, _name))
# where call-fault counts what they are possible for
_ENDS = {"EIO": 0, "ENOSPC": 1, "EDQUOT": 1, "EMFILE": 2, "ENOMEM": 3, "short": 4}

EXIT_KILLED = 100

_ORDER, _OBEYED = 0, 40
_BODY = struct.Struct("=qqqq")  # action, error, hold, at
_ANSWER = struct.Struct("=qqqq5q256s")  # calls, counted, hits, first, possible, what


class Control:
    """The page that is shared with call-fault."""

    def __init__(self, path):
        self.path = path
        self.process = None  # call-fault
        with open(path, "wb") as f:
            f.truncate(4096)
        with open(path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 4096)

    def arm(self, fault):
        """From the room's next call on; whatever was said before is over."""
        action, error = ACTIONS[fault.action]
        self.page[8:40] = _BODY.pack(action, error, fault.hold, fault.at)
        order = struct.unpack_from("=q", self.page, _ORDER)[0] + 1
        struct.pack_into("=q", self.page, _ORDER, order)
        if self.process and self.process.running():
            self.process.signal(signal.SIGUSR1)
            self.wait_obeyed()

    def forget(self):
        """A new call-fault is to come, and will find the latest order."""
        struct.pack_into("=q", self.page, _OBEYED, -1)

    def wait_obeyed(self):
        order = struct.unpack_from("=q", self.page, _ORDER)[0]
        while self._obeyed() != order and self.process.running():
            time.sleep(0)

    def lift(self):
        """What was counted stays."""
        self.arm(Fault("none"))

    def _obeyed(self):
        return struct.unpack_from("=q", self.page, _OBEYED)[0]

    def _answer(self, i):
        return _ANSWER.unpack_from(self.page, _OBEYED + 8)[i]

    calls = property(lambda self: self._answer(0))
    counted = property(lambda self: self._answer(1))
    hits = property(lambda self: self._answer(2))

    def possible(self, action):
        """How many calls it might have happened to, after Fault("count")."""
        return self.calls if action == "kill" else self._answer(4 + _ENDS[action])

    @property
    def what(self):
        """The first call that it happened to."""
        if not self.hits:
            return ""
        return self._answer(9).split(b"\0")[0].decode(errors="replace")


class FaultStage(Stage):
    """calls: the names of the only ones that count.  Other keyword arguments are
    the Stage's."""

    def __init__(self, room, settings="", receiver_workers=1, calls=(), **kwargs):
        self.room = room
        self.only = ["env", f"FAULT_CALLS={' '.join(calls)}"] if calls else []
        self.control = None
        super().__init__(
            settings=f"receiver-workers {receiver_workers}\n"
            "engine-workers 1\nsender-workers 1\n"
            "reserve-space 1m\nreserve-inodes 10\n" + settings,
            **kwargs,
        )
        self.control = Control(os.path.join(self.dir, "control"))

    def _under_fault(self, name):
        if name != self.room:
            return []
        return [*self.only, program("call-fault"), self.control.path]

    def wrap(self, name):
        return self._under_fault(name)

    def start(self, *names, **kwargs):
        super().start(*names, **kwargs)
        if self.room in self.daemons:
            self.control.process = self.daemons[self.room]

    def launch(self):
        """Start the room, which may die on the way."""
        argv = [*self.wrap(self.room), program(self.room), "-s", self.spool, *self.flags]
        log = os.path.join(self.dir, f"{self.room}.log")
        self.control.forget()
        self.daemons[self.room] = Process(argv, log, self.env)
        self.started.append(self.daemons[self.room])
        self.control.process = self.daemons[self.room]
        self.control.wait_obeyed()

    def faulty_tool(self, *args):
        """queue-tool, when it is the room."""
        argv = [program("queue-tool"), "-s", self.spool, *args]
        return self.run(*self._under_fault("queue-tool"), *argv, check=False)

    def processes(self, name):
        """The room's own, without call-fault."""
        pid = self.daemons[name].pid
        return descendants(pid) if name == self.room else [pid, *descendants(pid)]

    def processor_time(self):
        """Of the faulty room's processes, the ended ones too; seconds."""
        ticks = 0
        for pid in children(self.daemons[self.room].pid):
            for one in (pid, *descendants(pid)):
                try:
                    with open(f"/proc/{one}/stat") as f:
                        words = f.read().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                ticks += sum(int(word) for word in words[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")
