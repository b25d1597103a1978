#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Whenever a message of a prioritised route is due it goes before all others;
when all are prioritised the order is as if none were."""

import json
import os
import time

from put import put
from stage import *

CONNECTIONS = 20  # all that the sender may have
BULK = int(os.environ.get("BULK", "50000"))
TEXT = b"Subject: now\r\n\r\nplease\r\n"
PROFILES = """
bulk    concurrency 1000
urgent  priority 0
single  concurrency 1
first   concurrency 1  priority 0
"""


def times(sink):
    """When each message was taken."""
    return [float(m.group(1)) for m in sink.log.grep(r"^ok \S+ (\S+)")]


def destination(stage, address):
    return json.loads(stage.tool("route", "--json", address).stdout)["destination"]


def order_is_of_arrival(stage, address, name):
    ids = put(stage, address, n=30)
    stage.start("sender", compile=False)
    log = stage.sender.log

    def sent():
        return [m.group(1) for m in log.grep(rf"(\w{{18}}): delivered to=<{address}>")]

    wait_until(lambda: len(sent()) >= 30, [log.path], "30 deliveries in the log")
    is_(sent(), sorted(ids), name)
    stage.sender.stop()


SETTINGS = f"connections-max {CONNECTIONS}\nsender-workers 1"
with Stage(settings=SETTINGS, profiles=PROFILES) as stage:
    slow = stage.sink(rules="delay eod 100ms", keep=False)
    fast, other = stage.sink(), stage.sink(keep=False)
    stage.write(
        routes=f"""
bulk.example    {slow.route}  bulk
urgent.example  {fast.route}  urgent
plain.example   {other.route}  single
first.example   {other.route}  first
"""
    )
    stage.compile()
    order_is_of_arrival(stage, "x@plain.example", "none prioritised: in order of arrival")
    order_is_of_arrival(stage, "x@first.example", "all prioritised: the same")

    argv = [program("spool-put"), "-n", str(BULK), "-t", destination(stage, "x@bulk.example")]
    stage.run(*argv, stage.spool, "x@bulk.example")
    stage.start(compile=False)
    slow.accepted(100)
    took = []
    for number in range(1, 6):
        began = time.time()
        like(stage.submit("x@urgent.example", TEXT), "^250", "a prioritised one is taken")
        fast.wait_letters(number)
        arrived = float(fast.log.wait_for(r"^ok \S+ (\S+)").group(1))
        took.append(arrived - began)
        before = sum(began < t < arrived for t in times(slow))
        ok(before <= BULK // 50, f"{before} of the others were sent before it")
    took.sort()
    ok(took[2] < 1, "it leaves within a second: " + " ".join(f"{t:.2f}s" for t in took))
    left = sum(len(names) for names in stage.queue("processed", "sending").values())
    ok(left > BULK * 0.9, f"while {left} of {BULK} still wait for all 20 connections")
done_testing()
