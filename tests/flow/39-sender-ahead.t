#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""The next message is begun before the last one is answered: nothing of that
is lost, sent twice or blamed for what happened to the other."""

import os

from put import put
from stage import *

PROFILES = "one concurrency 1 retry 1s\n"


def attempts(stage, ids):
    """Of each, how often it was deferred and delivered."""
    log = stage.sender.log
    return {
        id: (
            len(log.grep(rf"{id}: deferred ")),
            len(log.grep(rf"{id}: delivered ")),
        )
        for id in ids
    }


with Stage(settings="sender-workers 1", profiles=PROFILES) as stage:
    sink = stage.sink()
    stage.write(routes=f"*  {sink.route}  one")
    stage.compile()

    # one connection; more than one message a read at the other end
    ids = put(stage, "x@a.example", n=60)
    stage.start("sender", compile=False)
    stage.assert_spool_empty("60 messages")
    is_(len(sink.log.grep("^open ")), 1, "over one connection")
    is_(len(sink.names()), 60, "arrive once each")

    # it breaks where the end of one and the beginning of the next are sent
    sink.rules("close-at eod")
    stage.sender.stop()
    ids = put(stage, "x@a.example", n=5)
    stage.start("sender", compile=False)
    stage.sender.log.wait_for(": deferred ")
    sink.rules("")
    stage.assert_spool_empty("5 messages over connections that break")
    is_(len(sink.names()), 65, "arrive once each")
    found = attempts(stage, ids)
    ok(
        all(delivered == 1 for _, delivered in found.values()),
        f"each is delivered once: {list(found.values())}",
    )
    text = "4.4.2 lost connection after end of data"
    is_(
        len(stage.sender.log.grep(r": deferred ")),
        len(stage.sender.log.grep(rf': deferred .*reply="{text}')),
        "only the one whose end was sent had an attempt",
    )

    # the one before is refused, in whole or in part
    sink.rules("eod bad@* 554 5.6.0 no\nrcpt gone@* 550 5.1.1 gone")
    stage.sender.stop()
    for _ in range(5):
        put(stage, "x@a.example")
        put(stage, "bad@a.example", sender="")
        put(stage, "gone@a.example", sender="")
        put(stage, "gone@a.example", "x@a.example", sender="")
    stage.start("sender", compile=False)
    stage.assert_spool_empty("20 messages of which 15 are refused in part")
    is_(len(sink.names()), 75, "what was not refused arrives once")
    is_(
        len(stage.sender.log.grep(": bounced to=<(bad|gone)@")),
        15,
        "and the rest is bounced",
    )

    # a server of somebody else
    sink.rules("")
    stage.sender.stop()
    if os.geteuid() != 0:
        skip("200 messages to a Postfix", "Postfix starts as root only")
        done_testing()
    mta = stage.postfix(sink.port)
    stage.write(routes=f"mta.example {mta.route}\n*  {sink.route}  one")
    stage.compile()
    ids = put(stage, "x@mta.example", n=200)
    stage.start("sender", compile=False)
    stage.assert_spool_empty("200 messages to a Postfix")
    sink.wait_letters(275, seconds=60)
    is_(len(sink.names()), 275, "go through it once each")
    is_(
        {counts for counts in attempts(stage, ids).values()},
        {(0, 1)},
        "at the first attempt",
    )

done_testing()
