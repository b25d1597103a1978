# SPDX-License-Identifier: ISC
"""Wait for what files say: woken by inotify, never by a clock."""

import ctypes
import os
import re
import select
import struct
import time

_libc = ctypes.CDLL(None, use_errno=True)

# IN_MODIFY, CLOSE_WRITE, MOVED_FROM, MOVED_TO, CREATE, DELETE, DELETE_SELF
_MASK = 0x2 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400

# Everything that waits gives up after this many seconds, times PATIENCE.
DEADLINE = 20 * float(os.environ.get("PATIENCE", "1"))


class Timeout(Exception):
    pass


class Deadline:
    def __init__(self, seconds, what):
        self.end = time.monotonic() + (seconds or DEADLINE)
        self.what = what

    def left(self):
        left = self.end - time.monotonic()
        if left <= 0:
            what = self.what() if callable(self.what) else self.what
            raise Timeout(f"waited in vain for {what}")
        return left


class Watch:
    """Some files and directories; wait() returns when one has changed."""

    def __init__(self, *paths):
        self.fd = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self.add(*paths)

    def add(self, *paths):
        for path in paths:  # one that is gone meanwhile has changed its parent
            _libc.inotify_add_watch(self.fd, os.fsencode(path), _MASK)

    def wait(self, seconds):
        poll = select.poll()  # descriptors may be many
        poll.register(self.fd, select.POLLIN)
        if poll.poll(seconds * 1000):
            os.read(self.fd, 1 << 16)

    def close(self):
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_until(predicate, paths, what, seconds=None):
    """The predicate's first true answer; asked again when a path changes.

    Directories below the paths count, those made meanwhile too.
    """
    deadline = Deadline(seconds, what)
    with Watch() as watch:
        while True:
            for path in paths:
                watch.add(path, *(d for d, _, _ in os.walk(path)))
            answer = predicate()
            if answer:
                return answer
            watch.wait(deadline.left())


class Follower:
    """A growing text file, read line by line from where one has got to."""

    def __init__(self, path):
        self.path = path
        open(path, "ab").close()
        self.position = self.marked = 0
        self.kept = []  # lines before the position that are still to be seen

    def text(self):
        with open(self.path, errors="replace") as f:
            return f.read()

    def lines(self):
        return self.text().splitlines()

    def mark(self):
        """Forget what is there: wait_for() looks at later lines only."""
        self.position = self.marked = os.path.getsize(self.path)
        self.kept = []

    def rewind(self):
        """Back to that mark: what came since then is looked at again."""
        self.position = self.marked
        self.kept = []

    def _next_match(self, pattern):
        while self.kept:
            match = re.search(pattern, self.kept.pop(0))
            if match:
                return match
        with open(self.path, "rb") as f:
            f.seek(self.position)
            for line in f:
                if not line.endswith(b"\n"):
                    return None
                self.position += len(line)
                match = re.search(pattern, line.decode(errors="replace"))
                if match:
                    return match
        return None

    def wait_for(self, pattern, seconds=None):
        """The next line that matches; the one after it is looked at next."""
        return wait_until(
            lambda: self._next_match(pattern),
            [self.path],
            f"/{pattern}/ in {os.path.basename(self.path)}",
            seconds,
        )

    def skip_to(self, pattern, but):
        """Wait for that line; those before it that match `but` stay to be seen."""
        begin = self.position
        self.wait_for(pattern)
        with open(self.path, "rb") as f:
            f.seek(begin)
            passed = f.read(self.position - begin).decode(errors="replace")
        self.kept = [line for line in passed.splitlines() if re.search(but, line)]

    def words(self, kinds):
        """All lines so far that begin with one of these words, split."""
        kinds = kinds.split("|")
        split = (line.split() for line in self.lines())
        return [words for words in split if words and words[0] in kinds]

    def grep(self, pattern):
        """All matches so far, wherever one has got to."""
        return [m for m in (re.search(pattern, x) for x in self.lines()) if m]
