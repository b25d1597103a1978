#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""The compiled map is damaged under the daemons: overwritten in place, cut
short, replaced by rubbish.  They say so and defer; none dies, nothing goes a
wrong way, and a good map ends it.  SEED repeats a run."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from stage import *

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 30))
rng = random.Random(SEED)
print(f"# SEED={SEED}", flush=True)
TEXT = b"Subject: t\r\n\r\nhello\r\n"


def overwrite(path):
    """Some bytes anywhere, in place."""
    at = rng.randrange(os.path.getsize(path) - 8)
    with open(path, "r+b") as f:
        f.seek(at)
        was = f.read(8)
        f.seek(at)
        f.write(bytes(b ^ 0x55 for b in was))
    return f"8 bytes at {at}"


def shorten(path):
    to = rng.randrange(os.path.getsize(path))
    os.truncate(path, to)
    return f"to {to} bytes"


def empty(path):
    os.truncate(path, 0)
    return "to nothing"


def rubbish(path):
    with open(path + ".rubbish", "wb") as f:
        f.write(rng.randbytes(rng.randrange(1, 9000)))
    os.rename(path + ".rubbish", path)
    return "a file of noise in its place"


def each_worker_says(stage, what):
    for name in DAEMONS:
        for _ in stage.daemons[name].workers():
            stage.daemons[name].log.wait_for(what)


def workers(stage):
    return [pid for name in DAEMONS for pid in stage.daemons[name].workers()]


with Stage() as stage:
    right, wrong = stage.sink(), stage.sink()
    many = "".join(f"other{i}.example {wrong.route}\n" for i in range(3000))
    stage.write(routes=f"far.example {right.route}\n{many}* {wrong.route}")
    stage.start()
    path = os.path.join(stage.spool, "map", "stagepost.cdb")
    alive = workers(stage)
    sent = 0

    for damage in (overwrite, shorten, empty, overwrite, shorten, rubbish):
        kept = damage is rubbish
        for name in DAEMONS:
            stage.daemons[name].log.mark()
        what = f"{damage.__name__}: {damage(path)}"
        each_worker_says(stage, "map: keep generation" if kept else "map: damaged: ")
        reply = stage.submit("you@far.example", TEXT)
        like(reply, "^250" if kept else "^4", f"{what}: mail is {'taken' if kept else 'deferred'}")
        sent += kept
        stage.compile()
        each_worker_says(stage, "map: generation .* is good")
        stage.submit("you@far.example", TEXT)
        sent += 1
        right.wait_letters(sent)
        ok(True, "a new map, and mail goes on")
    is_(workers(stage), alive, "no worker has died")
    is_(wrong.names(), [], "nothing went another way")
    stage.assert_spool_empty()

    # mail that is in the queue meanwhile waits
    stage.stop("engine", "sender")
    stage.submit("you@far.example", TEXT)
    stage.start("engine", compile=False)
    stage.wait_in("processed")
    stage.stop("engine")
    empty(path)
    refused = stage.run(program("sender"), "-s", stage.spool, "-U", check=False)
    ok(refused.returncode != 0, "with a damaged map no daemon starts")
    like(refused.stdout, "map: .*damaged", "and says why")
    verify = stage.tool("route", "you@far.example", check=False)
    ok(verify.returncode > 1, "queue-tool does not answer by it")
    stage.start("engine", "sender")
    right.wait_letters(sent + 1)
    stage.assert_spool_empty("with a good one it goes on")
    is_(wrong.names(), [], "the right way")
done_testing()
