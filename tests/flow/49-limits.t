#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
A regular expression that reaches its limits gives no answer: the mail waits,
and it is never taken for "no match".
"""

from stage import *

TEXT = b"From: <x@far.example>\r\nSubject: x\r\n\r\nHello.\r\n"
ADDRESS = "a" * 60 + "@far.example"
SLOW = "/^(a+)+$/"
SAID = r"route of a+@far\.example: the expression at routes:1 gives no answer"


def routes(stage, sink, expression=""):
    row = f"{expression} {sink.route}\n" if expression else ""
    stage.write(routes=f"{row}* {sink.route}\n")
    stage.compile()


def a_new_message(stage, sink):
    routes(stage, sink, SLOW)
    stage.submit(ADDRESS, TEXT)
    stage.engine.log.wait_for(SAID)
    is_(len(stage.wait_in("incoming")), 1, "a new message waits")
    is_(len(sink.letters()), 0, "and does not go by the row below")
    routes(stage, sink)
    is_(sink.wait_letters(1)[0].recipients, [ADDRESS], "until the map has an answer")
    stage.assert_spool_empty()


def one_that_waited(stage, sink):
    sink.rules("rcpt * 451 4.2.1 later")
    stage.submit(ADDRESS, TEXT)
    ident = stage.wait_in("deferred")[0].split(".", 2)[2]
    routes(stage, sink, SLOW)
    sink.rules("")
    stage.tool("flush")
    stage.sender.log.wait_for(SAID)
    stage.wait_in("deferred")
    is_(len(sink.letters()), 1, "queued mail waits on")
    like(stage.tool("show", ident).stdout, r"attempts +1\n", "and that was no attempt")
    routes(stage, sink)
    stage.tool("flush")
    is_(sink.wait_letters(2)[1].recipients, [ADDRESS], "until the map has an answer")
    stage.assert_spool_empty()


def a_rule(stage, sink):
    stage.write(rules="evil header Subject /^(a+)+$/ then discard\nall then stop\n")
    stage.compile()
    stage.submit("jo@far.example", b"Subject: " + b"a" * 60 + b"!\r\n\r\nx\r\n")
    stage.engine.log.wait_for(r'rule evil at rules:1 cannot answer "header Subject')
    is_(len(stage.wait_in("incoming")), 1, "a rule that has no answer: the message waits")
    stage.write(rules="")
    stage.compile()
    sink.wait_letters(3)
    stage.assert_spool_empty()


with Stage() as stage:
    sink = stage.sink()
    stage.write(routes=f"* {sink.route}")
    stage.start()
    a_new_message(stage, sink)
    one_that_waited(stage, sink)
    a_rule(stage, sink)
done_testing()
