# SPDX-License-Identifier: ISC
"""Programs under test: in a process group of their own, never left behind."""

import ctypes
import os
import select
import signal
import socket
import subprocess

from follow import Deadline, Follower, Timeout

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("B") or os.path.join(ROOT, "build")


_held = []


def free_port():
    """
    For a program of ours to listen at.  We hold it, bound and not listening,
    until we end: nobody is given it who asks for any port, while whoever asks
    for this one with SO_REUSEADDR, as servers do, gets it.
    """
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    _held.append(s)
    return s.getsockname()[1]


def program(name):
    """Path of one of ours: a room or a tool of the tests."""
    for directory in ("bin", "tests/tools", "tests/crash"):
        path = os.path.join(BUILD, directory, name)
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"{name} has not been built")


def children(pid):
    """Process ids of the direct children, now."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def die_with_parent():
    """No test, no daemon."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_for_ends(handles, what, seconds=None):
    """Until all these have ended; the handles are closed."""
    deadline = Deadline(seconds, what)
    for fd in handles:
        while not select.select([fd], [], [], deadline.left())[0]:
            pass
        os.close(fd)


class Process:
    """A program in the foreground; what it says goes to a file we follow."""

    def __init__(self, argv, log, env=None, preexec=None):
        self.argv = argv
        self.name = os.path.basename(argv[0])
        self.log = Follower(log)
        self.log.mark()
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                preexec_fn=lambda: self._begin(preexec),
            )
        self.pid = self.popen.pid

    @staticmethod
    def _begin(preexec):
        die_with_parent()
        if preexec:
            preexec()

    def running(self):
        return self.popen.poll() is None

    def workers(self):
        return children(self.pid)

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=None):
        deadline = Deadline(seconds, f"the end of {self.name}")
        try:
            return self.popen.wait(deadline.left())
        except subprocess.TimeoutExpired:
            raise Timeout(deadline.what) from None

    def stop(self, seconds=None):
        """SIGTERM, and its exit status."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self, seconds=None):
        """SIGKILL to the parent alone; its workers see it, finish and end."""
        family = self.family()
        if self.running():
            self.signal(signal.SIGKILL)
        self.wait()
        wait_for_ends(family, f"the workers of {self.name} to end", seconds)

    def stop_whole(self, seconds=None):
        """stop(), and its workers and their helpers have ended, too."""
        family = self.family()
        status = self.stop(seconds)
        wait_for_ends(family, f"the helpers of {self.name} to end", seconds)
        return status

    def family(self):
        """Handles of all below it, now."""
        return [os.pidfd_open(pid) for pid in descendants(self.pid)]

    def kill_all(self):
        """SIGKILL to all of it, as a power cut does."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()
