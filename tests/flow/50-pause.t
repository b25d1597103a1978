#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Pause and resume: mail stays where it is, keeps its age, uses up no retry,
and goes on as if nothing had happened."""

import json
import os

from put import put
from stage import *

DAY = 86400
PROFILES = """
few      concurrency 3
patient  retry 1h  lifetime 2d  delay-warning 4h
"""


def tool(stage, *words, rc=0):
    done = stage.tool(*words, check=False)
    is_(done.returncode, rc, "queue-tool " + " ".join(words))
    return done.stdout


def ids(stage, state):
    return sorted(name.rsplit(".", 1)[1] for name in stage.queue().get(state, []))


def orders(stage):
    return sorted(os.listdir(os.path.join(stage.spool, "control")))


def most_at_once(sink, since):
    """Connections that were open at the same time, of those after line since."""
    now, most = set(), 0
    for line in sink.log.lines()[since:]:
        words = line.split()
        if words[0] == "open":
            now.add(words[3])
        elif words[0] == "closed":
            now.discard(words[3])  # older ones may close, too, and do not count
        most = max(most, len(now))
    return most


class Pausing:
    def __init__(self, stage):
        self.stage, self.ahead, self.passed = stage, 0, 0
        self.sink, self.other, self.away = stage.sink(), stage.sink(), stage.sink()
        stage.turn_clock(0)
        stage.write(
            routes=f"""
a.example        {self.sink.route}
few.example      {self.sink.route}  few
patient.example  {self.away.route}  patient
b.example        {self.other.route}
"""
        )
        stage.start("sender")

    def mail_for_others_passes(self):
        """So whatever the sender would have done before that is done."""
        put(self.stage, "x@b.example")
        self.passed += 1
        self.other.wait_letters(self.passed)
        ok(True, "mail for others passes")

    def pass_(self, seconds):
        self.ahead += seconds
        self.stage.turn_clock(self.ahead)

    def restart(self):
        self.stage.sender.stop()
        self.stage.start("sender", compile=False)

    def destination(self):
        stage = self.stage
        text = tool(stage, "pause", "a.example", "--why", "their disk is full")
        like(text, r"paused: a.example \(\w{8}\) since \S+ until resumed by \S+: their", "said back")
        (id,) = put(stage, "x@a.example")
        self.mail_for_others_passes()
        is_(ids(stage, "processed"), [id], "it stays where it is")
        like(tool(stage, "list", id), r"next=paused tries=0 .* paused: a.example .*: their disk is", "list")
        like(tool(stage, "show", id), r"(?m)^paused +a.example .*: their disk is full$", "show")
        row = json.loads(tool(stage, "list", "--json", id))
        is_(row["paused"]["why"], "their disk is full", "list --json says why")
        like(tool(stage, "pauses"), r"^a.example .* until resumed by \S+: their disk is full\n$", "pauses")
        is_(json.loads(tool(stage, "pauses", "--json"))["name"], "a.example", "pauses --json")
        self.restart()
        self.mail_for_others_passes()
        is_(ids(stage, "processed"), [id], "a pause outlives a restart")
        tool(stage, "flush", "a.example")
        self.mail_for_others_passes()
        is_(ids(stage, "processed"), [id], "and a flush")
        tool(stage, "resume", "a.example")
        self.sink.wait_letters(1)
        stage.assert_spool_empty("resumed, it is delivered")
        is_(tool(stage, "pauses"), "", "no pause is left")
        like(tool(stage, "resume", "a.example", rc=1), "not paused", "nothing to resume")

    def profile(self):
        """Tried once, then paused for longer than it lives."""
        stage = self.stage
        self.away.rules("rcpt * 450 4.2.0 not today")
        good, bad = put(stage, "x@patient.example", n=2)
        stage.wait_in("deferred", 2)
        like(tool(stage, "pause", "patient", "--why", "moving"), r"patient \(profile=patient\)", "a profile")
        like(tool(stage, "list", good), r"deferred .*next=paused tries=1 ", "it is in deferred/")
        attempts = len(self.away.log.grep("^refused|^open"))
        self.pass_(3 * DAY)
        stage.wait_in("processed", 2)
        self.restart()
        self.mail_for_others_passes()
        is_(ids(stage, "processed"), sorted([good, bad]), "what is due waits too")
        is_(len(self.away.log.grep("^refused|^open")), attempts, "without an attempt")
        ok("incoming" not in stage.queue(), "nobody is told anything")
        like(tool(stage, "list", good), r" 3d00h next=paused tries=1 ", "it keeps age and tries")
        tool(stage, "delete", bad)
        self.away.rules("")
        tool(stage, "resume", "patient")
        self.away.wait_letters(1)
        stage.assert_spool_empty("older than its lifetime, it is tried and arrives")

    def until(self):
        stage = self.stage
        tool(stage, "pause", "all", "--until", "2s")
        (id,) = put(stage, "x@a.example")
        like(tool(stage, "show", id), r"(?m)^paused +all since \S+Z until 20\S+Z by ", "show")
        stage.sender.log.wait_for(r"pause of all has ended")
        self.sink.wait_letters(2)
        stage.wait_queue(lambda q: orders(stage) == [], "the end of the order")
        ok(True, "a pause ends by itself")
        tool(stage, "pause", "all", "--until", "1h")
        self.pass_(7200)
        self.restart()
        stage.wait_queue(lambda q: orders(stage) == [], "the end of the order")
        ok(True, "also while the sender is down")

    def no_stampede(self):
        stage = self.stage
        began, had = len(self.sink.log.lines()), len(self.sink.names())
        tool(stage, "pause", "all")
        put(stage, "x@few.example", n=200)
        self.stage.sender.stop()
        put(stage, "x@few.example", n=200, due=600)
        stage.start("sender", compile=False)
        self.pass_(3600)
        stage.wait_in("processed", 400)
        tool(stage, "resume", "all")
        self.sink.wait_letters(had + 400)
        stage.assert_spool_empty("400 messages go on")
        is_(most_at_once(self.sink, began), 3, "over no more connections than its profile says")

    def mistakes(self):
        stage = self.stage
        like(tool(stage, "pause", "no/thing", rc=2), "neither a tag nor", "nothing known")
        like(tool(stage, "pause", "profile=none", rc=2), "no profile", "no such profile")
        like(tool(stage, "pause", "all", "--until", "2001-01-01T00:00Z", rc=2), "to come", "past")
        is_(orders(stage), [], "and no order is left")


with Stage(settings="sender-workers 1", profiles=PROFILES) as stage:
    pausing = Pausing(stage)
    pausing.destination()
    pausing.profile()
    pausing.until()
    pausing.no_stampede()
    pausing.mistakes()
done_testing()
