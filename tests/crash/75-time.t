#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""The system's clock is set while mail flows, by days, to and fro: nothing is
returned or warned of for it, sleeps for it, gets lost or comes twice.  Then five
days pass, with a reboot between all attempts."""

import os
import re
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from stage import *

HOUR = 3600
DAY = 24 * HOUR
PROFILES = """
steady  retry 1s  lifetime 5d  delay-warning 4h
days    retry 12h  lifetime 5d  delay-warning 4h
"""
JUMPS = (0, 3 * DAY, -6 * DAY, 10 * DAY, -400 * DAY, 30 * DAY)


def text(i):
    return f"Subject: t\r\nX-Letter: {i}\r\n\r\nhello\r\n".encode()


def numbers(sink):
    found = [re.search(rb"X-Letter: (\d+)", letter.content) for letter in sink.letters()]
    return sorted(int(m.group(1)) if m else -1 for m in found)


def deferred(log):
    """Ids of messages whose second part was put off."""
    return set(re.findall(r"(\w{18})\S*: deferred to=<b@late.example>", log))


class SystemClock:
    """What the kernel would tell all of the stage's programs."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "system-clock")
        self.set(0)

    def set(self, seconds):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as f:
            f.write(struct.pack("=q", seconds))


def jumps():
    with Stage(profiles=PROFILES) as stage:
        clock = SystemClock(stage.dir)
        stage.env.update(LD_PRELOAD=program("shift-clock.so"), SHIFT_CLOCK=clock.path)
        home = stage.sink()
        now, late = stage.sink(), stage.sink(rules="rcpt * 451 4.3.0 later")
        stage.write(
            routes=f"now.example {now.route} steady\nlate.example {late.route} steady\n"
            f"client.example {home.route}"
        )
        stage.start()
        log = stage.sender.log
        sent, ids = 0, set()
        for jump in JUMPS:
            clock.set(jump)
            seen = len(log.text())
            for _ in range(4):
                reply = stage.submit(["a@now.example", "b@late.example"], text(sent))
                like(reply, "^250", f"{jump // DAY} days off: message {sent} is taken")
                ids.add(reply.split()[2])
                sent += 1
            now.wait_letters(sent)
            wait_until(
                lambda: ids <= deferred(log.text()[seen:]),
                [log.path],
                f"attempts for all, {jump // DAY} days off",
            )
        is_(numbers(now), list(range(sent)), "each is delivered once")
        # put off while the clock was 30 days ahead, and now it is right
        late.rules("")
        clock.set(0)
        late.wait_letters(sent)
        stage.assert_spool_empty("what waited is delivered, too")
        is_(numbers(late), list(range(sent)), "once")
        is_(home.names(), [], "nobody got a report")
        is_(log.grep("expired|reported"), [], "none was made")
        for name in DAEMONS:
            is_(stage.daemons[name].log.grep("died|signal"), [], f"{name}: no worker has died")


def wrong_at_boot():
    """The clock is a month ahead at the start and set right later."""
    with Stage(profiles=PROFILES) as stage:
        clock = SystemClock(stage.dir)
        stage.env.update(LD_PRELOAD=program("shift-clock.so"), SHIFT_CLOCK=clock.path)
        home, late = stage.sink(), stage.sink(rules="rcpt * 451 4.3.0 later")
        stage.write(
            routes=f"late.example {late.route} steady\nclient.example {home.route}"
        )
        stage.start()
        stage.submit("b@late.example", text(0))
        stage.sender.log.wait_for("deferred to=<b@late.example>")
        for name in DAEMONS:
            stage.daemons[name].kill_all()
        clock.set(30 * DAY)
        stage.start(compile=False)
        log = stage.sender.log
        log.wait_for("deferred to=<b@late.example>")
        log.wait_for("deferred to=<b@late.example>")
        ok(True, "a month ahead at the boot: it is tried, and waits on")
        clock.set(0)
        late.rules("")
        late.wait_letters(1)
        stage.assert_spool_empty("set right, it is delivered")
        is_(home.names(), [], "and nobody got a report")


def five_days():
    """Of attempts, each followed by a reboot."""
    with Stage(profiles=PROFILES) as stage:
        home, away = stage.sink(), stage.sink(rules="rcpt * 450 4.2.0 not today")
        stage.write(routes=f"away.example {away.route} days\nclient.example {home.route}")
        stage.turn_clock(0)
        stage.start()
        stage.submit("x@away.example", text(0))
        log = stage.sender.log
        log.wait_for("deferred to=<x@away.example> .*attempt=1$")
        for attempt in range(2, 11):
            stage.wait_queue(lambda q: list(q) == ["deferred"], "it to wait")
            for name in DAEMONS:
                stage.daemons[name].kill_all()
            stage.turn_clock((attempt - 1) * (12 * HOUR + 1))
            stage.start(compile=False)
            tried = rf"deferred to=<x@away.example> .*attempt={attempt}$"
            log = stage.sender.log  # it may have begun before all were ready
            wait_until(lambda: log.grep(tried), [log.path], f"attempt {attempt}")
        home.wait_letters(1)
        stage.turn_clock(5 * DAY + HOUR)
        reports = [letter.content.decode() for letter in home.wait_letters(2)]
        stage.assert_spool_empty("after five days nothing is left of it")
        actions = sorted(re.search(r"(?m)^Action: (\w+)", r).group(1) for r in reports)
        is_(actions, ["delayed", "failed"], "one warning, and one report that it failed")
        is_(away.names(), [], "it was never taken")
        tried = stage.sender.log.grep("(deferred|expired) to=<x@away.example>")
        is_(len(tried), 11, "after eleven attempts")


jumps()
wrong_at_boot()
five_days()
done_testing()
