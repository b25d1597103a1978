#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Each room is killed at its N-th file-system or network call, or that call fails,
while a message goes through; then the crash contract is checked (faults.py).

Here a sample, fair over the daemons, kinds of message and what happens;
FAULTS=all tries every call.  SEED repeats the choice of a sample, FAULT one
trial:

    FAULT="engine two EIO 7"     FAULT="receiver small ENOSPC 3 held"

FAULT_SECONDS is how long new trials are begun, FAULT_ONLY="sender divert" of
which room and kind, or FAULT_ONLY=sender of which part.
"""

import collections
import contextlib
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from callfault import Fault
from faults import Bench, ORDERS, Run, Trial
from mails import KINDS
from stage import *
from trial import in_processes

ALL = os.environ.get("FAULTS") == "all"
SEED = int(os.environ.get("SEED", str(time.time_ns() % 1000000)))
SECONDS = float(os.environ.get("FAULT_SECONDS", "1e9" if ALL else "100"))
ONLY = os.environ.get("FAULT_ONLY", "")
PROCESSES = 2
# What is sampled for itself, and its share of the time.  The trials of queue-tool
# are short, and its calls few.
PARTS = {"receiver": 27, "crowd": 10, "engine": 27, "sender": 28, "queue-tool": 8}

# Of the crowd these alone count: by them workers deal with each other's clients.
DEALING = ("accept4", "getpeername", "sendmsg", "recvmsg")

ENDS = ("kill", "EIO", "ENOSPC", "EDQUOT", "EMFILE", "ENOMEM", "short")
HELD = ("EIO", "ENOSPC", "EDQUOT", "EMFILE", "ENOMEM")


def combinations():
    """(room, kind, what happens, whether it goes on)"""
    found = []
    for room in DAEMONS:
        kinds = [kind for kind in KINDS if kind != "crowd"]
        found += [(room, "start", end, False) for end in ENDS]
        found += [(room, kind, end, False) for kind in kinds for end in ENDS]
        found += [(room, kind, end, True) for kind in kinds for end in HELD]
    found += [("receiver", "crowd", end, False) for end in ENDS]
    found += [("receiver", "crowd", end, True) for end in HELD]
    found += [("queue-tool", order, end, False) for order in ORDERS for end in ENDS]
    return [one for one in found if is_wanted(*one[:2])]


def part_of(room, kind):
    return kind if kind in PARTS else room


def is_wanted(room, kind):
    return ONLY in ("", part_of(room, kind), f"{room} {kind}")


class Share:
    """What one process tries."""

    def __init__(self, number):
        self.number = number
        self.began = time.monotonic()
        self.combinations = combinations()[number::PROCESSES]
        self.benches = {}  # by part; at most one, and all its inotify instances
        self.possible = {}
        self.tried = collections.Counter()
        self.struck = collections.Counter()  # by part and call
        self.problems = []

    # -- one trial

    def bench(self, room, part):
        if part not in self.benches:
            for other in list(self.benches):
                self.drop_bench(other)
            more = {"receiver_workers": 2, "calls": DEALING} if part == "crowd" else {}
            self.benches[part] = Bench(room, **more)
        return self.benches[part]

    def drop_bench(self, part):
        self.benches.pop(part).close()

    def try_one(self, trial):
        """The run; a bench that saw a problem is not used again."""
        part = part_of(trial.room, trial.kind)
        bench = self.bench(trial.room, part)
        run = Run(bench, trial)
        if run.run():
            words = [trial.room, trial.kind, trial.fault.action, str(trial.fault.at)]
            words += ["held"] if trial.fault.hold else []
            text = f'SEED={SEED} FAULT="{" ".join(words)}": {run.what or "no call"}\n'
            text += "".join(f"    {problem}\n" for problem in run.problems)
            for name in DAEMONS:
                text += f"  --- {name}.log\n{bench.log(name)[-4000:]}"
            self.problems.append((part, text))
            print("#", text.replace("\n", "\n# "), file=sys.stderr, flush=True)
            self.drop_bench(part)
        return run

    def count(self, room, kind, end):
        """To how many calls it can happen, by a run in which nothing does."""
        if (room, kind) not in self.possible:
            run = self.try_one(Trial(room, kind, Fault("count")))
            self.possible[room, kind] = {e: run.possible(e) for e in ENDS}
        return self.possible[room, kind][end]

    def strike(self, room, kind, end, held, at):
        run = self.try_one(Trial(room, kind, Fault(end, at, held)))
        part = part_of(room, kind)
        self.tried[part] += 1
        if found := re.search(r": (\w+)\(", run.what):
            self.struck[part, found.group(1)] += 1
        return bool(run.what)

    # -- which ones

    def sample(self):
        """Each part for its share of the time."""
        parts = {part: [] for part in PARTS}
        for one in self.combinations:
            parts[part_of(*one[:2])].append(one)
        weights = sum(PARTS[part] for part, mine in parts.items() if mine)
        end_s = self.began
        for part, mine in parts.items():
            if mine:
                end_s += SECONDS * PARTS[part] / weights
                rng = random.Random(f"{SEED} {self.number} {part}")
                self.sample_part(mine, rng, end_s)

    def sample_part(self, mine, rng, end_s):
        """Each combination once, in any order, at any of its calls; again."""
        while True:
            rng.shuffle(mine)
            for room, kind, end, held in mine:
                where = rng.random()
                if time.monotonic() > end_s:
                    return
                if n := self.count(room, kind, end):
                    self.strike(room, kind, end, held, 1 + int(where * n))

    def all(self):
        """Each until it is not reached any more."""
        for room, kind, end, held in self.combinations:
            at = 1
            while self.strike(room, kind, end, held, at):
                at += 1

    def run(self):
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: [self.drop_bench(r) for r in list(self.benches)])
            if ALL:
                self.all()
            else:
                self.sample()
        return self.tried, self.struck, self.problems


def share(number):
    return Share(number).run()


def one(words):
    room, kind, end, at, *held = words.split()
    this = Share(0)
    this.strike(room, kind, end, bool(held), int(at))
    for left in list(this.benches):
        this.drop_bench(left)
    return this.tried, this.struck, this.problems


def what_is_missing():
    if os.geteuid() != 0:
        return "not root"
    if not os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):
        return "no seccomp"
    with open("/proc/sys/kernel/seccomp/actions_avail") as f:
        return "" if "user_notif" in f.read() else "no user notification of seccomp"


if why := what_is_missing():
    skip("calls that fail or kill", why)
    done_testing()
diag(f"SEED={SEED}")
began = time.monotonic()
if "FAULT" in os.environ:
    results = [one(os.environ["FAULT"])]
else:
    results = list(in_processes(share, [(n,) for n in range(PROCESSES)]))
tried = sum((result[0] for result in results), collections.Counter())
struck = sum((result[1] for result in results), collections.Counter())
problems = [problem for result in results for problem in result[2]]
took = time.monotonic() - began
diag(f"{tried.total()} trials, {struck.total()} struck, {took:.1f} s: {dict(tried)}")
for part in tried:
    calls = sorted(f"{call} {n}" for (p, call), n in struck.items() if p == part)
    diag(f"{part}: {', '.join(calls)}")
ok(struck.total() > 0, "calls were struck")
for part in tried:
    mine = [text for p, text in problems if p == part]
    is_(len(mine), 0, f"{part}: the contract is kept")
done_testing()
