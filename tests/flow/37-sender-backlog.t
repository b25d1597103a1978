#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Large queues: neither start-up nor memory grows, nobody starves; and queued
mail follows the map."""

import os
import tempfile
import time

from put import put
from stage import *

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
LINKS = 50000  # of one file; ext4 allows 65,000


def memory_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def multiply(spare, path, total, where, name):
    """More entries like the one at path, as links of copies of its file; their
    names are made by name(id, i).  An id is unique by its random digits."""
    with open(path, "rb") as f:
        content = f.read()
    id = path.rsplit(".", 1)[1]
    for i in range(total):
        if i % LINKS == 0:
            template = tempfile.NamedTemporaryFile(dir=spare, delete=False)
            with template as f:
                f.write(content)
        n, digits = i, ""
        for _ in range(7):
            n, digit = divmod(n, 32)
            digits = DIGITS[digit] + digits
        os.link(template.name, os.path.join(where, name(id[:11] + digits, i)))


def only(stage, state):
    for directory, _, names in os.walk(os.path.join(stage.spool, state)):
        for name in names:
            return os.path.join(directory, name)


def start(stage):
    """Seconds until it is ready."""
    began = time.monotonic()
    stage.start("sender", compile=False)
    return time.monotonic() - began


with Stage(settings="sender-workers 1", profiles="quick retry 1s\nslow retry 5d", verbose=False) as stage:
    sink = stage.sink()
    other = stage.sink()
    stage.write(routes=f"far.example  {sink.route}  quick\n*  {sink.route}")
    stage.compile()
    now = int(time.time()) & ~0xFFF  # a bucket of the calendar begins
    stage.turn_clock(now - int(time.time()))

    # the deferred queue: 200,000 entries, half of them due within the hour
    start(stage)
    put(stage, "x@b.example")
    sink.wait_letters(1)
    empty_kib = memory_kib(stage.sender.workers()[0])
    stage.sender.stop()
    put(stage, "x@a.example", due=3 * 86400)
    path = only(stage, "deferred")
    bucket, shard = os.path.dirname(path), os.path.dirname(os.path.dirname(path))
    tagged = os.path.basename(path).split(".")[1]
    multiply(stage.dir, path, 100000, bucket, lambda id, i: f"{now + 3 * 86400}.{tagged}.{id}")
    near = os.path.join(shard, str(now >> 12))
    os.makedirs(near, exist_ok=True)
    soon = now + 1800
    multiply(stage.dir, path, 100000, near, lambda id, i: f"{soon + i % 60}.{tagged}.{id}")
    # the least of some starts, so that what else the machine does is not counted
    starts = [start(stage)]
    while min(starts) >= 1 and len(starts) < 4:
        stage.sender.stop()
        starts.append(start(stage))
    ok(min(starts) < 1, f"with 200,000 deferred entries it is ready in {min(starts):.2f}s")
    put(stage, "x@b.example")
    sink.wait_letters(2)
    grown = memory_kib(stage.sender.workers()[0]) - empty_kib
    ok(512 < grown < 8192, f"and its memory has grown by {grown} KiB")
    stage.sender.stop()
    stage.run("rm", "-rf", shard)
    os.mkdir(shard, 0o770)

    # a backlog of 100,000 for a destination that does not answer
    sink.stop()
    put(stage, "x@far.example")
    path = only(stage, "processed")
    tagged = os.path.basename(path).split(".")[0]
    where = os.path.dirname(path)
    multiply(stage.dir, path, 100000, where, lambda id, i: f"{tagged}.{id}")
    stage.write(routes=f"far.example  {sink.route}  quick\n*  {other.route}")
    stage.compile()
    start(stage)
    stage.sender.log.wait_for("suspended")
    began = time.monotonic()
    put(stage, "x@b.example", n=50)
    other.wait_letters(50)
    ok(True, f"50 messages for others pass in {time.monotonic() - began:.2f}s")
    grown = memory_kib(stage.sender.workers()[0]) - empty_kib
    ok(grown < 8192, f"its memory has grown by {grown} KiB")
    kept = sorted(os.listdir(where))
    stage.sender.stop()

    # and when it answers, all of a backlog that is larger than the window goes
    for name in kept[30000:]:
        os.unlink(os.path.join(where, name))
    sink.keep = False
    sink.start()
    n = len(sink.log.grep("^ok "))
    start(stage)
    sink.accepted(n + 29000, seconds=60)
    stage.assert_spool_empty("a backlog larger than the window goes out", seconds=60)
    stage.sender.stop()

    # queued mail follows the map
    put(stage, "x@c.example")
    put(stage, "y@c.example", due=3600)
    stage.write(routes=f"*  {sink.route}")
    n = len(sink.log.grep("^ok "))
    stage.start("engine", "sender")
    sink.accepted(n + 1)
    stage.tool("flush")
    sink.accepted(n + 2)
    stage.assert_spool_empty("queued mail goes where the map now says")
    is_(len(other.names()), 50, "and not where it said before")

done_testing()
