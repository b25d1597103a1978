#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Aliases over hosts: a loop ends and is reported once, the recipient who was
meant at first is kept, and a catch-all holds for its own domain only.
"""

from stage import *

TEXT = b"From: <x@far.example>\r\nSubject: round\r\n\r\nHello.\r\n"


def reported(sink, status, name):
    letter = sink.wait_letters(1)[0]
    is_((letter.sender, letter.recipients), ("", ["x@far.example"]), f"{name}: a report")
    like(letter.content.decode(), rf"(?m)^Status: {status}", f"{name}: {status}")
    return letter


def two_hosts(settings="", here={}, there={}):
    """Each sends the other's domain to the other; reports go to the sink."""
    a, b = (Stage(settings=settings) for _ in range(2))
    sink = a.sink()
    for one, other, tables in ((a, b, here), (b, a, there)):
        one.write(
            routes=f"far.example {sink.route}\n* smtp [127.0.0.1]:{other.port}\n", **tables
        )
    a.start()
    b.start()
    return a, b, sink


def received(*stages):
    return sum(len(s.receiver.log.grep(": accepted from=<x@far.example>")) for s in stages)


def ends(a, b, sink, name):
    a.assert_spool_empty(f"{name}: nothing is left here")
    b.assert_spool_empty(f"{name}: nor there")
    is_(len(sink.letters()), 1, f"{name}: one report")


def aliases_of_each_other():
    a, b, sink = two_hosts(
        here={"aliases": "jo@a.example kim@b.example"},
        there={"aliases": "kim@b.example jo@a.example"},
    )
    with a, b:
        a.submit("jo@a.example", TEXT, "x@far.example")
        letter = reported(sink, "5.4.6", "aliases of each other")
        ends(a, b, sink, "aliases of each other")
        is_(received(a, b), 3, "it came back once, and was known by its trace")
        like(letter.content.decode(), r"(?m)^Delivered-To: jo@a.example", "Delivered-To:")


def routes_in_a_circle():
    a, b, sink = two_hosts(settings="hops-max 10")
    with a, b:
        a.submit("jo@a.example", TEXT, "x@far.example")
        reported(sink, "5.4.6", "routes in a circle")
        ends(a, b, sink, "routes in a circle")
        is_(received(a, b), 11, "by the count of Received:, after ten hops")


def the_original_recipient(stage, sink):
    sink.restart("extension DSN")
    stage.submit("all@a.example", TEXT, "x@far.example")
    letter = sink.wait_letters(1)[0]
    like(letter.envelope[2], r"ORCPT=rfc822;all@a\.example", "passed on as ORCPT")
    is_(letter.recipients, ["ann@b.example"], "of whom the alias stands for")
    is_(letter.header("X-Original-To"), ["all@a.example"], "and in a header field, if asked")
    with stage.conversation() as c:
        c.hello()
        c.asks("MAIL FROM:<x@far.example>", 250)
        c.asks("RCPT TO:<all@a.example> ORCPT=rfc822;first@old.example", 250)
        c.asks("DATA", 354)
        c.says(TEXT.decode() + ".")
        c.gets(250, "the message is taken")
        c.asks("QUIT", 221)
    letter = sink.wait_letters(2)[1]
    like(letter.envelope[2], r"ORCPT=rfc822;first@old\.example", "unless the client gave one")
    stage.assert_spool_empty()


def a_catch_all(stage, sink):
    answers = {
        "anybody@c.example": "250",
        "anybody@sub.c.example": "550 5.1.1",
        "anybody@a.example": "550 5.1.1",
        "all@a.example": "250",
    }
    for address, answer in answers.items():
        with stage.conversation() as c:
            c.hello()
            c.asks("MAIL FROM:<x@far.example>", 250)
            like(c.asks(f"RCPT TO:<{address}>", answer[:3]), f"^{answer}", address)
            c.asks("QUIT", 221)


aliases_of_each_other()
routes_in_a_circle()
with Stage(
    domains="a.example recipients=listed\nc.example recipients=listed\n"
    "sub.c.example recipients=listed\n",
    recipients="jo@sub.c.example",
    aliases="all@a.example ann@b.example\n@c.example ann@b.example\n",
    settings="x-original-to yes",
) as stage:
    sink = stage.sink()
    stage.write(routes=f"* {sink.route}")
    stage.start()
    the_original_recipient(stage, sink)
    a_catch_all(stage, sink)
done_testing()
