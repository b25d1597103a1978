#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
The power is cut at many moments of a recording of all writes to the disk, made
while mail flows through all rooms.  What the disk would have had then is
mounted, recovered, and held against the crash contract (contract.py); on some
of these disks the daemons are started and must deliver what was promised.

Some of it is left to chance, and other on the next run.  What must not be
missed is brought about (meddle.c) and counted: MUST_SEE.

The seeded bugs each leave out one flush, and must be found.

POWERCUT_CUTS is how many moments of a recording are tried, POWERCUT_SEED
repeats their choice, though not the recording, and POWERCUT_KINDS names the
file systems.
"""

import collections
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from contract import INFINITE
from disk import missing, own_mounts
from stage import *
from traffic import WINDOW_S
from trial import REPAIRED, Trial

CUTS = int(os.environ.get("POWERCUT_CUTS", "75"))
SEED = int(os.environ.get("POWERCUT_SEED", str(time.time_ns() % 1000000)))
MESSAGES = int(os.environ.get("POWERCUT_MESSAGES", "400"))
KINDS = os.environ.get("POWERCUT_KINDS", "ext4 xfs").split()
DRAINS = 2

# commit-syncfs-at: below it each message is flushed for itself
NEVER, ALWAYS, SOON = 1000000, 1, 2

# With ONWARD a receiver's flush of a name waits until the engine has taken it
# from there; with EAGER each step is durable, and each such state is tried.
STEPS = "step by step"
FLOWS = {
    "a flush each": {"sessions": 8, "syncfs_at": NEVER},
    "flushes together": {"sessions": 50, "syncfs_at": SOON},
    # more workers than sessions: most commit by themselves
    "no committer": {"sessions": 1, "syncfs_at": NEVER, "workers": 16},
    "the engine is faster": {
        "sessions": 20, "syncfs_at": ALWAYS, "meddle": {"receiver": "ONWARD=yes"},
    },
    STEPS: {
        "sessions": 8, "syncfs_at": NEVER,
        "meddle": {
            "receiver": "ONWARD=yes", "engine": "EAGER=yes", "sender": "EAGER=yes",
        },
    },
}
STEPS_MESSAGES = max(25, MESSAGES // 16)

# What of all this is brought about, and in which flow.
MUST_SEE = {
    "a flush each": {"sessions": 8},
    "flushes together": {"sessions": 50, "flushed together": 1},
    "no committer": {"sessions": 7},
    "the engine is faster": {
        "sessions": 19,
        "flushed together": 1,
        "went on before the flush of its name": 1,
    },
    STEPS: {
        "went on before the flush of its name": 1,
        "its split recorded before the flush of its name": 1,
        "a split that is undone": 1,
        "a split that goes on": 1,
        "a bucket that is empty": 1,
        "in deferred/": 1,
        "in sending/": 1,
        "in tmp/": 1,
    },
}

# What is left out, of which mail, and what it must look like.
Bug = collections.namedtuple("Bug", "kinds meddle sign")
BUGS = {
    "the flush of incoming/": Bug(
        ["one"], {"receiver": "LAZY=directory"}, "LOST"
    ),
    "the flush of the bytes": Bug(
        ["one"], {"receiver": "LAZY=file,filesystem"}, "LOST|damaged"
    ),
    "the flush of a split's record": Bug(
        ["two"], {"engine": "LAZY=file EAGER=yes"}, "damaged.*journal"
    ),
    "the flush of a report": Bug(
        ["bad"], {"sender": "LAZY=file EAGER=yes"}, "LOST|damaged"
    ),
    "the flush of a maildir's file": Bug(
        ["box"], {"sender": "LAZY=file EAGER=yes"}, "LOST"
    ),
    "the flush of what was delivered": Bug(
        ["one"], {"sender": "LAZY=filesystem"}, "comes again"
    ),
}
BUG_MESSAGES = 10


def contract_is_kept(kind, name, options):
    """Cuts of one recording; how many could be mounted."""
    rng = random.Random(f"{SEED} {kind} {name}")
    messages = STEPS_MESSAGES if name == STEPS else MESSAGES
    with Trial(kind, messages, **options) as trial:
        if name == STEPS:
            trial.cut(trial.every_state() + trial.sample(rng, CUTS // 4))
        else:
            trial.cut(trial.sample(rng, CUTS))
        trial.drain(rng, DRAINS)
        trial.report(f"{kind}, {name}")
        is_(len(trial.broken), 0, f"{kind}, {name}: the contract is kept")
        windows = trial.contract.windows()
        ok(
            windows[len(windows) // 2] < 10 * WINDOW_S and windows[-1] < INFINITE,
            f"{kind}, {name}: a delivery is soon noted",
        )
        for event, least in MUST_SEE[name].items():
            ok(trial.seen[event] >= least, f"{kind}, {name}: {event}")
        return trial.mounted


def is_reported(kind, name, options):
    """What is refused at start: nothing is promised, it is only looked at."""
    rng = random.Random(f"{SEED} {kind} {name}")
    with Trial(kind, MESSAGES, **options) as trial:
        trial.cut(trial.sample(rng, CUTS))
        trial.report(f"{kind}, {name}")


def bug_is_found(kind, name, bug):
    with Trial(
        kind,
        BUG_MESSAGES,
        still=True,
        sessions=1,
        syncfs_at=NEVER,
        kinds=bug.kinds,
        meddle=bug.meddle,
        window=WINDOW_S if bug.sign == "comes again" else 60,
    ) as trial:
        cuts = trial.every_ack() + trial.every_state() + trial.at_end()
        trial.cut(cuts, until_broken=True)
        if not ok(
            any(re.search(bug.sign, problem) for problem in trial.problems()),
            f"{kind}: without {name}, it is broken after {trial.cuts} cuts",
        ):
            trial.report(name)


def main():
    own_mounts()
    diag(f"POWERCUT_SEED={SEED}")
    for kind in KINDS:
        if kind in REPAIRED:
            for name in ("a flush each", "flushes together"):
                is_reported(kind, name, FLOWS[name])
            continue
        cuts = 0
        for name, options in FLOWS.items():
            cuts += contract_is_kept(kind, name, options)
        ok(cuts >= 4 * CUTS, f"{kind}: {cuts} cuts")
        for name, bug in BUGS.items():
            bug_is_found(kind, name, bug)


if missing():
    print(f"1..0 # SKIP this machine has no {missing()}")
else:
    main()
    done_testing()
