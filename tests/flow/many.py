# SPDX-License-Identifier: ISC
"""Queues of any length: names of few files, as hard links."""

import os

LINKS = 60000  # ext4 allows 65,000 names of one file
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # of ids


def entries(stage, state):
    root = os.path.join(stage.spool, state)
    return [os.path.join(top, n) for top, _, names in os.walk(root) for n in names]


def make_deferred(stage, seeds, n, due_of):
    """n deferred entries, the number-th due at due_of(number), as names of the
    files at these paths in deferred/ or processed/, in turn; each stays in its
    own shard."""
    places = [_place(stage, seed) for seed in seeds]
    buckets = set()
    for number in range(n):
        seed, shard, head, ident = places[number % len(places)]
        due = due_of(number)
        bucket = os.path.join(shard, str(due >> 12))
        if bucket not in buckets:
            os.makedirs(bucket, exist_ok=True)
            buckets.add(bucket)
        tail = "".join(DIGITS[number >> shift & 31] for shift in (20, 15, 10, 5, 0))
        os.link(seed, os.path.join(bucket, f"{due}.{head}.{ident[:-5]}{tail}"))


def _place(stage, path):
    """(path, its shard in deferred/, priority and tag, id)"""
    state, shard = os.path.relpath(path, stage.spool).split(os.sep)[:2]
    name = os.path.basename(path)
    if state == "deferred":
        name = name.split(".", 1)[1]
    head, ident = name.rsplit(".", 1)
    return path, os.path.join(stage.spool, "deferred", shard), head, ident
