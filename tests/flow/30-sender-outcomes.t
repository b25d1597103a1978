#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What becomes of each recipient, by what the next hop answers and when."""

from put import put
from stage import *

# A connection serves one message, so that each meets the greeting.
PROFILES = "quick retry 1s retries 20 messages-per-connection 1\n"


def outcome(stage, id):
    """{recipient: what the log says became of it}, each having one."""
    pattern = rf"{id}: (delivered|deferred|bounced|expired) to=<([^>]*)>"
    return {m.group(2): m.group(1) for m in stage.sender.log.grep(pattern)}


def after(stage, id, word):
    return stage.sender.log.wait_for(rf"{id}: {word} .*reply=\"([^\"]*)\"").group(1)


with Stage(profiles=PROFILES) as stage:
    sink = stage.sink()
    small = stage.sink(rules="no-8bitmime\nno-size\nextension SIZE 1000")
    stage.write(
        routes=f"small.example  {small.route}\n*  {sink.route}  quick",
    )
    stage.start("engine", "sender")

    # one transaction, three fates
    sink.rules("rcpt bad@* 550 5.1.1 no such user\nrcpt late@* 451 4.3.0 not now")
    (id,) = put(stage, "good@a.example", "bad@a.example", "late@a.example")
    after(stage, id, "bounced")
    after(stage, id, "deferred")
    is_(
        outcome(stage, id),
        {
            "good@a.example": "delivered",
            "bad@a.example": "bounced",
            "late@a.example": "deferred",
        },
        "each recipient has its own outcome",
    )
    report = [m for m in sink.wait_letters(2) if m.sender == ""][0]
    is_(report.recipients, ["sender@client.example"], "the sender is told")
    like(report.content.decode(), r"550 5\.1\.1 no such user", "what was answered")
    ok(b"late@a.example" not in report.content, "and of nobody else")
    sink.rules("")
    letters = sink.wait_letters(3)
    ok(
        ["late@a.example"] in [m.recipients for m in letters],
        "who was deferred alone is asked again",
    )
    stage.assert_spool_empty()

    # a refusal at each stage
    steps = {
        "greeting": "greeting {}",
        "ehlo": "ehlo {}",
        "mail": "mail * {}",
        "rcpt": "rcpt * {}",
        "data": "data * {}",
        "eod": "eod * {}",
    }
    for step, rule in steps.items():
        sink.rules(rule.format(f"550 5.7.1 {step}"))
        (id,) = put(stage, "x@a.example", sender="")
        is_(
            after(stage, id, "bounced"),
            f"550 5.7.1 {step}",
            f"5xx to {step} is for good",
        )
        stage.sender.log.wait_for(f"{id}: dropped")
        sink.rules(rule.format(f"451 4.7.1 {step}"))
        (id,) = put(stage, "x@a.example")
        is_(
            after(stage, id, "deferred"),
            f"451 4.7.1 {step}",
            f"4xx to {step} is for now",
        )
        sink.rules("")
        like(after(stage, id, "delivered"), "^250 ", "and then it arrives")
    sink.rules("ehlo 502 5.5.1 what?")
    (id,) = put(stage, "x@a.example")
    after(stage, id, "delivered")
    is_(sink.letters()[-1].hello, "HELO mx.example", "HELO where EHLO is unknown")
    stage.assert_spool_empty()

    # a connection that breaks at each stage
    for step in ("greeting", "ehlo", "mail", "rcpt", "data", "content", "eod"):
        sink.rules(f"close-at {step}")
        (id,) = put(stage, "x@a.example")
        like(after(stage, id, "deferred"), "^4.4.2 lost connection", f"lost at {step}")
        sink.rules("")
        after(stage, id, "delivered")
    stage.assert_spool_empty()

    # without pipelining: the same outcomes, one command at a time
    sink.rules("no-pipelining\nrcpt bad@* 550 5.1.1 no\nmail no@* 554 5.7.0 not you")
    (id,) = put(stage, "good@a.example", "bad@a.example", sender="")
    stage.sender.log.wait_for(f"{id}: dropped")
    is_(
        outcome(stage, id),
        {"good@a.example": "delivered", "bad@a.example": "bounced"},
        "without pipelining: each recipient has its own outcome",
    )
    (id,) = put(stage, "bad@a.example", sender="")
    after(stage, id, "bounced")
    (id,) = put(stage, "good@a.example", sender="no@client.example")
    is_(after(stage, id, "bounced"), "554 5.7.0 not you", "and MAIL can be refused")
    (id,) = put(stage, "good@a.example")
    after(stage, id, "delivered")
    stage.assert_spool_empty()

    # what the next hop cannot take
    (id,) = put(stage, "x@small.example", sender="", content="Subject: é\n\n".encode())
    like(after(stage, id, "bounced"), "^5.6.3 ", "8-bit mail needs 8BITMIME")
    (id,) = put(stage, "x@small.example", sender="", content=b"x: y\n\n" + b"z" * 1000)
    like(after(stage, id, "bounced"), "^5.3.4 ", "too large for the next hop")
    stage.assert_spool_empty()

done_testing()
