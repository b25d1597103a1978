# SPDX-License-Identifier: ISC
"""
What disk-recorder wrote down, and the disks that it can be made into again.

A power cut at position p leaves some of the records before p.  Which ones, is
what a mode says:

    all      every write that was made
    flushed  only what the last flush before p covers
    some     that, and any of the later writes, each whole, torn or not at all
"""

import bisect
import collections
import ctypes
import mmap
import os
import random
import struct

HEAD = struct.Struct("<IIQQQ")
WRITE, ZERO, FLUSH, MARK = range(4)
MODES = ("all", "flushed", "some")
SECTOR = 512

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
_KEEP_SIZE_PUNCH_HOLE = 1 | 2

Record = collections.namedtuple("Record", "kind at length time data")
Cut = collections.namedtuple("Cut", "position mode seed")


class Recording:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.bytes = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        self.records = []
        offset = 0
        while offset < len(self.bytes):
            kind, data_len, at, length, ns = HEAD.unpack_from(self.bytes, offset)
            offset += HEAD.size
            self.records.append(Record(kind, at, length, ns / 1e9, offset))
            offset += data_len

    def data(self, record):
        return self.bytes[record.data : record.data + record.length]

    def mark(self, text):
        """The position of a mark."""
        for i, record in enumerate(self.records):
            if record.kind == MARK and self.data(record) == text.encode():
                return i
        raise KeyError(text)

    def positions(self, kind, begin, end):
        return [i for i in range(begin, end) if self.records[i].kind == kind]

    def time(self, position):
        """When a cut at this position happened: just before that record."""
        return self.records[position].time

    def sample(self, rng, n, begin, end):
        """n cuts in order, half of them where a flush is near."""
        flushes = self.positions(FLUSH, begin, end)
        cuts = []
        for i in range(n):
            if i % 2:
                near = rng.choice(flushes) + rng.randrange(-3, 4)
                position = min(max(near, begin), end)
            else:
                position = rng.randrange(begin, end)
            cuts.append(Cut(position, MODES[i // 2 % 3], rng.randrange(1 << 32)))
        return sorted(cuts)


    def after(self, times):
        """Cuts at these moments, of what the last flush covers."""
        moments = [record.time for record in self.records]
        at = sorted({bisect.bisect_left(moments, when) for when in times})
        return [Cut(p, "flushed", 0) for p in at if p < len(self.records)]

    def after_flushes(self, begin, end):
        """A cut behind each flush, of what it covers: all the durable states
        that there were."""
        return [Cut(p + 1, "flushed", 0) for p in self.positions(FLUSH, begin, end)]


class Disk:
    """A file that is brought forward in time; cuts must come in order."""

    def __init__(self, recording, path, size):
        self.recording = recording
        self.path = path
        self.position = 0  # records before it are in the file or pending
        self.pending = []  # writes since the last flush
        with open(path, "wb") as f:
            f.truncate(size)
        self.file = os.open(path, os.O_RDWR)

    def close(self):
        os.close(self.file)

    def _apply(self, fd, record, begin=0, end=None):
        """Bytes from begin to end of a write."""
        end = record.length if end is None else end
        if record.kind == WRITE:
            os.pwrite(fd, self.recording.data(record)[begin:end], record.at + begin)
        elif end > begin:
            _fallocate(fd, _KEEP_SIZE_PUNCH_HOLE, record.at + begin, end - begin)

    def _forward(self, position):
        assert position >= self.position
        for record in self.recording.records[self.position : position]:
            if record.kind in (WRITE, ZERO):
                self.pending.append(record)
            elif record.kind == FLUSH:
                for write in self.pending:
                    self._apply(self.file, write)
                self.pending = []
        self.position = position

    def _some(self, fd, rng):
        kept = rng.choice((0.1, 0.5, 0.9))
        for write in self.pending:
            if rng.random() >= kept:
                continue
            begin, end = 0, write.length
            if rng.random() < 0.1:
                sectors = [rng.randrange(write.length // SECTOR + 1) for _ in "be"]
                begin, end = (SECTOR * s for s in sorted(sectors))
            self._apply(fd, write, begin, end)

    def cut(self, cut, path):
        """What the disk has after this power cut, as a new file."""
        self._forward(cut.position)
        copy_sparse(self.file, path)
        fd = os.open(path, os.O_RDWR)
        if cut.mode == "all":
            for write in self.pending:
                self._apply(fd, write)
        elif cut.mode == "some":
            self._some(fd, random.Random(cut.seed))
        os.close(fd)


def copy_sparse(source, path):
    """A copy of an open file, holes and all."""
    size = os.fstat(source).st_size
    out = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.truncate(out, size)
    at = 0
    while at < size:
        try:
            at = os.lseek(source, at, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            break
        end = os.lseek(source, at, os.SEEK_HOLE)
        while at < end:
            at += os.copy_file_range(source, out, end - at, at, at)
    os.close(out)
