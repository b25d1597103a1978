#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""The means of the power-cut tests: mounts, loop devices, recorded disks."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from disk import (MKFS, SIZE_MIB, Image, RecordedDisk, loop, missing, mount,
                  own_mounts, run, unmount_all)
from recording import FLUSH, WRITE, Cut, Disk, Recording
from stage import *
from trial import in_processes

LOOPS = 40
BLOCK = 4096


def mounts():
    with open("/proc/self/mounts") as f:
        return {line.split()[1] for line in f}


def below_a_plain_root(directory):
    """Own mounts where "/" is no mount point, below one that is shared."""
    shared = os.path.join(directory, "shared")
    os.mkdir(shared)
    mount("none", shared, "tmpfs")
    run("mount", "--make-shared", shared)
    root = os.path.join(shared, "root")
    for name in ("proc", "inside"):
        os.makedirs(os.path.join(root, name))
    mount("none", os.path.join(root, "proc"), "proc")
    for seen in in_processes(mount_inside, [[root]]):
        is_(seen, (True, False), "own mounts below a chroot that is no mount point")
    ok(os.path.join(root, "inside") not in mounts(), "nobody else sees them")
    unmount_all(shared)


def mount_inside(root):
    """(is it mounted there, was the root a mount point)"""
    os.chroot(root)
    os.chdir("/")
    plain = os.path.ismount("/") and "/" in mounts()
    own_mounts()
    mount("none", "/inside", "tmpfs")
    return "/inside" in mounts(), plain


def loops_at_once(directory):
    found = in_processes(use_loops, [[os.path.join(directory, n)] for n in "abcd"])
    is_(list(found), [0] * 4, f"4 x {LOOPS} loop devices, at once")


def use_loops(path):
    """How many devices were not of the file that they were made of."""
    wrong = 0
    with open(path, "wb") as f:
        f.truncate(16 * BLOCK)
    for i in range(LOOPS):
        mine = f"{path} {i}".encode().ljust(BLOCK, b".")
        with open(path, "r+b") as f:
            f.write(mine)
        device = loop(path, f"{path}.loop")
        wrong += os.read(device, BLOCK) != mine
        os.close(device)
    return wrong


def cuts_by_mode(directory):
    """What is flushed is there, what is not may be."""
    place = os.path.join(directory, "recorded")
    os.mkdir(place)
    disk = RecordedDisk(place, "ext4")
    disk.mark("begin")
    with open(os.path.join(disk.at, "flushed"), "wb") as f:
        f.write(b"flushed" * 1000)
        f.flush()
        os.fsync(f.fileno())
    disk.mark("flushed")
    with open(os.path.join(disk.at, "late"), "wb") as f:
        f.write(b"late" * 1000)
        f.flush()
        os.fsync(f.fileno())
    disk.mark("end")
    disk.close()
    recording = Recording(disk.log)
    begin, middle, end = (recording.mark(m) for m in ("begin", "flushed", "end"))
    ok(recording.positions(FLUSH, begin, middle), "an fsync is a flush of the disk")
    first = min(recording.positions(WRITE, middle, end))
    wants = [
        (begin, "all", []),
        (middle, "flushed", ["flushed"]),
        (middle, "some", ["flushed"]),
        (first + 1, "flushed", ["flushed"]),
        (end, "flushed", ["flushed", "late"]),
    ]
    rebuilt = Disk(recording, place + "/base", SIZE_MIB << 20)
    for position, mode, names in wants:
        rebuilt.cut(Cut(position, mode, 1), place + "/image")
        with Image(place + "/image", place + "/mnt", "ext4") as at:
            found = sorted(set(os.listdir(at)) - {"lost+found"})
            is_(found, names, f"a cut at {position}, {mode}")
    rebuilt.close()


def main():
    own_mounts()
    with tempfile.TemporaryDirectory(prefix="stagepost-disk.") as directory:
        mount("none", directory, "tmpfs")
        try:
            below_a_plain_root(directory)
            loops_at_once(directory)
            cuts_by_mode(directory)
        finally:
            unmount_all(directory)


if missing():
    print(f"1..0 # SKIP this machine has no {missing()}")
else:
    main()
    done_testing()
