# SPDX-License-Identifier: ISC
"""
File systems on a disk that is recorded, and on the disks that a power cut
would have left.

Everything is mounted in a mount namespace of this process alone: whatever
happens to the test, its end unmounts all of it, and loop devices that nobody
has open are given back by the kernel.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import stat
import struct
import subprocess

from mounts import mount, own_mounts, unmount
from process import Process, program

_libc = ctypes.CDLL(None, use_errno=True)
_MNT_DETACH = 2
_LOOP_CTL_GET_FREE, _LOOP_CONFIGURE = 0x4C82, 0x4C0A
_LOOP_MAJOR = 7
_AUTOCLEAR, _DIRECT_IO = 4, 16
# struct loop_config: a file, flags among 52 bytes of other things, reserved
_LOOP_CONFIG = struct.Struct("=II52xI176x64x")

# How each is made, and how it is mounted when it comes back.
MKFS = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-J", "size=16", "-E",
             "lazy_itable_init=0,lazy_journal_init=0,nodiscard"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-K", "-d", "agcount=2"),
}
MKFS["ext4-fast-commit"] = (*MKFS["ext4"], "-O", "fast_commit")
TYPE = {"ext4-fast-commit": "ext4"}
OPTIONS = {"xfs": "nouuid"}
# No commit within a test but those that are asked for; xfs waits 30 s anyway.
STILL = {"ext4": "commit=300"}
SIZE_MIB = 320  # the smallest that mkfs.xfs makes is 300


def missing():
    """What this machine lacks for all this, or None."""
    if os.geteuid() != 0:
        return "root"
    for tool in ("mkfs.ext4", "mkfs.xfs"):
        if not shutil.which(tool):
            return tool
    for path in ("/dev/fuse", "/dev/loop-control"):
        try:
            os.close(os.open(path, os.O_RDWR))
        except OSError as e:
            return f"{path} ({e.strerror})"
    for kind in ("ext4", "xfs", "fuse"):
        if not _kernel_knows(kind):
            return f"{kind} in its kernel"
    return None if _may_mount() else "right to mount"


def _kernel_knows(kind):
    if shutil.which("modprobe"):  # also one that is loaded by the first mount
        subprocess.run(["modprobe", "-q", kind], stderr=subprocess.DEVNULL)
    with open("/proc/filesystems") as f:
        return kind in f.read().split()


def _may_mount():
    """Tried in a child, whose namespace ends with it."""
    child = os.fork()
    if child == 0:
        try:
            own_mounts()
            mount("none", "/proc", "tmpfs")
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def run(*argv, good=(0,)):
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    if done.returncode not in good:
        raise OSError(f"{' '.join(argv)}: {done.stdout.strip()}")
    return done.stdout.strip()


# -- mounts


def unmount_all(directory):
    """What is mounted there and, after an interruption, below it."""
    with open("/proc/self/mounts") as f:
        places = [line.split()[1] for line in f]
    for place in reversed(places):
        if f"{place}/".startswith(f"{directory}/"):
            _libc.umount2(place.encode(), _MNT_DETACH)


# -- loop devices


def loop(path, node, direct_io=False):
    """Make `node` a loop device of this file; the descriptor that is returned
    and what is mounted keep it.  Whoever else looks for a free one at the same
    time may be faster, and nodes of new ones need not be in /dev."""
    flags = _AUTOCLEAR | (_DIRECT_IO if direct_io else 0)
    control = os.open("/dev/loop-control", os.O_RDWR)
    file = os.open(path, os.O_RDWR)
    try:
        while True:
            number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
            device = _loop_node(node, number)
            if device != -1 and _loop_taken(device, file, flags):
                return device
    finally:
        os.close(file)
        os.close(control)


def _loop_node(node, number):
    if os.path.exists(node):
        os.unlink(node)
    os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(_LOOP_MAJOR, number))
    try:
        return os.open(node, os.O_RDWR | os.O_CLOEXEC)
    except OSError as e:
        if e.errno not in (errno.ENXIO, errno.ENODEV):
            raise
        return -1  # somebody has removed it


def _loop_taken(device, file, flags):
    try:
        fcntl.ioctl(device, _LOOP_CONFIGURE, _LOOP_CONFIG.pack(file, 0, flags))
        return True
    except OSError as e:
        os.close(device)
        if e.errno != errno.EBUSY:
            raise
        return False


class Image:
    """A file system of this kind in a file, mounted at `at`."""

    def __init__(self, path, at, kind):
        self.at = at
        os.makedirs(at, exist_ok=True)
        device = loop(path, f"{at}.loop")
        try:
            mount(f"{at}.loop", at, TYPE.get(kind, kind), OPTIONS.get(kind, ""))
        finally:
            os.close(device)

    def close(self):
        if self.at:
            unmount(self.at)
            self.at = None

    def __enter__(self):
        return self.at

    def __exit__(self, error, *_):
        if error:  # which may have left somebody there
            unmount_all(self.at)
        else:
            self.close()


class RecordedDisk:
    """A new file system of this kind; `at` is where it is mounted."""

    def __init__(self, directory, kind, still=False):
        self.log = os.path.join(directory, "recording")
        self.fuse = os.path.join(directory, "recorder")
        self.at = os.path.join(directory, "disk")
        os.mkdir(self.fuse)
        self.device, self.mounted = -1, False
        argv = [program("disk-recorder"), str(SIZE_MIB), self.log, self.fuse]
        self.recorder = Process(argv, os.path.join(directory, "recorder.log"))
        try:
            self.recorder.log.wait_for("^ready$")
            node = f"{self.at}.loop"
            file = os.path.join(self.fuse, "disk")
            self.device = loop(file, node, direct_io=True)
            run(*MKFS[kind], node)
            os.mkdir(self.at)
            options = STILL.get(kind, "") if still else ""
            mount(node, self.at, TYPE.get(kind, kind), options)
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
            unmount(self.at)
            self.mounted = False
        if self.device != -1:
            os.close(self.device)
            self.device = -1
        if self.recorder.running():
            self.recorder.stop()
