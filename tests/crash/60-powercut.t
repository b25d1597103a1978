#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
The power is cut at many moments of a recording of all writes to the disk, made
while mail flows through all rooms.  What the disk would have had then is
mounted, recovered, and held against the crash contract (contract.py); on some
of these disks the daemons are started and must deliver what was promised.

The seeded bugs each leave out one flush, and must be found.

POWERCUT_CUTS is how many moments of each recording are tried, POWERCUT_SEED
repeats their choice, though not the recording, and POWERCUT_KINDS names the
file systems.
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from disk import missing, own_mounts
from stage import *
from trial import Trial

CUTS = int(os.environ.get("POWERCUT_CUTS", "150"))
SEED = int(os.environ.get("POWERCUT_SEED", str(time.time_ns() % 1000000)))
MESSAGES = int(os.environ.get("POWERCUT_MESSAGES", "400"))
KINDS = os.environ.get("POWERCUT_KINDS", "ext4 xfs").split()
DRAINS = 2
SEARCH = 2000  # cuts until a seeded bug must have been found

# commit-syncfs-at: below it each message is flushed for itself
NEVER, SOON = 1000000, 2

FLOWS = {
    "a flush each": {"sessions": 8, "syncfs_at": NEVER},
    "flushes together": {"sessions": 50, "syncfs_at": SOON},
    # more workers than sessions: most commit by themselves
    "no committer": {"sessions": 1, "syncfs_at": NEVER, "workers": 16},
}

# What is left out, and what it must look like.
SEEDED = {
    "the flush of incoming/": ({"receiver": "directory"}, "LOST"),
    "the flush of the bytes": ({"receiver": "file,filesystem"}, "LOST|damaged"),
    "the flush of a split's record": ({"engine": "file"}, "damaged.*journal"),
    "the flush of reports and maildirs": ({"sender": "file"}, "LOST|damaged"),
}


def contract_is_kept(kind, name, options):
    rng = random.Random(f"{SEED} {kind} {name}")
    with Trial(kind, MESSAGES, **options) as trial:
        trial.cut(rng, CUTS)
        trial.drain(rng, DRAINS)
        trial.report(f"{kind}, {name}")
        mounted = trial.cuts - len(trial.unmountable)
        is_(len(trial.broken), 0, f"{kind}, {name}: the contract is kept")
        ok(mounted > CUTS // 2, f"{kind}, {name}: in {CUTS} cuts")


def bug_is_found(kind, name, lazy, sign):
    rng = random.Random(f"{SEED} {kind} {name}")
    with Trial(kind, MESSAGES, **FLOWS["a flush each"], lazy=lazy) as trial:
        trial.cut(rng, SEARCH, until_broken=True)
        problems = [p for broken in trial.broken.values() for p in broken]
        if not ok(
            any(re.search(sign, problem) for problem in problems),
            f"{kind}: without {name}, it is broken after {trial.cuts} cuts",
        ):
            trial.report(name)


def main():
    own_mounts()
    diag(f"POWERCUT_SEED={SEED}")
    for kind in KINDS:
        for name, options in FLOWS.items():
            contract_is_kept(kind, name, options)
        for name, (lazy, sign) in SEEDED.items():
            bug_is_found(kind, name, lazy, sign)


if missing():
    print(f"1..0 # SKIP this machine has no {missing()}")
else:
    main()
    done_testing()
