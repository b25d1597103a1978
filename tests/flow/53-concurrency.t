#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Connections to one destination are counted over all workers of the sender,
and so are its failures: one probe at a time, and who waits makes no attempt."""

import re

from put import put
from stage import *

PROFILES = """
one    concurrency 1
three  concurrency 3
many   concurrency 40
dead   concurrency 20  retry 1s 1h
"""


def opened(sink):
    return len(sink.log.grep("^open "))


def deliver(stage, sink, n, name):
    """All of them, with the sender stopped before and after; the connections."""
    before = opened(sink)
    stage.start("sender", compile=False)
    sink.wait_letters(n)
    stage.assert_spool_empty(name)
    stage.sender.stop()
    return opened(sink) - before


class Dead:
    """A host that says in its greeting that it is closed."""

    CLOSED = "greeting 421 4.3.2 closed"

    def __init__(self, stage):
        self.stage = stage
        self.sink = stage.sink(rules=self.CLOSED)
        self.log = stage.sender.log

    def failures(self):
        lines = self.log.grep(r'suspended for=\S+ failures=(\d+) .*dead"$')
        return [int(m.group(1)) for m in lines]

    def attempts(self):
        """Of each message, the numbers of those that failed, in order."""
        of = {}
        for m in self.log.grep(r"(\w{18}): deferred to=<x@dead.example> .*attempt=(\d+)$"):
            of.setdefault(m.group(1), []).append(int(m.group(2)))
        return of


with Stage(settings="sender-workers 4", profiles=PROFILES) as stage:
    sinks = {name: stage.sink() for name in ("one", "three", "many")}
    routes = [f"{name}.example  {sink.route}  {name}" for name, sink in sinks.items()]
    stage.write(routes="\n".join(routes))
    stage.compile()

    # 4 workers, and still no more connections than the profile says
    for name, limit in (("one", 1), ("three", 3)):
        put(stage, f"x@{name}.example", n=60)
        n = deliver(stage, sinks[name], 60, f"60 messages of concurrency {limit}")
        is_(n, limit, f"over {limit} connections")
    put(stage, "x@many.example", n=200)
    n = deliver(stage, sinks["many"], 200, "200 messages of concurrency 40")
    ok(4 <= n <= 40, f"over {n} connections of all workers")

    # with less in a new map, what was dealt by the old one moves
    put(stage, "x@many.example", n=60)
    stage.write(profiles=PROFILES.replace("40", "2"))
    stage.compile()
    stage.start("engine", compile=False)
    n = deliver(stage, sinks["many"], 260, "60 messages, dealt by a map of concurrency 40")
    ok(1 <= n <= 2, f"over {n} connections when the new one says 2")
    stage.engine.stop()

    # a host that takes nothing: few connections, and who waits waits
    stage.start("sender", compile=False)
    dead = Dead(stage)
    stage.write(routes=f"dead.example  {dead.sink.route}  dead")
    stage.compile()
    ids = put(stage, "x@dead.example", n=600)
    dead.log.wait_for(r"suspended for=\S+ failures=4 ")
    stage.sender.stop()
    failures, attempts = dead.failures(), dead.attempts()
    is_(failures, list(range(1, len(failures) + 1)), "each failure counts once, in all workers")
    made = sum(len(numbers) for numbers in attempts.values())
    ok(made < 20 + len(failures), f"600 messages, {made} attempts in {len(failures)} rows")
    n = opened(dead.sink)
    ok(made <= n <= 20 + len(failures), f"each a connection of its own ({n} in all)")
    wrong = [n for n in attempts.values() if n != list(range(1, len(n) + 1))]
    is_(wrong, [], "each message counts its own")
    untried = sorted(set(ids) - set(attempts))
    like(stage.tool("list", untried[0]).stdout, r" tries=0 ", "who waits has made none")
    is_(stage.tool("show", untried[-1]).stdout.count("attempt 1 "), 1, "and all are to come")
    dead.sink.rules("")
    stage.start("sender", compile=False)
    stage.tool("flush")
    dead.sink.wait_letters(600)
    stage.assert_spool_empty("all arrive once it is back")
done_testing()
