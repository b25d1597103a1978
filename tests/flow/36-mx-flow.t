#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Mail by the DNS, from the client to the hosts that a real nameserver names."""

import os
import random
import re

from nameserver import Nameserver
from stage import *

# A network of loopback addresses of our own: MX hosts all use one port.
NET = f"127.{random.randrange(1, 255)}.{random.randrange(255)}"
BODY = b"Subject: by the DNS\r\n\r\n.hidden\r\nhello\r\n"

ZONE = f"""
@               MX 10 primary
@               MX 20 secondary
*.fresh         MX 10 primary
*.fresh         MX 20 secondary
primary         A {NET}.2
secondary       A {NET}.3
down            MX 10 nobody
down            MX 10 nobody2
down            MX 20 secondary
nobody          A {NET}.9
nobody          A {NET}.10
nobody2         A {NET}.11
*.equal         MX 10 primary
*.equal         MX 10 secondary
plain           A {NET}.3
follow          MX 10 alias
alias           CNAME secondary
noalias         CNAME primary
null            MX 0 .
silly           MX 10 gone
us              MX 10 here
here            A 127.0.0.1
broken          MX 10 mx.unserved.example.
"""


class World:
    """A stage, a nameserver, and a sink at each of two addresses."""

    def __init__(self, stage, nsd, inner):
        self.stage = stage
        self.primary = stage.sink(host=f"{NET}.2")
        self.port = self.primary.port
        self.secondary = stage.sink(host=f"{NET}.3", port=self.port)
        self.returns = stage.sink()
        stage.write(
            settings=f"hostname mx.example\nlisten 127.0.0.1:{stage.port}\n"
            f"relay-from 127.0.0.0/8\nforce-filesystem yes\n"
            f"resolver {nsd.address}\nconnect-timeout 5s\n",
            routes=f"*  mx port={self.port}\n"
            f"us.here.example  mx port={stage.port}\n"
            f"client.example  {self.returns.route}\n"
            f"partner.example  mx zone=inside.example query={inner.address} "
            f"port={self.port}\n"
            f"box.example  maildir:{stage.dir}/box-%u\n",
        )
        self.seen = 0

    def send(self, recipient):
        reply = self.stage.submit(recipient, BODY)
        if reply[:3] != "250":
            diag(f"{recipient}: {reply!r}")

    def report(self, recipient):
        """The text of the report that comes back for this recipient."""
        self.send(recipient)
        self.seen += 1
        letter = self.returns.wait_letters(self.seen)[-1]
        is_(letter.sender, "", f"{recipient}: a report comes back")
        text = letter.content.decode()
        like(text, rf"(?im)^Final-Recipient: rfc822; *{re.escape(recipient)}\r$", "about it")
        return text


def goes_to(world, sink, other, recipient, name):
    """The next message goes to this sink and not to the other."""
    here, there = len(sink.names()), len(other.names())
    world.send(recipient)
    letter = sink.wait_letters(here + 1)[-1]
    is_(letter.recipients, [recipient], name)
    ok(letter.content.endswith(BODY), f"{name}: unchanged")
    world.stage.assert_spool_empty(f"{name}: nothing is left")
    is_(len(other.names()), there, f"{name}: no other host got it")


def by_preference(world):
    here, there = world.primary, world.secondary
    goes_to(world, here, there, "a@here.example", "the best MX host")
    goes_to(world, there, here, "b@down.here.example", "the next when it is down")
    goes_to(world, there, here, "c@plain.here.example", "no MX: the address")
    goes_to(world, there, here, "d@follow.here.example", "an MX host's alias")
    goes_to(world, there, here, f"e@[{NET}.3]", "an address literal")
    goes_to(world, there, here, "f@partner.example", "zone= and query=")


def temporary_answers(world):
    """Whatever it is an answer to, the next host is tried.  Each domain is a
    fresh one: a connection that is kept has had its greeting."""
    for n, rule in enumerate((
        "greeting 421 4.3.2 busy",
        "mail * 451 4.3.0 later",
        "rcpt * 450 4.2.0 later",
        "eod * 452 4.3.1 full",
        "close-at mail",
    )):
        world.primary.rules(rule)
        recipient = f"g@temporary{n}.fresh.here.example"
        goes_to(world, world.secondary, world.primary, recipient, rule)
    world.primary.rules("")


def permanent_answers(world):
    """Connected and refused for good: nobody else is asked."""
    before = len(world.secondary.log.grep("^open "))
    for n, (rule, code) in enumerate({
        "greeting 554 5.3.2 no service": 554,
        "rcpt * 550 5.1.1 no such user": 550,
        "eod * 554 5.6.0 unwanted": 554,
    }.items()):
        world.primary.rules(rule)
        text = world.report(f"h@permanent{n}.fresh.here.example")
        like(text, rf"(?m)^Diagnostic-Code: smtp; *{code}", rule)
    is_(len(world.secondary.log.grep("^open ")), before, "no other host is tried")
    world.primary.rules("")


def hopeless_domains(world):
    for domain, code in {
        "none.here.example": "5.1.2",
        "noalias.here.example": "5.1.2",
        "null.here.example": "5.1.10",
        "silly.here.example": "5.4.4",
        "us.here.example": "5.4.6",
    }.items():
        text = world.report(f"i@{domain}")
        like(text, rf"(?m)^Status: {re.escape(code)}\r$", f"{domain}: {code}")
    world.stage.assert_spool_empty()


def equal_hosts(world):
    """40 messages, each over a connection of its own, since each domain has
    its own: all to one of two hosts by chance once in 10^11."""
    sinks = world.primary, world.secondary
    before = [len(s.names()) for s in sinks]
    for n in range(40):
        world.send(f"j@n{n}.equal.here.example")
    world.stage.assert_spool_empty("40 messages for two equal hosts leave")
    got = [len(s.names()) - n for s, n in zip(sinks, before)]
    ok(sum(got) == 40 and min(got) > 0, f"both had some: {got}")


def later(world):
    world.send("k@broken.here.example")
    name = world.stage.wait_in("deferred")[0]
    like(name, r"^\d+\.", "a failing look-up defers")
    world.stage.sender.log.wait_for(r"deferred .*4\.4\.3")
    ok(True, "and the log says why")
    shown = world.stage.tool("list").stdout
    like(shown, r"broken\.here\.example", "it is in the queue")


def maildir(world):
    box = os.path.join(world.stage.dir, "box-you")
    world.send("You@box.example")
    path = os.path.join(box, "new")
    wait_until(lambda: os.path.isdir(path) and os.listdir(path), [world.stage.dir], box)
    with open(os.path.join(path, os.listdir(path)[0]), "rb") as f:
        text = f.read()
    ok(text.startswith(
        b"Return-Path: <sender@client.example>\nDelivered-To: You@box.example\nReceived:"),
        "a maildir: our fields first")
    ok(text.endswith(BODY.replace(b"\r\n", b"\n")), "lines end in LF, dots are right")


with Stage() as stage, Nameserver({"here.example": ZONE}) as nsd, Nameserver(
    {"inside.example": "partner.example MX 10 far.example.\n"
     f"far.example A {NET}.3\nfar.example.inside.example. A {NET}.3\n"}
) as inner:
    world = World(stage, nsd, inner)
    stage.start()
    by_preference(world)
    temporary_answers(world)
    permanent_answers(world)
    hopeless_domains(world)
    equal_hosts(world)
    maildir(world)
    stage.assert_spool_empty()
    later(world)
    for name, status in stage.stop().items():
        is_(status, 0, f"{name} stops")
done_testing()
