# SPDX-License-Identifier: ISC
"""The room without mail, tests/tools/room.c, for tests of what all rest on."""

import os
import select
import shutil
import socket
import subprocess
import tempfile
import traceback

import tap
from follow import DEADLINE, Timeout
from process import Process, children, program
from tap import diag

DIR = tempfile.mkdtemp(prefix="stagepost-test.")
os.chmod(DIR, 0o755)
SPOOL = os.path.join(DIR, "spool")
ROOM = program("room")
started = []
logs = 0


def write_map(port, workers, hostname="a.example"):
    pairs = {
        "Slisten": f"127.0.0.1:{port}",
        "Sreceiver-workers": str(workers),
        "Shostname": hostname,
        "Sforce-filesystem": "yes",
    }
    words = [word for pair in pairs.items() for word in pair]
    subprocess.run([ROOM, "map", SPOOL, *words], check=True)


class Room(Process):
    def __init__(self, port, workers, hostname="a.example", ready=True, flags=(), **env):
        global logs
        logs += 1
        self.port = port
        write_map(port, workers, hostname)
        argv = [ROOM, "-U", "-v", "-s", SPOOL, *flags]
        # a crash is a signal, also where a sanitizer would explain it
        signals = ("segv", "abort", "sigbus", "sigill", "sigfpe")
        handle = ":".join(f"handle_{name}=0" for name in signals)
        super().__init__(
            argv, os.path.join(DIR, f"log.{logs}"), {"ASAN_OPTIONS": handle, **env}
        )
        started.append(self)
        if ready:
            self.log.wait_for(r"\bready workers=")

    def ask(self, *lines):
        with Session(self.port) as s:
            return [s.ask(line) for line in lines][-1]


class Session:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.file = self.socket.makefile("r")

    def say(self, line):
        self.socket.sendall(f"{line}\n".encode())

    def ask(self, line):
        self.say(line)
        return self.file.readline().rstrip("\n")

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def title(pid):
    """What it calls itself; "" when it has ended."""
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read().split("\0")[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_ends(handles):
    """Until processes that are no children of ours have ended."""
    for handle in handles:
        if not select.select([handle], [], [], DEADLINE)[0]:
            raise Timeout("the end of a process")
        os.close(handle)


def workers_of(room):
    return [pid for pid in children(room.pid) if "worker" in title(pid)]


def run(*parts):
    """These, one after the other; whatever happens, nothing of them is left."""
    try:
        for part in parts:
            part()
    except Exception:
        tap.ok(False, "the test ran to its end")
        diag(traceback.format_exc())
    finally:
        cleanup()
    tap.done_testing()


def cleanup():
    for process in started:
        process.kill_all()
        if tap.failed():
            diag(f"--- {process.log.path}")
            diag("\n".join(process.log.lines()[-30:]))
    shutil.rmtree(DIR, ignore_errors=True)
