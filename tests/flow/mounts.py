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
_CLONE_NEWUSER, _CLONE_NEWNS = 0x10000000, 0x20000
BIND, RECURSIVE = 0x1000, 0x4000  # of mount(2)
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


def own_mounts_as_user():
    """The same without root, where the kernel lets users have namespaces: this
    process may mount, what it starts is the same user as ever and may not."""
    uid, gid = os.geteuid(), os.getegid()
    check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as f:
            f.write(text)


def mount(source, at, kind="", options="", flags=0):
    arguments = (os.fsencode(x) for x in (source, at, kind))
    check(_libc.mount(*arguments, flags, options.encode()), f"mount {kind} {at}")


def unmount(at, lazily=False):
    """Lazily: with all that is mounted below it, and when nobody is there."""
    check(_libc.umount2(os.fsencode(at), 2 if lazily else 0), f"unmount {at}")


if __name__ == "__main__":
    own_mounts()
    os.execvp(sys.argv[1], sys.argv[1:])
