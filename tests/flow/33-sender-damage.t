#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Damage is never delivered; and what is delivered is what was queued."""

import os
import random

from put import put
from stage import *


def entry(stage, id, state="processed"):
    for directory, _, names in os.walk(os.path.join(stage.spool, state)):
        for name in names:
            if id in name:
                return os.path.join(directory, name)
    return None


def spoil(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 1]))


def lines(n, seed):
    rng = random.Random(seed)
    text = (bytes(rng.choices(range(33, 127), k=rng.randrange(0, 80))) for _ in range(n))
    return b"Subject: t\r\n\r\n" + b"".join(line + b"\r\n" for line in text)


with Stage(settings="sender-workers 1") as stage:
    sink = stage.sink()
    stage.write(routes=f"*  {sink.route}")
    stage.compile()

    small, large, sound = lines(10, 1), lines(20000, 2), lines(100000, 3)
    bad = {
        "a small one": (small, 0.9),
        "a large one, near its end": (large, 0.99),
        "a large one, near its front": (large, 0.05),
    }
    ids = {}
    for what, (content, where) in bad.items():
        (ids[what],) = put(stage, "x@a.example", content=content)
        path = entry(stage, ids[what])
        spoil(path, int(os.path.getsize(path) * where))
    (cut,) = put(stage, "x@a.example", content=large)
    os.truncate(entry(stage, cut), 100000)
    (empty,) = put(stage, "x@a.example")
    os.truncate(entry(stage, empty), 0)
    (head,) = put(stage, "x@a.example")
    spoil(entry(stage, head), 70)
    (good,) = put(stage, "x@a.example", content=sound)
    stage.start("sender", compile=False)

    sink.wait_letters(1)
    stage.wait_in("corrupt", 6)
    stage.wait_queue(lambda q: list(q) == ["corrupt"], "nothing but corrupt/")
    is_(
        stage.queue("corrupt")["corrupt"],
        sorted([*ids.values(), cut, empty, head]),
        "whatever is damaged is in corrupt/",
    )
    letters = sink.letters()
    is_(len(letters), 1, "and none of it was delivered")
    ok(letters[0].content == sound, f"{len(sound)} sound bytes arrive as they were")
    for what, id in ids.items():
        ok(
            stage.sender.log.grep(f"{id}.*checksum"),
            f"{what}: the log says why",
        )
    is_(len(sink.log.grep("^closed .*lost")), 2, "two large ones broke off the content")

    # a queue file that is no file at all
    (id,) = put(stage, "x@a.example")
    stage.wait_queue(lambda q: list(q) == ["corrupt"], "delivery")
    stage.sender.stop()
    (id,) = put(stage, "x@a.example")
    path = entry(stage, id)
    os.rename(path, path + ".1")
    os.symlink("/etc/passwd", path)
    stage.start("sender", compile=False)
    stage.wait_in("corrupt", 7)
    ok(id in stage.queue("corrupt")["corrupt"], "a symbolic link is damage, too")



class Deadly(Stage):
    """Reading what it has claimed is the worker's death."""

    def wrap(self, name):
        path = entry(self, "", "processed").replace("/processed/", "/sending/")
        return ["strace", "-f", "-qq", "-o", "/dev/null", "-P", path,
                "-e", "trace=pread64", "-e", "inject=pread64:signal=SEGV"]


env = {"ASAN_OPTIONS": "handle_segv=0"}  # a sanitizer is to let it die, too
with Deadly(settings="sender-workers 1", env=env) as stage:
    stage.compile()
    (i,) = put(stage, "x@a.example")
    stage.start("sender", compile=False)
    is_(stage.wait_in("held"), [i], "what kills its worker twice is held")
    is_(len(stage.sender.log.grep(rf"{i}: worker 0 was killed by SIGSEGV")), 2, "after two deaths")
    like(stage.tool("show", i).stdout, "crashed its worker twice", "with the reason")
done_testing()
