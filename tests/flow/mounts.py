# SPDX-License-Identifier: ISC
"""Mounts that nobody else sees and that end with their process; also for a
command:

    python3 -B mounts.py COMMAND ARG...

unshare(1) cannot do it where "/" is only a directory, as after chroot(8).
"""

import ctypes
import os
import sys

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x20000
_MS_REC_PRIVATE = 0x4000 | 0x40000


def check(result, what):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def own_mounts():
    """From here on this process's mounts are its own, and end with it.

    Where "/" is only a directory it cannot be told what to pass on; the
    namespace's real root can, and we are there for a moment."""
    check(_libc.unshare(_CLONE_NEWNS), "unshare")
    root, here = (os.open(path, os.O_PATH) for path in ("/", "."))
    namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    check(_libc.setns(namespace, _CLONE_NEWNS), "setns")
    check(_libc.mount(b"none", b"/", None, _MS_REC_PRIVATE, None), "mount")
    os.fchdir(root)
    os.chroot(".")
    os.fchdir(here)
    for fd in (root, here, namespace):
        os.close(fd)


if __name__ == "__main__":
    own_mounts()
    os.execvp(sys.argv[1], sys.argv[1:])
