#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Rewriting: one address in the place of another."""

from stage import *

TEXT = b"From: <jo@mail.example>\r\nTo: <kim@old.example>\r\nSubject: x\r\n\r\nHello.\r\n"

TABLES = dict(
    domains="old.example\nnew.example recipients=listed",
    recipients="kim@new.example sales@new.example",
    aliases="sales@new.example ann@far.example",
    rewrites="""
recipient @old.example       @new.example
recipient info@old.example   sales@new.example
sender    @mail.example      @example.org
sender    cron@mail.example  root@example.org
""",
)


def rewritten(stage, sink, sender, recipient, want):
    before = len(sink.letters())
    stage.submit(recipient, TEXT, sender)
    letter = sink.wait_letters(before + 1)[-1]
    is_((letter.sender, letter.recipients), want, f"{sender} to {recipient}")
    is_(letter.header("To"), ["<kim@old.example>"], "the header stays as it is")
    stage.assert_spool_empty()
    return letter


with Stage(**TABLES) as stage:
    sink = stage.sink()
    hop = f"smtp [127.0.0.1]:{sink.port}"
    stage.write(routes=f"* {hop}\nnew.example {hop}")
    stage.start()
    want = ("Jo@example.org", ["Kim@new.example"])
    rewritten(stage, sink, "Jo@mail.example", "Kim@old.example", want)
    want = ("root@example.org", ["ann@far.example"])
    letter = rewritten(stage, sink, "cron@mail.example", "info@old.example", want)
    is_(letter.header("Delivered-To"), ["sales@new.example"], "the new one is an alias")
    want = ("jo@sub.mail.example", ["kim@new.example"])
    rewritten(stage, sink, "jo@sub.mail.example", "kim@new.example", want)
    like(stage.submit("nobody@old.example", TEXT), r"^550 5\.1\.1", "it must exist")
    sink.restart("rcpt * 550 5.1.1 no such person")
    stage.submit("kim@old.example", TEXT, "jo@mail.example")
    stage.sender.log.wait_for(r"reported kind=failure to=<jo@mail\.example>")
    ok(True, "a report goes to the sender that was given")
    text = stage.tool("route", "info@old.example").stdout
    like(text, r"rewriting +info@old\.example: matches, \S*rewrites:3: to sales@new\.example", "queue-tool route")
done_testing()
