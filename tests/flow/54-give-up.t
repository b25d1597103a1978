#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""31 attempts in 87 hours through the real calendar, by a turned clock: then
the sender is told, or nobody is."""

import collections
import datetime
import re

from put import put
from stage import *

HOUR = 3600
DELAYS = [1, 2] + 28 * [3]
PROFILES = """
gateway  retry 60m 120m 180m  retries 30
silent   retry 60m 120m 180m  retries 30  at-end discard
warned   retry 60m 120m 180m  retries 30  delay-warning 4h
"""
KINDS = ("gateway", "silent", "warned")


def seconds(stamp):
    then = datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")
    return then.replace(tzinfo=datetime.timezone.utc).timestamp()


class Calendar:
    def __init__(self, stage):
        self.stage, self.ahead = stage, 0
        self.home, self.away = stage.sink(), stage.sink(rules="rcpt * 450 4.2.0 not today")
        stage.turn_clock(0)
        routes = [f"{kind}.example  {self.away.route}  {kind}" for kind in KINDS]
        stage.write(routes="\n".join(routes) + f"\nclient.example  {self.home.route}")
        stage.start("engine", "sender")
        self.log = stage.sender.log
        self.ids = {put(stage, f"x@{kind}.example")[0]: kind for kind in KINDS}

    def deferred(self, attempt):
        """The latest due time, once all have been deferred by that attempt."""
        latest, ids = 0, set()
        while len(ids) < len(self.ids):
            match = self.log.wait_for(rf"(\w{{18}}): deferred .*due=(\S+) attempt={attempt}$")
            latest = max(latest, seconds(match.group(2)))
            ids.add(match.group(1))
        return latest

    def sleep_until(self, due):
        now = datetime.datetime.now().timestamp() + self.ahead
        self.ahead += int(due - now) + 2
        self.stage.turn_clock(self.ahead)
        return due - now


with Stage(profiles=PROFILES) as stage:
    calendar = Calendar(stage)
    slept, wrong = 0, []
    for attempt, hours in enumerate(DELAYS, 1):
        wait = calendar.sleep_until(calendar.deferred(attempt))
        slept += hours
        if abs(wait - hours * HOUR) > 300:
            wrong.append((attempt, hours, wait / HOUR))
    is_(wrong, [], "after each attempt it waits as long as its profile says")
    is_(slept, 87, "87 hours from the first attempt to the last")
    ended = set()
    while len(ended) < len(KINDS):
        match = calendar.log.wait_for(r"(\w{18}): (expired|discarded) to=<\S+> .*450 4\.2\.0 not today")
        ended.add((calendar.ids[match.group(1)], match.group(2)))
    is_(
        sorted(ended),
        [("gateway", "expired"), ("silent", "discarded"), ("warned", "expired")],
        "the 31st attempt is the last",
    )
    stage.assert_spool_empty("nothing is left of them")
    made = collections.Counter(
        calendar.ids[m.group(1)]
        for m in calendar.log.grep(r"(\w{18}): (?:deferred|expired|discarded) to=")
    )
    is_(made, dict.fromkeys(KINDS, 31), "each was tried 31 times")

    # what its sender was told
    told = collections.Counter()
    for letter in calendar.home.wait_letters(3):
        text = letter.content.decode()
        action = re.search(r"(?m)^Action: (\S+)\r$", text).group(1)
        to = re.search(r"(?m)^Final-Recipient: rfc822; x@(\w+)\.example\r$", text).group(1)
        told[(to, action)] += 1
    is_(
        told,
        {("gateway", "failed"): 1, ("warned", "delayed"): 1, ("warned", "failed"): 1},
        "one warning where it was asked for, one report at the end, none of the discarded",
    )
done_testing()
