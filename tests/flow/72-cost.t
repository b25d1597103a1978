#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
What one small message costs in all rooms together: system calls, counted by
strace, and instructions, counted by callgrind.  Never time.

One client sends 1 KiB, one after the other, over one connection.  The cost of a
message is that of a long run less that of a short one, by the number of
messages between them; the least of some tries counts, so that what else the
machine does can only make it look dearer once, not each time.

What was measured stands here.  A change that makes a message dearer by more
than the tolerance has to change the figure, and to say why.
"""

import glob
import os
import re
import sys

from stage import *

SYSTEM_CALLS = 38.5
INSTRUCTIONS = 140000  # of user space
TOLERANCE = 1.15
FEW, MANY = 50, 250
TRIES = 3
# What is flushed by the clock is not counted, nor what it takes to start.
SETTINGS = """duplicate-window 1m
tls-ca-file /dev/null
receiver-workers 1
engine-workers 1
sender-workers 1"""


class Counting(Stage):
    """Under a program that counts what the daemons do, until they end."""

    def __init__(self, counter):
        self.counter = counter
        super().__init__(verbose=False, settings=SETTINGS)
        self.sink_process = Process(
            [program("smtp-sink"), "-c", self.path("counters"), "127.0.0.1:0"],
            self.path("sink.log"),
        )
        self.started.append(self.sink_process)
        port = self.sink_process.log.wait_for(r"listening (\d+)").group(1)
        self.write(routes=f"*  smtp [127.0.0.1]:{port}")

    def path(self, name):
        return os.path.join(self.dir, name)

    def wrap(self, name):
        return self.counter.argv(self.path(f"count.{name}"))

    def cost(self, messages):
        """All that the daemons have done, start and stop included."""
        self.start()
        argv = [program("smtp-load"), "-d", "-m", str(messages), "-l", "1024"]
        self.run(*argv, "-o", self.path("load"), f"127.0.0.1:{self.port}")
        argv = [program("sink-count"), "wait", self.path("counters")]
        arrived = self.run(*argv, str(messages), str(DEADLINE)).stdout.split()[0]
        workers = [pid for daemon in self.daemons.values() for pid in daemon.workers()]
        self.stop()
        if int(arrived) != messages:
            raise RuntimeError(f"{arrived} of {messages} arrived")
        return self.counter.sum(self.path("count"), workers)


class Strace:
    name = "system calls"

    def argv(self, path):
        # Detached, so that the daemon is our child and not strace
        return ["strace", "-D", "-f", "-qq", "-c", "-U", "name,calls", "-o", path]

    def sum(self, path, _workers):
        calls = re.compile(r"(?m)^\s*(?!total)\S+ +(\d+)$")
        texts = [_text_of(p) for p in glob.glob(f"{path}.*")]
        return sum(int(n) for text in texts for n in calls.findall(text))


class Callgrind:
    name = "instructions"

    def argv(self, path):
        options = ["--tool=callgrind", f"--callgrind-out-file={path}.%p"]
        return ["valgrind", "-q", "--log-file=/dev/null", *options]

    def sum(self, path, workers):
        """Without helpers, which are killed when their worker ends."""
        total = re.compile(r"(?m)^summary: (\d+)$")
        paths = [p for pid in workers for p in glob.glob(f"{path}.*.{pid}")]
        return sum(int(total.search(_text_of(p)).group(1)) for p in paths)


def _text_of(path):
    """What is written when the last process of those that are counted ends."""
    wait_until(lambda: os.path.getsize(path), [path], path)
    with open(path) as f:
        return f.read()


def per_message(counter):
    costs = []
    for messages in (FEW, MANY):
        with Counting(counter) as stage:
            costs.append(stage.cost(messages))
    return (costs[1] - costs[0]) / (MANY - FEW)


def is_no_dearer(counter, figure):
    for number in range(TRIES):
        cost = per_message(counter)
        diag(f"{cost:.2f} {counter.name} a message")
        if cost <= figure * TOLERANCE:
            break
    ok(cost <= figure * TOLERANCE, f"a message takes {figure} {counter.name}")


if os.path.basename(BUILD) == "san":
    print("1..0 # SKIP sanitizers have costs of their own")
    sys.exit(0)
is_no_dearer(Strace(), SYSTEM_CALLS)
is_no_dearer(Callgrind(), INSTRUCTIONS)
done_testing()
