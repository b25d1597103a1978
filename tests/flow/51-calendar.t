#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""30 retries at 60, 120 and 180 minutes take 87 hours, and queue-tool says when."""

import datetime
import json
import re
import time

from put import put
from stage import *

HOUR = 3600
DELAYS = [1, 2] + 28 * [3]
PROFILES = """
gateway  retry 60m 120m 180m  retries 30
brief    retry 1h  lifetime 150m
"""


def seconds(stamp):
    then = datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")
    return int(then.replace(tzinfo=datetime.timezone.utc).timestamp())


def dates(text):
    return [seconds(s) for s in re.findall(r"(?m)^ +attempt \d+ +(\S+)", text)]


def hours_between(times):
    return [(b - a) / HOUR for a, b in zip(times, times[1:])]


def near(got, want, name):
    ok(abs(got - want) < 60, f"{name} ({got - want:.0f}s off)")


with Stage(profiles=PROFILES) as stage:
    stage.turn_clock(0)
    away = stage.sink(rules="rcpt * 450 4.2.0 not today")
    stage.write(
        routes=f"gateway.example  {away.route}  gateway\nbrief.example  {away.route}  brief"
    )
    stage.start("sender")

    text = stage.tool("route", "x@gateway.example").stdout
    is_(hours_between(dates(text)), DELAYS, "route: a date for each attempt")
    near(dates(text)[0], time.time(), "the first is now")
    like(text, r"then given up 20\S+Z, 30 retries over 87h00m", "87 hours in all")
    plan = json.loads(stage.tool("route", "--json", "x@gateway.example").stdout)
    is_(hours_between(plan["calendar"]["attempts"]), DELAYS, "route --json: the same")
    is_(plan["calendar"]["total"], 87 * HOUR, "and the total")
    is_(plan["hops"], [{"weight": 0, "host": "127.0.0.1", "port": away.port,
                        "rank": 1, "share": 1}], "its hops")
    is_([s["key"] for s in plan["steps"] if s["matches"]], ["gateway.example"], "its steps")
    text = stage.tool("route", "x@brief.example").stdout
    is_(hours_between(dates(text)), [1, 1, 0.5], "a lifetime ends with a last attempt")

    # what show says of an entry goes on from what has happened to it
    (id,) = put(stage, "x@gateway.example")
    stage.sender.log.wait_for(rf"{id}: deferred .*attempt=1$")
    stage.turn_clock(HOUR + 1)
    stage.sender.log.wait_for(rf"{id}: deferred .*attempt=2$")
    stage.wait_in("deferred")
    text = stage.tool("show", id).stdout
    is_(hours_between(dates(text)), DELAYS[2:], "show: the attempts that are left")
    near(dates(text)[0], time.time() + 3 * HOUR, "the next in two hours")
    like(text, r"attempt 3 ", "it is the third")
    like(text, r"then given up 20\S+Z, 28 retries over 84h00m", "and the last")
    story = json.loads(stage.tool("show", "--json", id).stdout)
    is_(story["calendar"]["attempts"], dates(text), "show --json: the same")
    is_([r["attempt"] for r in story["journal"]], [1, 2], "and its journal")
    is_(story["profile"], "gateway", "and its profile")
done_testing()
