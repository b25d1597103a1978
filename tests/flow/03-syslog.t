#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Logging to syslog: a syslogd that is restarted, a logger that is killed.

/dev/log is ours in a mount namespace of our own.
"""

import re
import socket
import tempfile

from mounts import BIND, RECURSIVE, mount, own_mounts, own_mounts_as_user, unmount
from stage import *

def enter_namespace():
    try:
        own_mounts() if os.geteuid() == 0 else own_mounts_as_user()
    except OSError as e:
        print(f"1..0 # SKIP no mounts of its own for this user: {e}")
        sys.exit(0)


def private_dev():
    """A /dev of which only we see the changes, by way of any directory."""
    path = tempfile.mkdtemp(prefix="stagepost-dev.")
    mount("none", path, "tmpfs")
    for name in ("null", "zero", "urandom"):
        open(os.path.join(path, name), "w").close()
        mount(f"/dev/{name}", os.path.join(path, name), flags=BIND)
    mount(path, "/dev", flags=BIND | RECURSIVE)
    unmount(path, lazily=True)
    os.rmdir(path)


class Syslogd:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        self.socket.settimeout(DEADLINE)

    def wait_for(self, pattern):
        while True:
            line = self.socket.recv(8192).decode()
            if re.search(pattern, line):
                return line

    def stop(self):
        self.socket.close()
        os.unlink("/dev/log")


def logger_of(room):
    return next(pid for pid in children(room.pid) if "logger" in title(pid))


def lines_go_to_syslog():
    log = Syslogd()
    room = Room(free_port(), 2, ready=False, flags=["-L"])
    line = log.wait_for("ready workers=2")
    like(line, r"^<22>.*receiver: ready", "mail.info, with our name")

    log.stop()
    log = Syslogd()
    os.kill(workers_of(room)[0], signal.SIGKILL)
    line = log.wait_for("was killed by SIGKILL")
    like(line, r"^<20>", "mail.warning, to a syslogd that was restarted")
    log.wait_for("took shard=1[45]")

    os.kill(logger_of(room), signal.SIGKILL)
    os.kill(workers_of(room)[0], signal.SIGKILL)
    log.wait_for("was killed by SIGKILL")
    ok(True, "a logger that dies is replaced")
    log.wait_for("took shard=1[45]")

    with Session(room.port) as s:
        s.ask("who")
        handles = [os.pidfd_open(pid) for pid in descendants(room.pid)]
        room.signal(signal.SIGKILL)
        room.wait()
        log.wait_for("the parent has died: finishing")
        ok(True, "a parent that is killed does not silence its workers")
        heir = Room(room.port, 1, ready=False)
        heir.log.wait_for("ready")
    wait_ends(handles)
    ok(True, "the logger ends with the last of them")
    is_(heir.stop(), 0, "its address was free")
    is_(room.log.text().count("\n"), 1, "all but the first line went to syslog")


enter_namespace()

from room import *  # it makes its directory at once

run(private_dev, lines_go_to_syslog)
