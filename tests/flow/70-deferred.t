#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What a long queue of deferred mail costs the sender: neither memory nor a slow
start."""

import os
import sys
import time

from many import LINKS, entries, make_deferred
from stage import *

DEFERRED = int(os.environ.get("DEFERRED", "200000"))
TEXT = b"Subject: wait\r\n\r\nLong.\r\n"


def memory_kib(daemon):
    """Proportional set size of a daemon with all its processes."""
    total = 0
    for pid in [daemon.pid, *descendants(daemon.pid)]:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(x.split()[1]) for x in f if x.startswith("Pss:"))
    return total


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
    now = int(time.time())
    make_deferred(
        stage,
        entries(stage, "deferred"),
        DEFERRED,
        lambda number: now + 7200 + number * 360000 // DEFERRED,
    )
    seconds, many_kib = start_sender(stage)
    diag(f"start to first delivery: {seconds:.2f} s; {few_kib} KiB, then {many_kib}")
    ok(seconds < 1, f"the sender starts with {DEFERRED} deferred in less than 1 s")
    # The helpers may still be setting themselves up, which makes 2 MiB; the
    # names alone of all that is deferred would be ten times that.
    ok(many_kib < few_kib + 4096, "and needs no more memory for them")
    is_(len(entries(stage, "deferred")), DEFERRED + DEFERRED // LINKS + 1, "all wait")


if os.path.basename(BUILD) == "san":
    print("1..0 # SKIP a sanitizer's memory is not ours")
    sys.exit(0)
with Stage(profiles="slow  retry 5h 5d retries 5") as stage:
    stage.quick = stage.sink()
    slow = stage.sink(rules="rcpt * 451 4.3.0 later")
    stage.write(
        routes=f"quick.example  {stage.quick.route}\nslow.example  {slow.route} slow\n"
    )
    stage.start()
    many_deferred(stage)
done_testing()
