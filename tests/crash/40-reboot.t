#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""After a reboot: doc/INTERNALS.md, line by line.  Each daemon is killed with
SIGKILL in the middle of its work and started again."""

import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from stage import *

TEXT = b"Subject: t\r\n\r\nhello\r\n"
BOTH = ["a@left.example", "b@right.example"]


def reboot(stage, *names):
    for name in names:
        stage.daemons[name].kill_all()
    stage.start(*names, compile=False)


def eods(sink):
    return len(sink.log.grep("^eod "))


with Stage(profiles="slow  retry 5h") as stage:
    left, right = stage.sink(), stage.sink()
    late = stage.sink(rules="rcpt * 451 4.3.0 later")
    stage.write(
        routes=f"left.example {left.route}\nright.example {right.route}\n"
        f"late.example {late.route} slow"
    )
    stage.start()

    # sending, before end-of-data: the message was split, the left part is done
    right.rules("delay data 60000ms")
    like(stage.submit(BOTH, TEXT), "^250", "a message for two destinations")
    left.wait_letters(1)
    stage.wait_queue(lambda q: list(q) == ["sending"], "only the right part, being sent")
    stage.sender.kill_all()
    is_(eods(right), 0, "before end-of-data: the next hop has nothing")
    right.rules("")
    stage.start("sender", compile=False)
    right.wait_letters(1)
    stage.assert_spool_empty("that part is sent again")
    is_((eods(left), eods(right)), (1, 1), "and only that")

    # after end-of-data, before the next hop's 250
    right.rules("delay eod 60000ms")
    stage.submit(BOTH, TEXT)
    left.wait_letters(2)
    right.log.wait_for("^eod ")
    stage.wait_queue(lambda q: list(q) == ["sending"], "only the right part, being sent")
    stage.sender.kill_all()
    right.rules("")
    stage.start("sender", compile=False)
    right.accepted(2)
    stage.assert_spool_empty("after end-of-data: it is sent again")
    is_(eods(left), 2, "the other part is not")

    # waiting in deferred/
    stage.submit("x@late.example", TEXT)
    names = stage.wait_in("deferred")
    reboot(stage, "receiver", "engine", "sender")
    is_(stage.queue(), {"deferred": names}, "in deferred/ it keeps its due time")
    late.rules("")
    stage.tool("flush")
    late.wait_letters(1)
    stage.assert_spool_empty("and is sent when that has come")

    # after the 250, nobody else being there
    stage.stop("engine", "sender")
    like(stage.submit("a@left.example", TEXT), "^250", "a message is acknowledged")
    reboot(stage, "receiver")
    stage.start("engine", "sender", compile=False)
    left.wait_letters(3)
    stage.assert_spool_empty("after the 250 it goes on by itself")

    # receiving, before the 250
    with socket.create_connection(("127.0.0.1", stage.port), DEADLINE) as s:
        replies = s.makefile("rb")
        for line in ("", "HELO c.example", "MAIL FROM:<>", "RCPT TO:<a@left.example>", "DATA"):
            s.sendall(f"{line}\r\n".encode() if line else b"")
            last = replies.readline()
        like(last.decode(), "^354", "a client is sending its message")
        s.sendall(TEXT)
        reboot(stage, "receiver")
        try:
            is_(replies.readline(), b"", "the client sees the connection drop")
        except ConnectionResetError:
            ok(True, "the client sees the connection drop")
    like(stage.submit("a@left.example", TEXT), "^250", "and sends again")
    left.wait_letters(4)
    stage.assert_spool_empty()
    drafts = [n for n in stage.queue("tmp").get("tmp", []) if not n.endswith(".lock")]
    is_(drafts, [], "nothing is left of the first time")
    is_(len(left.names()), 4, "and it arrives once")

    # the engine working on it
    for pid in stage.engine.workers():
        os.kill(pid, signal.SIGSTOP)
    stage.submit(BOTH, TEXT)
    stage.wait_in("incoming")
    reboot(stage, "engine")
    left.wait_letters(5)
    right.wait_letters(3)
    stage.assert_spool_empty("what the engine had not finished goes on")
done_testing()
