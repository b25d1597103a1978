#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What waiting costs: idle sessions, and a long queue of deferred mail."""

import os
import resource
import socket
import sys
import time

from stage import *

SESSIONS = int(os.environ.get("MEMORY_SESSIONS", "1000"))
DEFERRED = int(os.environ.get("MEMORY_DEFERRED", "200000"))
LINKS = 60000  # ext4 allows 65,000 names of one file
DIGITS = "0123456789abcdefghijklmnopqrstuv"
TEXT = b"Subject: wait\r\n\r\nLong.\r\n"


def memory_kib(daemon):
    """Proportional set size of a daemon with all its processes."""
    total = 0
    for pid in [daemon.pid, *descendants(daemon.pid)]:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(x.split()[1]) for x in f if x.startswith("Pss:"))
    return total


def converse(port):
    """A session that has said EHLO and then nothing more."""
    s = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
    s.sendall(b"EHLO idle.example\r\n")
    text = b""
    while b"\n250 " not in text:
        text += s.recv(4096)
    return s


def idle_sessions(stage):
    converse(stage.port).close()
    before = memory_kib(stage.receiver)
    sessions = [converse(stage.port) for _ in range(SESSIONS)]
    each = (memory_kib(stage.receiver) - before) / SESSIONS
    diag(f"{each:.2f} KiB for each of {SESSIONS} idle sessions")
    ok(each < 10, "an idle session takes less than 10 KiB")
    for s in sessions:
        s.close()


def make_deferred(stage, seed, n):
    """n deferred entries, due in the next hundred hours, as names of the few
    files at the paths in seed."""
    shard = os.path.dirname(os.path.dirname(seed[0]))
    head, ident = os.path.basename(seed[0]).split(".", 1)[1].rsplit(".", 1)
    now = int(time.time())
    for number in range(n):
        due = now + 7200 + number * 360000 // n
        bucket = os.path.join(shard, str(due >> 12))
        if number == 0 or not os.path.isdir(bucket):
            os.makedirs(bucket, exist_ok=True)
        tail = "".join(DIGITS[number >> shift & 31] for shift in (20, 15, 10, 5, 0))
        name = f"{due}.{head}.{ident[:-5]}{tail}"
        os.link(seed[number // LINKS], os.path.join(bucket, name))


def entries(stage, state):
    root = os.path.join(stage.spool, state)
    return [os.path.join(top, n) for top, _, names in os.walk(root) for n in names]


def start_sender(stage):
    """(seconds until a message that waits is delivered, memory then)"""
    waiting = len(stage.quick.letters())
    stage.stop("engine")
    like(stage.submit("now@quick.example", TEXT), "^250", "a message to deliver")
    stage.start("engine", compile=False)
    stage.wait_in("processed")
    begin = time.monotonic()
    stage.start("sender", compile=False)
    stage.quick.wait_letters(waiting + 1)
    seconds = time.monotonic() - begin
    return seconds, memory_kib(stage.sender)


def many_deferred(stage):
    for number in range(DEFERRED // LINKS + 1):
        stage.submit("later@slow.example", TEXT)
    stage.wait_in("deferred", DEFERRED // LINKS + 1)
    stage.stop("sender")
    _, few_kib = start_sender(stage)
    stage.stop("sender")
    make_deferred(stage, entries(stage, "deferred"), DEFERRED)
    seconds, many_kib = start_sender(stage)
    diag(f"start to first delivery: {seconds:.2f} s; {few_kib} KiB, then {many_kib}")
    ok(seconds < 1, f"the sender starts with {DEFERRED} deferred in less than 1 s")
    ok(many_kib < few_kib + 512, "and needs no more memory for them")
    is_(len(entries(stage, "deferred")), DEFERRED + DEFERRED // LINKS + 1, "all wait")


if os.path.basename(BUILD) == "san":
    print("1..0 # SKIP a sanitizer's memory is not ours")
    sys.exit(0)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
with Stage(
    settings=f"sessions-max {SESSIONS + 100}\nclient-sessions-max {SESSIONS + 100}",
    profiles="slow  retry 5h retries 5",
) as stage:
    stage.quick = stage.sink()
    slow = stage.sink(rules="rcpt * 451 4.3.0 later")
    stage.write(routes=f"quick.example  {stage.quick.route}\nslow.example  {slow.route} slow\n")
    stage.start()
    idle_sessions(stage)
    many_deferred(stage)
done_testing()
