# SPDX-License-Identifier: ISC
"""
File systems on a disk that is recorded, and on the disks that a power cut
would have left.

Everything is mounted in a mount namespace of this process alone: whatever
happens to the test, its end unmounts all of it, and loop devices that are
mounted nowhere are given back by the kernel.
"""

import ctypes
import os
import subprocess

from process import Process, program

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x20000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_MNT_DETACH = 2

# How each is made, and how it is mounted when it comes back.
MKFS = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-J", "size=16", "-E",
             "lazy_itable_init=0,lazy_journal_init=0,nodiscard"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-K", "-d", "agcount=2"),
}
MKFS["ext4-fast-commit"] = (*MKFS["ext4"], "-O", "fast_commit")
MOUNT = {"xfs": ("loop", "nouuid")}
SIZE_MIB = 320  # the smallest that mkfs.xfs makes is 300


def missing():
    """What this machine lacks for all this, or None."""
    if os.geteuid() != 0:
        return "root"
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(path):
            return path
    return None


def run(*argv):
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    if done.returncode != 0:
        raise OSError(f"{' '.join(argv)}: {done.stdout.strip()}")
    return done.stdout.strip()


def own_mounts():
    """From here on this process's mounts are its own, and end with it."""
    if _libc.unshare(_CLONE_NEWNS) == -1:
        raise OSError(ctypes.get_errno(), "unshare")
    if _libc.mount(b"none", b"/", None, _MS_REC_PRIVATE, None) == -1:
        raise OSError(ctypes.get_errno(), "mount")


def unmount_all(directory):
    """What is mounted there and, after an interruption, below it."""
    with open("/proc/self/mounts") as f:
        places = [line.split()[1] for line in f]
    for place in reversed(places):
        if f"{place}/".startswith(f"{directory}/"):
            _libc.umount2(place.encode(), _MNT_DETACH)


class Image:
    """A file system of this kind in a file, mounted at `at`."""

    def __init__(self, path, at, kind):
        self.at = at
        os.makedirs(at, exist_ok=True)
        run("mount", "-o", ",".join(MOUNT.get(kind, ("loop",))), path, at)

    def close(self):
        if self.at:
            run("umount", self.at)
            self.at = None

    def __enter__(self):
        return self.at

    def __exit__(self, *_):
        self.close()


class RecordedDisk:
    """A new file system of this kind; `at` is where it is mounted."""

    def __init__(self, directory, kind):
        self.log = os.path.join(directory, "recording")
        self.fuse = os.path.join(directory, "recorder")
        self.at = os.path.join(directory, "disk")
        os.mkdir(self.fuse)
        self.loop, self.mounted = None, False
        argv = [program("disk-recorder"), str(SIZE_MIB), self.log, self.fuse]
        self.recorder = Process(argv, os.path.join(directory, "recorder.log"))
        try:
            self.recorder.log.wait_for("^ready$")
            self.loop = run("losetup", "--direct-io=on", "--find", "--show",
                            os.path.join(self.fuse, "disk"))
            run(*MKFS[kind], self.loop)
            os.mkdir(self.at)
            run("mount", self.loop, self.at)
            self.mounted = True
        except BaseException:
            self.close()
            raise

    def mark(self, text):
        with open(os.path.join(self.fuse, "mark"), "w") as f:
            f.write(text)

    def close(self):
        """Unmount everything; the recording is then complete."""
        if self.mounted:
            run("umount", self.at)
            self.mounted = False
        if self.loop:
            run("losetup", "-d", self.loop)
            self.loop = None
        if self.recorder.running():
            self.recorder.stop()
