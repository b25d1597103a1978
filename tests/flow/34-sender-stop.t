#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""A normal stop, a killed worker, and orders for what is being sent."""

import os
import signal

from put import put
from stage import *

SLOW = "delay eod 700ms\n"

with Stage(settings="sender-workers 1", profiles="hour retry 1h") as stage:
    sink = stage.sink(rules=SLOW)
    stage.write(routes=f"*  {sink.route}  hour")
    stage.start("engine", "sender")
    log = stage.sender.log

    # a stop lets the attempts under way finish and begins no new ones
    ids = put(stage, "x@a.example", n=60)
    sink.log.wait_for("^eod ")
    is_(stage.sender.stop(), 0, "it stops")
    queue = stage.queue()
    delivered = {m.group(1) for m in log.grep(r" (\S+): delivered")}
    ok(0 < len(delivered) < 60, f"{len(delivered)} of 60 were finished")
    is_(len(sink.names()), len(delivered), "all that was sent is known as sent")
    is_(len(queue["processed"]), 60 - len(delivered), "the others wait")
    ok("sending" not in queue, "and nothing is left in between")
    stage.start("sender", compile=False)
    stage.assert_spool_empty("the rest goes on after the start")
    is_(len(sink.names()), 60, "each arrives once")

    # a worker that is killed
    put(stage, "x@a.example", n=40)
    sink.log.wait_for("^eod ")
    (worker,) = stage.sender.workers()
    os.kill(worker, signal.SIGKILL)
    log.wait_for("worker")
    stage.assert_spool_empty("what it had claimed is tried again", seconds=40)
    n = len(sink.names())
    ok(100 <= n <= 120, f"{n - 100} of 40 may arrive twice: no answer was read")

    # orders for claimed entries
    for verb in ("hold", "delete", "requeue"):
        sink.rules(SLOW + "eod * 451 4.3.0 later")
        (id,) = put(stage, "x@a.example")
        sink.log.wait_for("^eod ")
        like(
            stage.tool(verb, id).stdout,
            "after the attempt",
            f"{verb}: the person is told",
        )
        sink.rules("")  # for the next transaction
        log.wait_for(rf"{id}: deferred ")
        done = {"hold": "held", "delete": "deleted", "requeue": "requeued"}[verb]
        log.wait_for(rf"{id}: {done} by=\S+")
        if verb == "hold":
            is_(stage.wait_in("held"), [id], "held after the attempt")
            stage.tool("release", id)
            log.wait_for(rf"{id}: delivered")
        elif verb == "delete":
            stage.assert_spool_empty("deleted after the attempt")
        else:
            stage.engine.log.wait_for(rf"{id}: routed")
            log.wait_for(rf"{id}: delivered")
        is_(
            [n for n in os.listdir(os.path.join(stage.spool, "control")) if id in n],
            [],
            "the order is gone",
        )
    sink.rules(SLOW)
    (id,) = put(stage, "x@a.example")
    sink.log.wait_for("^eod ")
    stage.tool("hold", id)
    log.wait_for(rf"{id}: delivered")
    log.wait_for(rf"{id}: order to hold came too late")
    stage.assert_spool_empty()

done_testing()
