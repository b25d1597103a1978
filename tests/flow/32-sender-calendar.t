#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Retries over days, expiry and the reports on it, by a turned clock."""

import datetime
import os
import re
import time

from put import put
from stage import *

HOUR = 3600
DAY = 24 * HOUR
PROFILES = """
count     retry 1h 2h 3h  retries 4
lifetime  retry 12h  lifetime 5d  delay-warning 4h
discard   retry 1h  retries 1  at-end discard
dead      retry 1s 1h  lifetime 5d  delay-warning 4h  concurrency 2
"""


class Time:
    """The wall clock of all daemons, hours ahead of ours and more."""

    def __init__(self, stage):
        self.stage, self.ahead = stage, 0
        stage.turn_clock(0)

    def pass_(self, seconds):
        self.ahead += seconds
        self.stage.turn_clock(self.ahead)


def due(match):
    """A log line's due time, seconds after the Epoch."""
    then = datetime.datetime.strptime(match.group(1), "%Y-%m-%dT%H:%M:%SZ")
    return then.replace(tzinfo=datetime.timezone.utc).timestamp()


def now(time_):
    return datetime.datetime.now().timestamp() + time_.ahead


def logged(stage, pattern):
    """The first such line, also of before the sender said that it is ready."""
    log = stage.sender.log
    found = wait_until(lambda: log.grep(pattern), [log.path], f"/{pattern}/ in the log")
    return found[0]


with Stage(settings="sender-workers 2", profiles=PROFILES) as stage:
    home = stage.sink()
    away = stage.sink(rules="rcpt * 450 4.2.0 not today")
    time_ = Time(stage)
    stage.write(
        routes=f"""
count.example     {away.route}  count
lifetime.example  {away.route}  lifetime
discard.example   {away.route}  discard
dead.example      smtp [127.0.0.1]:{free_port()}  dead
client.example    {home.route}
"""
    )
    stage.start("engine", "sender")
    log = stage.sender.log

    # by count: 1h 2h 3h 3h after the first attempt, then it is given up
    (id,) = put(stage, "x@count.example")
    for attempt, hours in enumerate((1, 2, 3, 3), 1):
        match = log.wait_for(rf"{id}: deferred .*due=(\S+) attempt={attempt}$")
        wait = due(match) - now(time_)
        ok(
            abs(wait - hours * HOUR) < 30,
            f"after attempt {attempt} it waits {hours}h ({wait:.0f}s)",
        )
        ok(not home.names(), "and nobody is told")
        time_.pass_(hours * HOUR + 1)
    log.wait_for(rf"{id}: expired to=<x@count.example> .*450 4.2.0 not today")
    (report,) = home.wait_letters(1)
    text = report.content.decode()
    is_(report.mail.split()[1], "FROM:<>", "the report has no sender")
    like(text, r"(?m)^Action: failed\r$", "it says that it failed")
    like(text, r"(?m)^Status: [45]\.", "by which status")
    like(text, r"(?m)^Diagnostic-Code: smtp; ?450 4\.2\.0 not today", "and why")
    like(text, r"(?m)^Final-Recipient: rfc822; ?x@count\.example", "for whom")
    stage.assert_spool_empty("nothing is left of it")

    # by lifetime, with a warning on the way
    (id,) = put(stage, "x@lifetime.example")
    log.wait_for(rf"{id}: deferred .*attempt=1$")
    time_.pass_(12 * HOUR + 1)
    log.wait_for(rf"{id}: deferred .*attempt=2$")
    log.wait_for(rf"{id}: reported kind=delay")
    report = home.wait_letters(2)[-1]
    like(report.content.decode(), r"(?m)^Action: delayed\r$", "a warning after 4h")
    for attempt in range(3, 10):
        time_.pass_(12 * HOUR + 1)
        log.wait_for(rf"{id}: deferred .*attempt={attempt}$")
    is_(len(home.names()), 2, "the warning is given once")
    time_.pass_(2 * DAY)
    log.wait_for(rf"{id}: expired ")
    log.wait_for(rf"{id}: reported kind=failure")
    like(
        home.wait_letters(3)[-1].content.decode(),
        r"(?m)^Action: failed\r$",
        "then it is given up",
    )
    stage.assert_spool_empty("nothing is left of it")

    # given up without a word
    (id,) = put(stage, "x@discard.example")
    log.wait_for(rf"{id}: deferred .*attempt=1$")
    time_.pass_(HOUR + 1)
    log.wait_for(rf"{id}: discarded to=<x@discard.example>")
    stage.assert_spool_empty("it is gone")
    is_(len(home.names()), 3, "and nobody was told")

    # what waits for a destination that is not there is not forgotten
    ids = put(stage, "x@dead.example", n=30)
    log.wait_for(r"destination \S+: suspended .*failures=3")
    text = log.text()  # as of one moment: each failure is logged before its attempt
    failures = len(re.findall(r"suspended for=.* dead\"", text))
    made = len(re.findall(r"deferred to=<x@dead.example>", text))
    ok(made <= failures + 1, f"{made} attempts in {failures} rows: the others wait without one")
    time_.pass_(4 * HOUR + 1)
    told = set()
    while len(told) < 30:
        told.add(log.wait_for(r"(\S+): reported kind=delay").group(1))
    is_(sorted(told), sorted(ids), "but the senders of all are warned")
    time_.pass_(5 * DAY)
    told = set()
    while len(told) < 30:
        told.add(log.wait_for(r"(\S+): expired .*connect").group(1))
    is_(sorted(told), sorted(ids), "and all are given up in the end")
    home.wait_letters(63)
    stage.assert_spool_empty()

    # due times outlive a restart, and a flush makes them now
    (id,) = put(stage, "x@count.example")
    logged(stage, rf"{id}: deferred .*attempt=1$")
    is_(stage.sender.stop(), 0, "the sender stops")
    away.rules("")
    stage.start("sender", compile=False)
    is_(len(stage.queue("deferred")["deferred"]), 1, "it keeps its due time")
    stage.tool("flush")
    logged(stage, rf"{id}: delivered ")
    stage.assert_spool_empty("flushed and delivered")

    # a wrong clock at the time of the attempt: due in years is due now
    away.rules("rcpt * 450 4.2.0 not today")
    stage.sender.stop()
    time_.pass_(3 * 365 * DAY)
    stage.start("sender", compile=False)
    (id,) = put(stage, "x@count.example")
    logged(stage, rf"{id}: deferred .*attempt=1$")
    away.rules("")
    stage.sender.stop()
    time_.pass_(-3 * 365 * DAY)
    stage.start("sender", compile=False)
    logged(stage, rf"{id}: delivered ")
    stage.assert_spool_empty("what a wrong clock put off for years is due now")

    # the same by days, while the sender runs
    away.rules("rcpt * 450 4.2.0 not today")
    time_.pass_(3 * DAY)
    wait = -3 * DAY
    while abs(wait - HOUR) > 60:  # until the sender has seen the new time
        (id,) = put(stage, "x@count.example")
        match = logged(stage, rf"{id}: deferred .*due=(\S+) attempt=1$")
        wait = due(match) - now(time_)
    away.rules("")
    time_.pass_(-3 * DAY)
    logged(stage, rf"{id}: delivered ")
    ok(True, "set back by days, what it put off is due now")
    stage.tool("flush")  # what it put off before it had seen the new time
    stage.assert_spool_empty()

    # nothing was sent for days: the system was off, or its clock is wrong now
    away.rules("rcpt * 450 4.2.0 not today")
    stage.sender.stop()
    (id,) = put(stage, "x@lifetime.example")
    time_.pass_(6 * DAY)
    for top, _, _ in os.walk(os.path.join(stage.spool, "sending")):
        os.utime(top, (time.time() - 3 * DAY,) * 2)
    stage.start("sender", compile=False)
    logged(stage, rf"{id}: not given up")
    logged(stage, rf"{id}: deferred .*attempt=1$")
    ok(True, "then what is too old by the clock is not given up")
    stage.sender.stop()
    time_.pass_(12 * HOUR + 1)
    stage.start("sender", compile=False)
    logged(stage, rf"{id}: expired ")
    home.wait_letters(64)
    stage.assert_spool_empty("but it is when the sender is seen to be at work")

done_testing()
