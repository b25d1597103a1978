#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
The sender is killed with SIGKILL while it fills maildirs: workers, the helpers
that write, parents.  Every message arrives exactly once, since a repeat finds
the file of the first time by its name, and no half-written file is left.

MAILDIR_MESSAGES, MAILDIR_KILLS and KILL_SEED as in 50-kill.t.
"""

import collections
import os
import random
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from stage import *

MESSAGES = int(os.environ.get("MAILDIR_MESSAGES", "4000"))
KILLS = int(os.environ.get("MAILDIR_KILLS", "20"))
SEED = int(os.environ.get("KILL_SEED", str(time.time_ns() % 1000000)))
BOXES = 4


def names(stage, inner):
    """The files in new/ or tmp/ of all maildirs."""
    found = []
    for n in range(BOXES):
        path = os.path.join(stage.dir, f"d{n}.example", inner)
        if os.path.isdir(path):
            found += [os.path.join(path, name) for name in os.listdir(path)]
    return found


def load(stage):
    log = os.path.join(stage.dir, "load.log")
    argv = [program("smtp-load"), "-s", "10", "-d", "-p", "-l", "500", "-o", log]
    argv += ["-m", str(MESSAGES), "-t", f"u%@d%{BOXES}.example"]
    subprocess.run([*argv, f"127.0.0.1:{stage.port}"], stdout=subprocess.DEVNULL)
    with open(log) as f:
        return {line.split()[1] for line in f if line.startswith("acked ")}


def victim(stage, rng):
    """A worker, a helper of one, or the parent; None when it is just gone."""
    kind = rng.choice(("worker", "helper", "helper", "parent"))
    pids = {
        "worker": stage.sender.workers(),
        "helper": [h for w in stage.sender.workers() for h in children(w)],
        "parent": [stage.sender.pid],
    }[kind]
    return kind, rng.choice(pids) if pids else None


def strike(stage, rng, kills):
    kind, pid = victim(stage, rng)
    if pid is None:
        return
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    kills[kind] += 1
    if kind == "parent":
        stage.sender.wait()
        stage.start("sender", compile=False)


def kill_on_the_way(stage):
    """A kill each time that another part of the messages has arrived."""
    rng, kills = random.Random(SEED), collections.Counter()
    step = MESSAGES // (KILLS + 2)
    stage.start("sender", compile=False)
    while len(names(stage, "new")) < MESSAGES - step:
        want = len(names(stage, "new")) + step
        wait_until(
            lambda: len(names(stage, "new")) >= min(want, MESSAGES),
            [os.path.join(stage.dir, name) for name in os.listdir(stage.dir)],
            f"{want} files",
            120,
        )
        strike(stage, rng, kills)
    return kills


def test_ids(paths):
    ids = []
    for path in paths:
        with open(path, "rb") as f:
            ids += re.findall(rb"(?m)^X-Test-Id: (\S+)$", f.read())
    return sorted(i.decode() for i in ids)


with Stage() as stage:
    diag(f"KILL_SEED={SEED}")
    stage.write(routes=f"*  maildir:{stage.dir}/%d")
    stage.start("receiver", "engine")
    acked = load(stage)
    is_(len(acked), MESSAGES, f"{MESSAGES} messages are taken")
    stage.wait_queue(
        lambda q: len(q.get("processed", [])) == MESSAGES, "all routed", 120)
    kills = kill_on_the_way(stage)
    ok(sum(kills.values()) >= KILLS // 2, f"kills: {dict(kills)}")
    stage.assert_spool_empty("then all is delivered", 120)
    is_(test_ids(names(stage, "new")), sorted(acked), "each message exactly once")
    is_(names(stage, "tmp"), [], "and nothing is left half written")
done_testing()
