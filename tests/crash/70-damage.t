#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Bytes that a disk has changed: never a crash, never silent wrong mail.  SEED
repeats a run, DAMAGE_COUNT says how many files are damaged in memory."""

import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from stage import *

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 30))
COUNT = os.environ.get("DAMAGE_COUNT", "40000")
N = 60
rng = random.Random(SEED)
print(f"# SEED={SEED}", flush=True)

# -- thousands, in one process, by the functions that the rooms read with

done = subprocess.run(
    [program("damage"), str(SEED), COUNT],
    stdout=subprocess.PIPE,
    text=True,
)
is_(re.findall("(?m)^WRONG.*", done.stdout), [], f"{COUNT} damaged files: none is misread")
is_(done.returncode, 0, "and no reader dies")
seen = {what: int(n) for what, n in re.findall(r"(?m)^(\w+) (\d+)$", done.stdout)}
diag(f"{seen}")
ok(seen["refused"] > int(COUNT) / 2, "most of them are refused")

# -- some more, by the daemons


def damage(path):
    """Somewhere in the file, in place: how."""
    with open(path, "r+b") as f:
        size = os.path.getsize(path)
        at = rng.randrange(rng.choice([64, size, size]))
        n = min(rng.choice([1, 4, 40]), size - at)
        how = rng.choice(["flip", "overwrite", "cut", "take out"])
        whole = f.read()
        if how == "flip":
            whole = whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :]
        elif how == "overwrite":
            whole = whole[:at] + rng.randbytes(n) + whole[at + n :]
        elif how == "cut":
            whole = whole[:at]
        else:
            whole = whole[:at] + whole[at + n :]
        f.seek(0)
        f.write(whole)
        f.truncate()
    return f"{how} at {at} of {size}"


def paths(stage, state):
    for directory, _, names in os.walk(os.path.join(stage.spool, state)):
        for name in names:
            yield os.path.join(directory, name)


def damage_half(stage, state):
    files = sorted(paths(stage, state))
    for path in rng.sample(files, len(files) // 2):
        diag(f"{path[len(stage.spool) + 1:]}: {damage(path)}")


def text(i):
    lines = "".join(f"{i} line {line}\r\n" for line in range(rng.choice([3, 30, 3000])))
    return f"Subject: letter {i}\r\nX-Letter: {i}\r\n\r\n{lines}".encode()


def letters(sink):
    """What has arrived there, by number: recipient and content after ours."""
    found = {}
    for letter in sink.letters():
        match = re.search(rb"(?m)^X-Letter: (\d+)", letter.content)
        number = int(match.group(1)) if match else None
        begin = letter.content.find(b"Subject: letter")
        found.setdefault(number, []).append((letter.recipients, letter.content[begin:]))
    return found


def all_seen_to(stage, sink, n):
    def is_so(queue):
        left = sum(len(names) for names in queue.values())
        bad = len(queue.get("corrupt", []))
        return left == bad and bad + len(sink.names()) >= n

    stage.wait_queue(is_so, f"{n} messages delivered or in corrupt/")


def check(stage, sink, sent, recipient, what):
    """Whatever arrived is what was sent, once; the rest is in corrupt/."""
    bad = stage.queue("corrupt").get("corrupt", [])
    came = letters(sink)
    wrong = [i for i, seen in came.items() if seen != [([recipient], sent.get(i))]]
    is_(wrong, [], f"{what}: each that arrives is as it was sent, and comes once")
    is_(len(came) + len(bad), len(sent), "the others are in corrupt/")
    ok(len(bad) > 0, f"there are some: {len(bad)}")
    log = "\n".join(d.log.text() for d in stage.daemons.values())
    silent = [name for name in bad if not re.search(rf"{name[:18]}.*damaged: ", log)]
    is_(silent, [], "a line of the log tells of each")
    verify = stage.tool("verify", check=False)
    is_(verify.returncode, 1, "verify fails")
    is_(len(re.findall("(?m)^BAD corrupt/", verify.stdout)), len(bad), "and names each")
    is_(re.findall(r".*(?:signal|died).*", log), [], "no worker has died")


with Stage(profiles="slow  retry 5h") as stage:
    sink = stage.sink()
    stage.write(routes=f"far.example {sink.route}")
    sent = {i: text(i) for i in range(N)}
    stage.start("receiver")
    for content in sent.values():
        stage.submit("you@far.example", content)
    damage_half(stage, "incoming")
    stage.start("engine", "sender", compile=False)
    all_seen_to(stage, sink, N)
    check(stage, sink, sent, "you@far.example", "in incoming/")

with Stage(profiles="slow  retry 5h") as stage:
    left, right = stage.sink(), stage.sink(rules="rcpt * 451 4.3.0 later")
    stage.write(
        routes=f"left.example {left.route} slow\nright.example {right.route} slow",
        aliases="all@right.example  one@right.example",
    )
    sent = {i: text(i) for i in range(N)}
    stage.start()
    for content in sent.values():
        stage.submit(["a@left.example", "all@right.example"], content)
    left.wait_letters(N)
    stage.wait_queue(
        lambda q: set(q) == {"deferred"} and len(q["deferred"]) == N, f"{N} deferred"
    )
    stage.stop("sender", "engine")
    damage_half(stage, "deferred")
    for path in list(paths(stage, "deferred")):  # they are due
        shard = path.split("/")[-3]
        name = os.path.basename(path).split(".", 1)[1]
        os.rename(path, os.path.join(stage.spool, "processed", shard, name))
    right.rules("")
    stage.start("engine", "sender", compile=False)
    all_seen_to(stage, right, N)
    check(stage, right, sent, "one@right.example", "with a journal")
    is_(len(left.names()), N, "to whom it was delivered, nothing comes again")

done_testing()
