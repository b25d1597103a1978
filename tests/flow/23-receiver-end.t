#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""The end: of a connection, of the receiver by request, of it by force."""

import os

from stage import *


def tmp(stage):
    found = os.walk(os.path.join(stage.spool, "tmp"))
    names = [name for _, _, names in found for name in names]
    return [name for name in names if not name.endswith(".lock")]


def in_data(stage):
    c = stage.conversation()
    c.begins_data()
    return c


def lost_in_the_content(stage):
    for size in (10, 1000000):
        with in_data(stage) as c:
            c.sends(b"x" * 60 + b"\r\n" + b"y" * size)
        stage.receiver.log.wait_for("lost client=127.0.0.1 .* in the content")
        is_(tmp(stage), [], f"lost after {size} octets: nothing is left")
    is_(stage.queue(), {}, "and nothing is accepted")


def killed_in_the_content(stage):
    """What a power cut leaves in tmp/ belongs to nobody and is cleaned."""
    with in_data(stage) as c:
        paths = [os.path.join(stage.spool, "tmp")]
        c.sends((b"y" * 998 + b"\r\n") * 2000)
        wait_until(lambda: tmp(stage), paths, "a draft in tmp/")
        stage.receiver.kill_all()
        c.ends("killed: the client sees it")
    stage.start("receiver", compile=False)
    wait_until(lambda: not tmp(stage), paths, "a clean tmp/")
    is_(stage.queue(), {}, "killed: the draft is gone and was never accepted")


def stopped(stage):
    idle = stage.conversation()
    idle.hello()
    idle.asks("MAIL FROM:<a@b.example>", 250)
    busy = in_data(stage)
    busy.sends(b"begun before\r\n")
    bad = in_data(stage)
    bad.sends(b"a bare\nLF\r\n")
    stage.receiver.signal(15)
    idle.gets("421 4.3.2", "stop: an idle session is told")
    idle.ends()
    busy.sends(b"ended after\r\n.\r\nMAIL FROM:<a@b.example>\r\n")
    busy.gets("250 2.0.0", "stop: the content under way is taken")
    busy.gets("421 4.3.2", "stop: and then it ends")
    busy.ends()
    bad.sends(b".\r\nMAIL FROM:<a@b.example>\r\n")
    bad.gets("550 5.6.11", "stop: and refused as ever")
    bad.gets("421 4.3.2", "stop: and then it ends")
    bad.ends()
    is_(stage.receiver.wait(), 0, "stop: exit status 0")
    is_(len(stage.queue().get("incoming", [])), 1, "stop: the message is there")
    try:
        stage.conversation()
        ok(False, "stop: nobody listens")
    except ConnectionRefusedError:
        ok(True, "stop: nobody listens")


with Stage() as stage:
    stage.start("receiver")
    lost_in_the_content(stage)
    killed_in_the_content(stage)
    stopped(stage)
done_testing()
