# SPDX-License-Identifier: ISC
"""Where the processor time of a message goes, call by call (perf)."""

import collections
import os
import re
import shutil
import signal
import subprocess
import sys

import relay

HZ = 4999  # samples a second of each core, out of step with the clock's tick
ROOMS = ("receiver", "engine", "sender")
SYSTEM_CALL = re.compile(r"__(?:x64|arm64)_sys_(\w+)")
# What else a stack may say, the first that matches.
OTHERS = (
    ("page faults", re.compile("exc_page_fault|do_mem_abort")),
    ("interrupts", re.compile("sysvec|common_interrupt|irq")),
    ("entering and leaving the kernel", re.compile("syscall|entry_SYSCALL|el0_svc")),
)


def _call_of(stack):
    for line in stack:
        found = SYSTEM_CALL.search(line)
        if found:
            return found.group(1)
    for name, pattern in OTHERS:
        if any(pattern.search(line) for line in stack):
            return name
    return "user space"


def _samples(path):
    """(command, lines of the stack), of each sample."""
    argv = ["perf", "script", "-i", path, "-F", "comm,ip,sym"]
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
    )
    for sample in done.stdout.split("\n\n"):
        lines = sample.strip("\n").split("\n")
        yield lines[0].strip(), lines[1:]


def _count(path):
    """{(room, call): samples}"""
    counts = collections.Counter()
    for command, stack in _samples(path):
        room = command.split(":")[0]
        if room in ROOMS:
            counts[room, _call_of(stack)] += 1
    return counts


class _Recording:
    def __init__(self, path):
        argv = ["perf", "record", "-q", "-a", "-g", "-e", "cpu-clock", "-F", str(HZ)]
        self.process = subprocess.Popen(
            [*argv, "-o", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


def _profile(opt, sessions):
    messages = relay.count_for(opt, "stagepost", "reused", 1024, sessions)
    with relay.bench(opt, "stagepost") as b:
        relay.send(b.server.port, sessions, 1024, 200, "reused")
        b.sink.wait(200)
        b.sink.reset()
        path = os.path.join(b.directory, "perf.data")
        with _Recording(path):
            relay.send(b.server.port, sessions, 1024, messages, "reused")
            b.sink.wait(messages)
        counts = _count(path)
    return {
        "server": "stagepost", "sessions": sessions, "messages": messages,
        "profile": [
            [room, call, samples * 1e6 / HZ / messages]
            for (room, call), samples in counts.most_common()
        ],
    }  # fmt: skip


def profile(opt):
    if not shutil.which("perf"):
        print("profile: there is no perf (package linux-perf)", file=sys.stderr)
        return
    for sessions in opt.sessions:
        yield _profile(opt, sessions)


PARTS = {"profile": profile}
