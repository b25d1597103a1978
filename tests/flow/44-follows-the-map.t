#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Queued mail follows the map: after a new one, what waits is routed anew before
its next attempt, and keeps its journal, its age and its count of retries.
"""

import json

from stage import *

HOUR = 3600
TEXT = b"From: <clerk@home.example>\r\nSubject: a question\r\n\r\nWhen?\r\n"
LATER = "rcpt * 451 4.2.1 later"


class Hosts:
    """old, where everything goes at first; new, where the new map sends it."""

    def __init__(self, stage):
        self.stage = stage
        self.old, self.new = stage.sink(), stage.sink()
        self.hour = 0

    def map(self, to, aliases="", rewrites=""):
        self.stage.write(
            routes=f"far.example   {to.route} slow\n"
            f"near.example  {self.new.route}\n"
            f"other.example {self.old.route}\n",
            aliases=aliases,
            rewrites=rewrites,
        )

    def swap(self, *args, **kwargs):
        self.map(*args, **kwargs)
        self.stage.compile()

    def reset(self):
        self.old.rules(LATER)
        self.new.rules("")
        self.swap(self.old)

    def send(self, *to):
        like(self.stage.submit(list(to), TEXT, "clerk@home.example"), "^250", f"to {to}")

    def waiting(self):
        """The id of the one that is deferred."""
        return self.stage.wait_in("deferred")[0].split(".", 2)[2]

    def when_due(self):
        self.hour += 1
        self.stage.turn_clock(self.hour * HOUR)

    def story(self, ident):
        return json.loads(self.stage.tool("show", "--json", ident).stdout)


def keeps_what_it_has(stage, h):
    h.reset()
    h.new.rules(LATER)
    h.send("jo@far.example")
    ident = h.waiting()
    h.when_due()
    stage.sender.log.wait_for(rf"{ident}: deferred .*attempt=2")
    stage.wait_in("deferred")
    before = h.story(ident)
    h.swap(h.new)
    h.when_due()
    host = rf"host=\[127.0.0.1\]:{h.new.port} "
    stage.sender.log.wait_for(rf"{ident}: deferred to=<jo@far.example> {host}.*attempt=3")
    stage.wait_in("deferred")
    after = h.story(ident)
    is_(after["arrival"], before["arrival"], "it keeps its age")
    is_((before["attempts"], after["attempts"]), (2, 3), "and its count of retries")
    n = len(before["journal"])
    is_(after["journal"][:n], before["journal"], "and its journal")
    h.new.rules("")
    seen = len(h.new.letters())
    h.when_due()
    is_(h.new.wait_letters(seen + 1)[-1].recipients, ["jo@far.example"], "it goes where the new map says")
    stage.assert_spool_empty()
    is_(len(stage.sender.log.grep(rf"{ident}: rerouted ")), 1, "routed anew once")


def map_after_map(stage, h):
    """There and back: each map is followed at the next attempt."""
    h.reset()
    h.new.rules(LATER)
    h.send("jo@far.example")
    ident = h.waiting()
    for n, sink in enumerate([h.new, h.old, h.new]):
        h.swap(sink)
        stage.tool("flush")
        host = rf"host=\[127.0.0.1\]:{sink.port} "
        stage.sender.log.wait_for(
            rf"{ident}: deferred to=<jo@far.example> {host}.*attempt={n + 2}$"
        )
        stage.wait_in("deferred")
    is_(len(stage.sender.log.grep(rf"{ident}: rerouted ")), 3, "three maps, three ways")
    is_(len(stage.sender.log.grep(rf"{ident}: engine and sender do not agree")), 0, "no quarrel")
    h.new.rules("")
    seen = len(h.new.letters())
    stage.tool("flush")
    h.new.wait_letters(seen + 1)
    stage.assert_spool_empty()


def not_before_it_is_due(stage, h):
    h.reset()
    h.send("jo@far.example")
    ident = h.waiting()
    due = h.story(ident)["next_attempt"]
    h.swap(h.new)
    h.send("x@near.example")
    stage.sender.log.wait_for("delivered to=<x@near.example>")
    is_(h.story(ident)["next_attempt"], due, "a new map does not wake what waits")
    seen = len(h.new.letters())
    h.when_due()
    h.new.wait_letters(seen + 1)
    stage.assert_spool_empty()


def who_is_done_is_done(stage, h):
    h.reset()
    h.old.rules("rcpt late@* 451 4.2.1 later")
    been, seen = len(h.old.letters()), len(h.new.letters())
    h.send("early@far.example", "late@far.example")
    is_(h.old.wait_letters(been + 1)[-1].recipients, ["early@far.example"], "one is delivered")
    h.waiting()
    h.swap(h.new)
    stage.tool("flush")
    is_(h.new.wait_letters(seen + 1)[-1].recipients, ["late@far.example"], "only the other goes on")
    stage.assert_spool_empty()
    is_(len(h.old.letters()), been + 1, "nobody has it twice")


def a_new_alias(stage, h):
    """Its row came while the mail waited; the route is as it was."""
    h.reset()
    seen = len(h.new.letters())
    h.send("jo@far.example", "kim@far.example")
    ident = h.waiting()
    h.swap(h.old, aliases="jo@far.example ann@near.example ben@near.example")
    stage.tool("flush")
    letter = h.new.wait_letters(seen + 1)[-1]
    is_(sorted(letter.recipients), ["ann@near.example", "ben@near.example"], "who is meant now")
    is_(letter.header("Delivered-To"), ["jo@far.example"], "with the trace of the alias")
    stage.sender.log.wait_for(rf"{ident}\.\d: deferred to=<kim@far.example> .*attempt=\d")
    stage.wait_in("deferred")
    h.old.rules("")
    been = len(h.old.letters())
    stage.tool("flush")
    is_(h.old.wait_letters(been + 1)[-1].recipients, ["kim@far.example"], "the other as ever")
    stage.assert_spool_empty()
    is_(len(h.new.letters()), seen + 1, "nobody has it twice")


def an_alias_that_is_gone(stage, h):
    """Who took its place stays."""
    h.reset()
    h.swap(h.old, aliases="jo@far.example ann@far.example")
    h.send("jo@far.example")
    h.waiting()
    h.swap(h.new, aliases="ann@far.example kim@far.example")
    seen = len(h.new.letters())
    stage.tool("flush")
    is_(h.new.wait_letters(seen + 1)[-1].recipients, ["ann@far.example"], "not expanded again")
    stage.assert_spool_empty()


def a_new_rewriting(stage, h):
    h.reset()
    seen = len(h.new.letters())
    h.send("jo@far.example")
    h.waiting()
    h.swap(h.old, rewrites="recipient jo@far.example kim@near.example\n"
           "sender @home.example @home.example.org")
    stage.tool("flush")
    letter = h.new.wait_letters(seen + 1)[-1]
    is_((letter.sender, letter.recipients), ("clerk@home.example.org", ["kim@near.example"]),
        "recipient and sender are rewritten")
    stage.assert_spool_empty()


def what_is_paused(stage, h):
    """It waits in processed/, never tried."""
    h.reset()
    stage.tool("pause", "slow")
    h.send("jo@far.example")
    stage.wait_in("processed")
    h.swap(h.new)
    seen = len(h.new.letters())
    stage.tool("resume", "slow")
    is_(h.new.wait_letters(seen + 1)[-1].recipients, ["jo@far.example"], "resumed, it goes the new way")
    stage.assert_spool_empty()


def what_is_held(stage, h):
    h.reset()
    h.send("jo@far.example")
    ident = h.waiting()
    stage.tool("hold", ident)
    stage.wait_in("held")
    h.swap(h.new, aliases="jo@far.example ann@far.example")
    seen = len(h.new.letters())
    stage.tool("release", ident)
    is_(h.new.wait_letters(seen + 1)[-1].recipients, ["ann@far.example"], "released, it does too")
    stage.assert_spool_empty()


def parts_of_a_split(stage, h):
    h.reset()
    h.send("jo@far.example", "kim@other.example")
    stage.wait_in("deferred", 2)
    h.swap(h.new)
    h.old.rules("")
    been, seen = len(h.old.letters()), len(h.new.letters())
    stage.tool("flush")
    is_(h.new.wait_letters(seen + 1)[-1].recipients, ["jo@far.example"], "a part goes the new way")
    is_(h.old.wait_letters(been + 1)[-1].recipients, ["kim@other.example"], "the other the old one")
    stage.assert_spool_empty()


def no_route_any_more(stage, h):
    """The new profile gives up sooner: the count is the one it has."""
    h.reset()
    h.send("jo@far.example")
    ident = h.waiting()
    stage.tool("flush")
    stage.sender.log.wait_for(rf"{ident}: deferred .*attempt=2")
    stage.wait_in("deferred")
    stage.write(profiles="slow retry 15m retries 2\n")
    stage.compile()
    stage.tool("flush")
    stage.sender.log.wait_for(rf"{ident}: expired to=<jo@far.example>")
    ok(True, "a profile that gives up sooner counts the attempts there were")
    stage.assert_spool_empty()


with Stage(
    profiles="slow retry 15m retries 9\n",
    domains="home.example",
    settings="local-route maildir:mail/%d/%u",
) as stage:
    h = Hosts(stage)
    stage.turn_clock(0)
    h.map(h.old)
    stage.start()
    keeps_what_it_has(stage, h)
    map_after_map(stage, h)
    not_before_it_is_due(stage, h)
    who_is_done_is_done(stage, h)
    a_new_alias(stage, h)
    an_alias_that_is_gone(stage, h)
    a_new_rewriting(stage, h)
    what_is_paused(stage, h)
    what_is_held(stage, h)
    parts_of_a_split(stage, h)
    no_route_any_more(stage, h)
done_testing()
