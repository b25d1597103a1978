#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What becomes of mail that is not simply taken: refused, put off, too old."""

import email
import json

from stage import *

HOUR, DAY = 3600, 86400

TEXT = b"From: <clerk@home.example>\r\nSubject: a question\r\n\r\nWhen?\r\n"


def report_of(letter):
    """The fields of a report for each recipient, by lower-case name."""
    message = email.message_from_bytes(letter.content)
    is_(message.get_content_type(), "multipart/report", "a report")
    is_(letter.sender, "", "it has the null sender")
    status = next(
        p for p in message.walk() if p.get_content_type() == "message/delivery-status"
    )
    blocks = status.get_payload()[1:]
    return [{k.lower(): v for k, v in block.items()} for block in blocks]


def refused_for_good(stage, away, home):
    away.restart("rcpt nobody@* 550 5.1.1 no such person here")
    like(
        stage.submit(["you@away.example", "nobody@away.example"], TEXT, "clerk@home.example"),
        "^250",
        "one message for a person and for nobody",
    )
    is_(away.wait_letters(1)[0].recipients, ["you@away.example"], "the person has it")
    letter = home.wait_letters(1)[0]
    is_(letter.recipients, ["clerk@home.example"], "the sender has a letter")
    fields = report_of(letter)
    is_(len(fields), 1, "about one recipient")
    like(fields[0]["final-recipient"], "nobody@away.example", "about nobody")
    is_(fields[0]["action"], "failed", "it failed")
    is_(fields[0]["status"], "5.1.1", "the status that the next hop gave")
    like(fields[0]["diagnostic-code"], "no such person here", "and its words")
    ok(b"a question" in letter.content, "the original's header comes back")
    stage.assert_spool_empty()


def refused_at_every_step(stage, away, home):
    steps = {
        "mail *": "550 5.7.1 not you",
        "data *": "554 5.6.0 nothing like this",
        "eod *": "552 5.2.2 full",
        "greeting": "554 5.3.2 closed",
    }
    for step, reply in steps.items():
        seen = len(home.letters())
        away.restart(f"{step} {reply}")
        stage.submit("you@away.example", TEXT, "clerk@home.example")
        fields = report_of(home.wait_letters(seen + 1)[-1])
        like(fields[0]["diagnostic-code"], reply, f"{step}: a report says so")
        stage.assert_spool_empty(f"{step}: nothing is left")


def put_off(stage, away):
    away.rules("rcpt late@* 451 4.3.0 come back")
    seen = len(away.letters())
    to = ["early@away.example", "late@away.example"]
    stage.submit(to, TEXT, "clerk@home.example")
    name = stage.wait_in("deferred")[0]
    is_(away.letters()[-1].recipients, to[:1], "who was taken has it")
    away.rules("")
    ident = name.split(".")[2]
    like(stage.tool("show", ident).stdout, "come back", "queue-tool shows why")
    stage.tool("flush")
    letter = away.wait_letters(seen + 2)[-1]
    is_(letter.recipients, to[1:], "flush: the other one, and only that one")
    stage.assert_spool_empty()


def put_off_until_due(stage, away):
    away.rules("eod * 452 4.2.2 full")
    seen = len(away.letters())
    refused = len(away.log.grep("^refused"))
    stage.submit("you@away.example", TEXT, "clerk@home.example")
    stage.wait_in("deferred")
    is_(len(away.log.grep("^refused")), refused + 1, "tried once")
    away.rules("")
    stage.turn_clock(HOUR)
    is_(len(away.wait_letters(seen + 1)), seen + 1, "an hour later it is delivered")
    stage.assert_spool_empty()


def too_old(stage, away, home):
    away.rules("rcpt * 450 4.2.1 busy")
    seen = len(home.letters())
    stage.submit("you@away.example", TEXT, "clerk@home.example")
    stage.sender.log.wait_for(r"deferred to=<you@away.example> .*busy.* attempt=1")
    days, outcome = 0, "deferred"
    while outcome == "deferred" and days < 10:
        days += 1
        stage.turn_clock(days * DAY)
        answer = stage.sender.log.wait_for("(deferred|expired) to=<you@away.example>")
        outcome = answer.group(1)
    is_((outcome, days), ("expired", 5), "five retries, a day apart")
    fields = report_of(home.wait_letters(seen + 1)[-1])
    is_(fields[0]["action"], "failed", "days later it is given up")
    like(fields[0]["diagnostic-code"], "busy", "with the last answer")
    is_(len(home.letters()), seen + 1, "one report, not more")
    stage.assert_spool_empty()


def nobody_home(stage, away, spare):
    away.stop()
    seen = len(spare.letters())
    stage.submit("you@either.example", TEXT, "clerk@home.example")
    is_(len(spare.wait_letters(seen + 1)), seen + 1, "the next hop of higher weight")
    stage.submit("you@away.example", TEXT, "clerk@home.example")
    name = stage.wait_in("deferred")[0]
    like(stage.tool("show", name.split(".")[2]).stdout, "refused", "nobody listens")
    away.rules("")
    away.start()
    seen = len(away.letters())
    stage.tool("flush", "away.example")
    is_(len(away.wait_letters(seen + 1)), seen + 1, "flushed when it is back")
    stage.assert_spool_empty()


def no_reports_on_reports(stage, away, home):
    away.rules("rcpt * 550 5.1.1 unknown")
    seen = len(home.letters())
    stage.submit("you@away.example", TEXT, "")
    stage.assert_spool_empty("mail without a sender fails without a report")
    is_(len(home.letters()), seen, "nobody was told")
    away.rules("")


def queued_mail_follows_the_map(stage, away, spare):
    away.rules("rcpt * 451 4.3.0 later")
    stage.submit("you@moving.example", TEXT, "clerk@home.example")
    stage.wait_in("deferred")
    seen = len(spare.letters())
    stage.write(routes=stage.routes.replace("@MOVING@", spare.route))
    stage.compile()
    stage.tool("flush")
    is_(len(spare.wait_letters(seen + 1)), seen + 1, "it goes where the new map says")
    stage.assert_spool_empty()


def held_and_released(stage, away):
    seen = len(away.letters())
    stage.stop("engine")
    stage.submit("you@away.example", TEXT, "clerk@home.example")
    ident = stage.wait_in("incoming")[0]
    stage.tool("hold", "--why", "a look at it", ident)
    stage.start("engine", compile=False)
    is_(stage.queue(), {"held": [ident]}, "held")
    listed = json.loads(stage.tool("list", "--json").stdout.splitlines()[0])
    like(json.dumps(listed), ident, "and listed")
    stage.tool("release", ident)
    is_(len(away.wait_letters(seen + 1)), seen + 1, "released")
    stage.assert_spool_empty()


def a_loop(stage, away, home):
    seen, been = len(home.letters()), len(away.letters())
    hops = b"".join(b"Received: from hop%d by hop%d\r\n" % (n, n + 1) for n in range(110))
    reply = stage.submit("you@away.example", hops + TEXT, "clerk@home.example")
    if reply.startswith("250"):
        fields = report_of(home.wait_letters(seen + 1)[-1])
        like(fields[0]["status"], r"^5\.4\.", "a loop is reported")
    else:
        like(reply, r"^554 5\.4\.6", "a loop is refused")
    is_(len(away.letters()), been, "and goes no further")
    stage.assert_spool_empty()


with Stage(profiles="quick  retry 15m retries 5") as stage:
    away, home, spare = stage.sink(), stage.sink(), stage.sink()
    stage.turn_clock(0)
    stage.routes = (
        f"away.example    {away.route}  quick\n"
        f"home.example    {home.route}\n"
        f"either.example  smtp 10=[127.0.0.1]:{away.port} 20=[127.0.0.1]:{spare.port}\n"
        f"moving.example  @MOVING@\n"
    )
    stage.write(routes=stage.routes.replace("@MOVING@", away.route))
    stage.start()
    refused_for_good(stage, away, home)
    refused_at_every_step(stage, away, home)
    put_off(stage, away)
    put_off_until_due(stage, away)
    no_reports_on_reports(stage, away, home)
    held_and_released(stage, away)
    a_loop(stage, away, home)
    nobody_home(stage, away, spare)
    queued_mail_follows_the_map(stage, away, spare)
    too_old(stage, away, home)
done_testing()
