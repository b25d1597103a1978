#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Each room is killed at its N-th file-system or network call, or that call fails,
while a message goes through; then the crash contract is checked (faults.py).

Here a sample, fair over rooms, kinds of message and what happens; FAULTS=all
tries every call.  SEED repeats the choice of a sample, FAULT one trial:

    FAULT="engine two EIO 7"     FAULT="receiver small ENOSPC 3 held"

FAULT_SECONDS is how long new trials are begun.
"""

import collections
import contextlib
import os
import random
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
PROCESSES = 2
ROOMS = (*DAEMONS, "queue-tool")

ENDS = ("kill", "EIO", "ENOSPC", "EDQUOT", "EMFILE", "ENOMEM", "short")
HELD = ("EIO", "ENOSPC", "EDQUOT", "EMFILE", "ENOMEM")


def combinations():
    """(room, kind, what happens, whether it goes on)"""
    found = []
    for room in DAEMONS:
        kinds = [*KINDS, "start"]
        found += [(room, kind, end, False) for kind in kinds for end in ENDS]
        found += [(room, kind, end, True) for kind in KINDS for end in HELD]
    found += [("queue-tool", order, end, False) for order in ORDERS for end in ENDS]
    return found


class Share:
    """What one process tries."""

    def __init__(self, number):
        self.number = number
        self.began = time.monotonic()
        self.combinations = combinations()[number::PROCESSES]
        self.benches = {}  # at most one, and all its inotify instances
        self.possible = {}
        self.tried = collections.Counter()
        self.struck = 0
        self.problems = []

    # -- one trial

    def bench(self, room):
        if room not in self.benches:
            for other in list(self.benches):
                self.drop_bench(other)
            self.benches[room] = Bench(room)
        return self.benches[room]

    def drop_bench(self, room):
        self.benches.pop(room).close()

    def try_one(self, trial):
        """The run; a bench that saw a problem is not used again."""
        bench = self.bench(trial.room)
        run = Run(bench, trial)
        if run.run():
            words = [trial.room, trial.kind, trial.fault.action, str(trial.fault.at)]
            words += ["held"] if trial.fault.hold else []
            text = f'SEED={SEED} FAULT="{" ".join(words)}": {run.what or "no call"}\n'
            text += "".join(f"    {problem}\n" for problem in run.problems)
            for name in DAEMONS:
                text += f"  --- {name}.log\n{bench.log(name)[-4000:]}"
            self.problems.append(text)
            print("#", text.replace("\n", "\n# "), file=sys.stderr, flush=True)
            self.drop_bench(trial.room)
        return run

    def count(self, room, kind, end):
        """To how many calls it can happen, by a run in which nothing does."""
        if (room, kind) not in self.possible:
            run = self.try_one(Trial(room, kind, Fault("count")))
            self.possible[room, kind] = {e: run.possible(e) for e in ENDS}
        return self.possible[room, kind][end]

    def strike(self, room, kind, end, held, at):
        run = self.try_one(Trial(room, kind, Fault(end, at, held)))
        self.tried[room] += 1
        self.struck += bool(run.what)
        return bool(run.what)

    # -- which ones

    def sample(self):
        """The same time for each room."""
        for i, room in enumerate(ROOMS):
            mine = [one for one in self.combinations if one[0] == room]
            rng = random.Random(f"{SEED} {self.number} {room}")
            self.sample_room(mine, rng, self.began + SECONDS * (i + 1) / len(ROOMS))

    def sample_room(self, mine, rng, end_s):
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
struck = sum(result[1] for result in results)
problems = [problem for result in results for problem in result[2]]
diag(f"{sum(tried.values())} trials, {struck} struck, {time.monotonic() - began:.1f} s: {dict(tried)}")
ok(struck > 0, "calls were struck")
for room in tried:
    mine = [p for p in problems if f'FAULT="{room} ' in p]
    is_(len(mine), 0, f"{room}: the contract is kept")
done_testing()
