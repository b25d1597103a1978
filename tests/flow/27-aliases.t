#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Aliases: who is meant gets it, the original recipient is kept, loops end."""

from stage import *

TEXT = b"From: <x@far.example>\r\nSubject: for all\r\n\r\nHello.\r\n"

ALIASES = """
all@a.example       team@a.example boss@b.example
team@a.example      ann@a.example ben@a.example boss@b.example
copy@a.example      copy@a.example ann@a.example
@c.example          @a.example
home@a.example      home@b.example
"""


def sent(sink, before):
    """Letters that came since, by recipients."""
    return {tuple(sorted(l.recipients)): l for l in sink.letters()[before:]}


def nested(stage, sink):
    reply = stage.submit("all@a.example", TEXT)
    like(reply, "^250", "mail for an alias of aliases")
    sink.wait_letters(1)
    stage.assert_spool_empty()
    letters = sink.letters()
    to = sorted(r for letter in letters for r in letter.recipients)
    is_(to, ["ann@a.example", "ben@a.example", "boss@b.example"], "each gets it once")
    is_(letters[0].header("Delivered-To"), ["all@a.example"], "it bears its trace")
    is_(letters[0].header("X-Original-To"), ["all@a.example"], "and whom it was for")


def itself(stage, sink):
    before = len(sink.letters())
    stage.submit(["copy@a.example", "ann@a.example"], TEXT)
    sink.wait_letters(before + 2)
    stage.assert_spool_empty()
    letters = sent(sink, before)
    is_(
        sorted(letters),
        [("ann@a.example",), ("ann@a.example", "copy@a.example")],
        "an alias that names itself keeps a copy; who is named beside it has his own",
    )
    is_(letters[("ann@a.example",)].header("Delivered-To"), [], "without a trace")


def catch_all(stage, sink):
    before = len(sink.letters())
    stage.submit(["kim@c.example", "team@c.example"], TEXT)
    sink.wait_letters(before + 2)
    stage.assert_spool_empty()
    to = sorted(r for letter in sink.letters()[before:] for r in letter.recipients)
    is_(
        to,
        ["ann@a.example", "ben@a.example", "boss@b.example", "kim@a.example"],
        "a domain that stands for another, whose aliases hold",
    )


def loop(stage, sink):
    before = len(sink.letters())
    came_back = b"Delivered-To: HOME@a.example\r\n" + TEXT
    stage.submit("home@a.example", came_back, "x@far.example")
    letter = sink.wait_letters(before + 1)[-1]
    is_(letter.sender, "", "what was delivered to an alias before is reported")
    like(letter.content.decode(), "5.4.6", "as a loop")
    stage.assert_spool_empty()


def shown(stage):
    stage.stop("sender")
    stage.submit("all@a.example", TEXT)
    name = stage.wait_in("processed")[0]
    text = stage.tool("show", name.split(".", 1)[1]).stdout
    like(text, r"all@a\.example\n +expanded", "queue-tool show: the alias")
    like(text, r"ann@a\.example\n +not tried yet", "and who it stands for")
    text = stage.tool("route", "all@a.example").stdout
    like(text, r"alias +all@a\.example: matches, \S*aliases:2: stands for ann@a\.example ben", "queue-tool route")
    like(text, r"(?m)^boss@b\.example\n(  .*\n)*  because +\S*routes:1", "and their routes")
    stage.start("sender")
    stage.assert_spool_empty()


def killed(stage, sink):
    """Whatever the engine was doing: everybody has it, nobody twice."""
    before = len(sink.letters())
    for i in range(20):
        stage.submit("all@a.example", TEXT)
        stage.engine.kill_all()
        stage.start("engine", compile=False)
    stage.assert_spool_empty()
    got = [r for letter in sink.letters()[before:] for r in letter.recipients]
    for who in ("ann@a.example", "ben@a.example", "boss@b.example"):
        is_(got.count(who), 20, f"{who}: each of 20, once")


with Stage(
    domains="a.example recipients=listed\nc.example recipients=listed",
    aliases=ALIASES,
    recipients="ann@a.example ben@a.example kim@a.example",
    settings="x-original-to yes",
) as stage:
    sink = stage.sink()
    stage.write(routes=f"* smtp [127.0.0.1]:{sink.port}\na.example smtp [127.0.0.1]:{sink.port}")
    stage.start()
    nested(stage, sink)
    itself(stage, sink)
    catch_all(stage, sink)
    loop(stage, sink)
    shown(stage)
    killed(stage, sink)
done_testing()
