#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
The spool protocol as a model (spool.pml), searched exhaustively by spin.

It must keep all its promises; each bug that is put into it must break one, the
expected one; and the search must come by the places that matter.  That every
entry leaves when crashes stop is two searches: nothing is left where nothing
happens any more, and there is no cycle, so that some time nothing does.
MODEL=full, as `make model` sets it, searches the larger spaces, too.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "flow"))

from tap import diag, done_testing, is_, ok

MODEL = os.path.join(HERE, "spool.pml")
PAN = "-w -DNOREDUCE -DCOLLAPSE -DMEMLIM=12000".split()
# How pan is compiled and called, to look at all states, for cycles, or until
# something is found: then the compiler takes longer than the search.
STATES = ("-O2 -DSAFETY", "-E")
CYCLES = ("-O2 -DNP", "-l")
STATES_UNTIL = ("-O0 -DSAFETY", "-E")
CYCLES_UNTIL = ("-O0 -DNP", "-l")

# What is searched, and how.
KEPT = {
    "a power cut and an order": "CUTS=1 ORDERS=1",
    "a power cut and a report": "CUTS=1 ORDERS=0 FAILURES",
    "two power cuts": "CUTS=2 ORDERS=0",
    "a power cut and a rule that holds": "CUTS=1 ORDERS=0 RULES",
    "an order and a rule that holds": "CUTS=0 ORDERS=1 RULES",
}
KEPT_TOO = {
    "a power cut, an order and a report": "CUTS=1 ORDERS=1 FAILURES",
    "two power cuts and an order": "CUTS=2 ORDERS=1",
    "two power cuts and a report": "CUTS=2 ORDERS=0 FAILURES",
    "a power cut and two orders": "CUTS=1 ORDERS=2",
    "three orders": "CUTS=0 ORDERS=3",
    "a power cut, an order and a rule": "CUTS=1 ORDERS=1 RULES",
    "two power cuts and a rule": "CUTS=2 ORDERS=0 RULES",
}

# Where there must be no way to go round and round.
ENDS = {
    "a power cut": "CUTS=1 ORDERS=0",
    "an order and a rule that holds": "CUTS=0 ORDERS=1 RULES FAILURES",
}
ENDS_TOO = {
    "a power cut and an order": "CUTS=1 ORDERS=1",
    "a power cut and a report": "CUTS=1 ORDERS=0 FAILURES",
    "a power cut and a rule that holds": "CUTS=1 ORDERS=0 RULES",
    "two power cuts": "CUTS=2 ORDERS=0",
}

# The bug, the search that finds it, the promise that it breaks.
BUGS = {
    "250 before the flush of the directory": ("BUG_EARLY_250 ORDERS=0", "kept"),
    "the bytes are not flushed": ("BUG_NO_BYTES_FLUSH ORDERS=0", "whole"),
    "a split without the flush of its record": ("BUG_NO_RECORD_FLUSH ORDERS=0", "whole"),
    "the links of a split after its commit": ("BUG_LINKS_LATE ORDERS=0", "kept"),
    "part 0 leaves split/ first": ("BUG_FIRST_PART_FIRST ORDERS=0", "kept"),
    "out of sending/ before the done-mark": ("BUG_MARK_LATE ORDERS=0", "once"),
    "gone before its failure is reported": ("BUG_REPORT_LATE ORDERS=0 FAILURES", "kept"),
    "an operator takes what is being sent": ("BUG_HOLD_CLAIMED CUTS=0", "once"),
    "what was being sent is not recovered": ("BUG_CLAIM_STAYS ORDERS=0", "leaves"),
    "a release is told before its flush": (
        "BUG_RELEASE_NOT_FLUSHED RULES ORDERS=0",
        "released",
    ),
}

ENDLESS = {
    "an order is obeyed and stays": "BUG_ORDER_STAYS CUTS=0",
}

PLACES = {
    "a second delivery, in the window": "SEEN=1 ORDERS=0",
    "a report arrives": "SEEN=2 ORDERS=0 FAILURES",
    "a split is undone": "SEEN=3 ORDERS=0",
    "a split's leftovers are removed": "SEEN=4",
    "a split is finished": "SEEN=5 ORDERS=0",
    "a delete is obeyed after the attempt": "SEEN=6",
    "a delete is confirmed": "SEEN=7",
    "an operator takes what is being split": "SEEN=8",
    "a report is there twice": "SEEN=9 CUTS=2 ORDERS=0 FAILURES",
    "a release is lost, and it is held again": "SEEN=10 ORDERS=0 RULES",
}


def run(directory, *argv):
    return subprocess.run(
        argv,
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout


def search(definitions, how):
    """(promise that was broken, or None; what pan said)"""
    compiled, called = how
    flags = [f"-D{word}" for word in definitions.split()]
    with tempfile.TemporaryDirectory(prefix="stagepost-model.") as directory:
        shutil.copy(MODEL, directory)
        run(directory, "spin", "-a", *flags, "spool.pml")
        run(directory, "cc", *PAN, *compiled.split(), "-o", "pan", "pan.c")
        said = run(directory, "./pan", called, "-n", "-m1000000", "-w24")
        if "errors: 0" in said and "max search depth" not in said:
            return None, said
        if "non-progress cycle (" in said:
            return "a cycle", said
        trail = run(directory, "sh", "-c", f"spin -t {' '.join(flags)} spool.pml || :")
    return promise(trail) or said, said + trail


def promise(trail):
    """The comment on the line of the assertion that failed."""
    match = re.search(r"spool\.pml:(\d+), Error: assertion violated", trail)
    if not match:
        return None
    with open(MODEL) as f:
        line = f.read().splitlines()[int(match.group(1)) - 1]
    named = re.search(r"/\* (.*) \*/", line)
    return named.group(1) if named else line.strip()


def states(said):
    return re.search(r"(\d+) states, stored", said).group(1)


def searches(pool, what, how):
    """(name, what was asked, its result), as they come out."""
    jobs = [(name, pool.submit(search, words, how)) for name, words in what]
    for name, job in jobs:
        yield name, *job.result()


def nothing_is_found(pool, what, how, claim):
    for name, broken, said in searches(pool, what, how):
        if is_(broken, None, f"{claim}: {name}"):
            diag(f"{states(said)} states")
        else:
            diag(said[-3000:])


def main():
    full = os.environ.get("MODEL") == "full"
    kept = {**KEPT, **(KEPT_TOO if full else {})}
    ends = {**ENDS, **(ENDS_TOO if full else {})}
    # large searches need memory, and then go one by one
    with ThreadPoolExecutor(1 if full else 2) as pool:
        nothing_is_found(pool, kept.items(), STATES, "all promises are kept")
        nothing_is_found(pool, ends.items(), CYCLES, "everything leaves")
    with ThreadPoolExecutor(2) as pool:
        bugs = [(name, definitions) for name, (definitions, _) in BUGS.items()]
        for name, broken, _ in searches(pool, bugs, STATES_UNTIL):
            is_(broken, BUGS[name][1], f"found: {name}")
        for name, broken, _ in searches(pool, ENDLESS.items(), CYCLES_UNTIL):
            is_(broken, "a cycle", f"found: {name}")
        for name, broken, _ in searches(pool, PLACES.items(), STATES_UNTIL):
            ok(broken and "seen(" in broken, f"comes by: {name}") or diag(broken)


if not shutil.which("spin"):
    print("1..0 # SKIP this machine has no spin")
else:
    main()
    done_testing()
