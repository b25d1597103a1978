#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Delivery status notifications: the parameters of RFC 3461 are taken, obeyed
and passed on; reports are those of RFC 3464, as Python's email package reads
them; and a real Postfix understands both."""

import email
import email.policy
import os
import re

from stage import *

BODY = b"From: <me@client.example>\r\nSubject: report this\r\n\r\nsecret text\r\n"
ALIASES = """
team@alias.example  ann@plain.example ben@plain.example
solo@alias.example  ann@plain.example
"""


class Report:
    """A letter that is a report, taken apart."""

    def __init__(self, letter):
        self.letter = letter
        self.message = email.message_from_bytes(letter.content, policy=email.policy.default)
        self.parts = list(self.message.iter_parts())
        groups = [g for g in self.parts[1].get_payload() if g.items()]
        self.about, self.recipients = groups[0], groups[1:]

    def fates(self):
        """{recipient: action}"""
        return {
            str(g["Final-Recipient"]).split(";", 1)[1].strip(): str(g["Action"])
            for g in self.recipients
        }

    def original(self):
        return self.parts[2].get_content_type(), self.parts[2].as_bytes()


class World:
    def __init__(self, stage):
        self.stage = stage
        self.home = stage.sink()
        self.plain, self.able = stage.sink(), stage.sink(rules="extension DSN")
        self.reports = 0
        stage.write(
            aliases=ALIASES,
            routes=f"""
plain.example   {self.plain.route}
alias.example   {self.plain.route}
able.example    {self.able.route}
client.example  {self.home.route}
""",
        )

    def send(self, *recipients, mail="<me@client.example>"):
        """Each as RCPT says it: "<a@b.example> NOTIFY=NEVER"."""
        with self.stage.conversation() as c:
            c.hello()
            c.asks(f"MAIL FROM:{mail}", 250)
            for recipient in recipients:
                c.asks(f"RCPT TO:{recipient}", 250)
            c.asks("DATA", 354)
            c.sends(BODY + b".\r\n")
            c.gets("250", "the content")
            c.says("QUIT")

    def report(self):
        """The next one that comes home."""
        self.reports += 1
        report = Report(self.home.wait_letters(self.reports)[-1])
        is_(report.letter.sender, "", "a report has the null sender")
        is_(report.message.get_content_type(), "multipart/report", "and is one by its type")
        is_([d for p in report.message.walk() for d in p.defects], [], "without a defect")
        return report

    def nothing_more(self, name):
        self.stage.assert_spool_empty()
        is_(len(self.home.names()), self.reports, name)


def passed_on(world):
    world.send(
        "<x@able.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;X+2Borig@able.example",
        mail="<me@client.example> RET=HDRS ENVID=QQ+2B7",
    )
    (letter,) = world.able.wait_letters(1)
    like(letter.mail, r" RET=HDRS ENVID=QQ\+2B7$", "offered DSN: RET and ENVID are passed on")
    like(
        letter.envelope[2],
        r" NOTIFY=SUCCESS,DELAY ORCPT=rfc822;X\+2Borig@able\.example$",
        "and NOTIFY and ORCPT",
    )
    world.nothing_more("success is for the next hop to report")


def relayed(world):
    world.send(
        "<x@plain.example> NOTIFY=SUCCESS ORCPT=rfc822;x+3Dy@there.example",
        mail="<me@client.example> ENVID=QQ+2B8",
    )
    (letter,) = world.plain.wait_letters(1)
    is_(re.findall("NOTIFY|ORCPT|RET|ENVID", "".join(letter.envelope)), [], "no DSN: nothing of it")
    report = world.report()
    is_(report.fates(), {"x@plain.example": "relayed"}, "relayed, as far as we can tell")
    is_(report.about["Original-Envelope-Id"], "QQ+8", "its ENVID, decoded")
    is_(report.recipients[0]["Original-Recipient"], "rfc822; x=y@there.example", "its ORCPT")
    like(str(report.recipients[0]["Status"]), r"^2\.", "a status of success")
    world.nothing_more("one report")


def failed(world):
    world.plain.rules("rcpt bad* 550 5.1.1 no such user\nrcpt worse* 552 5.2.2 full")
    world.send(
        "<bad1@plain.example>",
        "<worse@plain.example> NOTIFY=FAILURE",
        "<bad2@plain.example> NOTIFY=SUCCESS",
        "<bad3@plain.example> NOTIFY=NEVER",
        "<good@plain.example>",
    )
    report = world.report()
    is_(
        report.fates(),
        {"bad1@plain.example": "failed", "worse@plain.example": "failed"},
        "several recipients in one report; none of those who wanted none",
    )
    is_(
        [str(g["Status"]) for g in report.recipients],
        ["5.1.1", "5.2.2"],
        "each with its own status",
    )
    kind, text = report.original()
    is_(kind, "text/rfc822-headers", "the header comes back")
    ok(b"report this" in text and b"secret" not in text, "and not the text")
    world.nothing_more("one report")
    world.send("<bad4@plain.example>", mail="<me@client.example> RET=FULL")
    kind, text = world.report().original()
    is_(kind, "message/rfc822", "RET=FULL: the message")
    ok(b"secret text" in text, "with its text")
    world.send("<bad5@plain.example>", mail="<>")
    world.stage.sender.log.wait_for(r"bounced to=<bad5@plain.example>")
    world.nothing_more("a message without a sender makes no report")
    world.plain.rules("")


def expanded(world):
    before = len(world.plain.names())
    world.send("<team@alias.example> NOTIFY=SUCCESS,FAILURE")
    report = world.report()
    is_(report.fates(), {"team@alias.example": "expanded"}, "an alias for several: expanded")
    world.plain.wait_letters(before + 1)
    world.nothing_more("and nothing of each")
    world.send("<solo@alias.example> NOTIFY=SUCCESS")
    report = world.report()
    is_(report.fates(), {"ann@plain.example": "relayed"}, "an alias for one: as if for him")
    is_(report.recipients[0]["Original-Recipient"], "rfc822; solo@alias.example", "who he was")
    world.nothing_more("once")


def no_report_on_a_report(world):
    world.home.rules("rcpt gone@* 550 5.1.1 no such user")
    world.plain.rules("rcpt bad* 550 5.1.1 no such user")
    world.send("<bad6@plain.example>", mail="<gone@client.example>")
    world.stage.sender.log.wait_for(r"bounced to=<gone@client\.example>")
    world.nothing_more("a report that fails makes none")


def postfix(stage):
    """Stagepost, Postfix, and a host after it that lacks DSN."""
    if os.geteuid() != 0:
        skip("by way of Postfix", "Postfix starts as root only")
        return
    last = stage.sink(rules="rcpt refused@* 550 5.1.1 no such user")
    peer = stage.postfix(last.port)
    stage.write(routes=f"*  {peer.route}")
    stage.start()
    with stage.conversation() as c:
        c.hello()
        c.asks("MAIL FROM:<me@client.example> RET=HDRS ENVID=through", 250)
        c.asks("RCPT TO:<you@far.example> NOTIFY=SUCCESS ORCPT=rfc822;first@far.example", 250)
        c.asks("DATA", 354)
        c.sends(BODY + b".\r\n")
        c.gets("250", "the content")
    letters = {letter.sender: letter for letter in last.wait_letters(2)}
    is_(sorted(letters), ["", "me@client.example"], "the message, and Postfix's report on it")
    report = Report(letters[""])
    is_(report.fates(), {"you@far.example": "relayed"}, "Postfix took NOTIFY=SUCCESS from us")
    is_(str(report.about["X-Postfix-Sender"]), "rfc822; me@client.example", "it is Postfix's")
    is_(report.about["Original-Envelope-Id"], "through", "and has our ENVID")
    is_(report.recipients[0]["Original-Recipient"], "rfc822;first@far.example", "and our ORCPT")
    stage.assert_spool_empty("we have made none")


with Stage() as stage:
    world = World(stage)
    stage.start()
    passed_on(world)
    relayed(world)
    failed(world)
    expanded(world)
    no_report_on_a_report(world)
with Stage() as stage:
    postfix(stage)
done_testing()
