#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Where mail goes by the DNS, sentence by sentence: four real nameservers with
different views of the same zones, asked at the same time; and nobody else is
asked."""

import os
import random
import re
import shutil

from nameserver import Nameserver
from stage import *

NET = f"127.{random.randrange(1, 255)}.{random.randrange(255)}"
BODY = b"Subject: by the DNS\r\n\r\nhello\r\n"
HOSTS = {"one": f"{NET}.1", "two": f"{NET}.2", "three": f"{NET}.3", "six": "[::1]"}

PUBLIC = f"""
one             A {NET}.1
two             A {NET}.2
three           A {NET}.3
pref            MX 10 one
pref            MX 20 two
bare            A {NET}.2
bare6           AAAA ::1
alias           CNAME two
follow          CNAME two
hostalias       MX 10 onward
onward          CNAME three
many            MX 10 crowd
crowd           A {NET}.7
crowd           A {NET}.8
crowd           A {NET}.3
refused         MX 10 dead
refused         MX 20 dead2
dead            A {NET}.7
dead            A {NET}.8
dead2           A {NET}.9
busy            MX 10 one
busy            MX 20 two
final           MX 10 one
final           MX 20 two
null            MX 0 .
us              MX 10 mx.ours.example.
us              MX 20 one
backup          MX 10 two
backup          MX 20 mx.ours.example.
backup          MX 30 one
failing         MX 10 mx.unserved.example.
zone.example    MX 10 two
"""
# The same names in the same zone, and in one that is put behind others.
VIEW = "@ MX 10 {0}\n{0} A {1}\npartner.example MX 10 {0}\n"


class World:
    def __init__(self, stage, public, views):
        self.stage, self.traced = stage, os.path.join(stage.dir, "trace")
        self.sinks = self.make_sinks()
        self.returns = stage.sink()
        self.port = self.sinks["one"].port
        inside, outside, behind = (view.address for view in views)
        self.asked = {s.address for s in (public, *views)}
        stage.write(
            settings=f"hostname mx.ours.example\nlisten 127.0.0.1:{stage.port}\n"
            f"relay-from 127.0.0.0/8\nforce-filesystem yes\nresolver {public.address}\n",
            profiles="rfc  alias-without-mx follow\n",
            routes=f"""
*                    mx port={self.port}
follow.pub.example   mx port={self.port} rfc
inside.example       mx query={inside} port={self.port}
outside.example      mx query={outside} port={self.port}
partner.example      mx zone=customer.example.org query={inside} port={self.port}
old.partner.example  lookup-mx:zone=customer.example.org;query={behind};port={self.port}
zone.example         mx zone=pub.example port={self.port}
client.example       {self.returns.route}
""",
        )

    def make_sinks(self):
        """One at each address, all at one port, which somebody may have taken."""
        for tries in range(10, -1, -1):
            sinks = {"one": self.stage.sink(host=HOSTS["one"])}
            try:
                for name in ("two", "three", "six"):
                    sinks[name] = self.stage.sink(host=HOSTS[name], port=sinks["one"].port)
                return sinks
            except Exception:
                if tries == 0:
                    raise
        return None

    def rules(self, **rules):
        for name, sink in self.sinks.items():
            sink.rules(rules.get(name, ""))

    def send(self, *recipients):
        for recipient in recipients:
            reply = self.stage.submit(recipient, BODY)
            if reply[:3] != "250":
                diag(f"{recipient}: {reply!r}")

    def arrived(self, recipient):
        """The host that it arrived at."""
        at = lambda: [
            name
            for name, sink in self.sinks.items()
            if any(recipient in letter.recipients for letter in sink.letters())
        ]
        paths = [sink.kept for sink in self.sinks.values()]
        return wait_until(at, paths, f"{recipient} at some host")

    def goes(self, recipient, host, sentence):
        self.send(recipient)
        is_(self.arrived(recipient), [host], sentence)

    def fails(self, recipient, status, sentence):
        pattern = rf"bounced to=<{re.escape(recipient)}> .*reply=\"([^\"]*)\""
        self.send(recipient)
        text = self.stage.sender.log.wait_for(pattern).group(1)
        like(text, rf"^(\d\d\d )?{re.escape(status)} ", sentence)

    def defers(self, recipient, reason, sentence):
        pattern = rf"deferred to=<{re.escape(recipient)}> .*reply=\"([^\"]*)\""
        self.send(recipient)
        text = self.stage.sender.log.wait_for(pattern).group(1)
        like(text, reason, sentence)

    def connected(self):
        """Where the sender has sent packets or connected to, "ADDRESS:PORT"."""
        with open(self.traced) as f:
            text = f.read()
        to = re.findall(r'sin_port=htons\((\d+)\), sin_addr=inet_addr\("([\d.]+)"\)', text)
        six = re.findall(r'sin6_port=htons\((\d+)\).*?inet_pton\(AF_INET6, "([^"]+)"', text)
        return [f"{a}:{p}" for p, a in to] + [f"[{a}]:{p}" for p, a in six]


def hosts(world):
    world.goes("a@pref.pub.example", "one", "MX in order of preference")
    world.goes("a@bare.pub.example", "two", "no MX: A of the domain")
    world.goes("a@bare6.pub.example", "six", "no MX: AAAA of the domain")
    world.fails("a@alias.pub.example", "5.1.2", "no MX and a CNAME: a permanent failure")
    world.goes("a@follow.pub.example", "two", "a profile option follows RFC 5321 instead")
    world.goes("a@hostalias.pub.example", "three", "an MX host without addresses: its CNAME")
    world.goes("a@many.pub.example", "three", "each address is tried")
    world.goes(f"a@[{NET}.2]", "two", "an address literal")
    world.goes("a@[IPv6:::1]", "six", "an IPv6 literal")
    world.fails("a@null.pub.example", "5.1.10", "null MX")
    world.fails("a@none.pub.example", "5.1.2", "NXDOMAIN is permanent")
    world.fails("a@us.pub.example", "5.4.6", "MX to ourselves")
    world.goes("a@backup.pub.example", "two", "we are a backup: only better hosts")
    world.defers("a@failing.pub.example", r"^4\.4\.3 ", "a failing server is temporary")


def answers(world):
    world.defers("a@refused.pub.example", r"^4\.4\.1 connect", "nobody there: deferred")
    world.rules(one="rcpt * 450 4.2.0 later")
    world.goes("b@busy.pub.example", "two", "a temporary answer: the next host")
    world.rules(one="rcpt * 450 4.2.0 later", two="rcpt * 451 4.3.0 later still")
    world.defers("c@busy.pub.example", r"^451 4\.3\.0 later still", "all tried: deferred")
    world.rules(one="rcpt * 550 5.1.1 nobody")
    opened = len(world.sinks["two"].log.grep("^open "))
    world.fails("d@final.pub.example", "5.1.1", "connected and a permanent answer: stop")
    is_(len(world.sinks["two"].log.grep("^open ")), opened, "no other host is tried")
    world.rules()


def views(world):
    """All at the same time: each route has its servers and its own answers."""
    wanted = {
        "v@inside.example": "one",
        "v@outside.example": "two",
        "v@partner.example": "one",
        "v@old.partner.example": "three",
        "v@zone.example": "two",
    }
    world.send(*wanted)
    got = {recipient: world.arrived(recipient) for recipient in wanted}
    is_(got, {r: [host] for r, host in wanted.items()}, "routes with servers of their own")


def nobody_else(world, strace):
    if not strace:
        skip("strace is not installed")
        return
    pid = world.stage.sender.pid
    world.stage.sender.stop()
    Follower(world.traced).wait_for(rf"^{pid} +[+]+ exited with 0")
    hosts = {f"{a}:{world.port}" for a in HOSTS.values()}
    hosts |= {f"{NET}.{n}:{world.port}" for n in (7, 8, 9)}
    hosts.add(f"127.0.0.1:{world.returns.port}")
    hosts.add("[2000::]:25")  # no packet: is there a way to the IPv6 internet?
    went = world.connected()
    ok(world.asked <= set(went), "each configured server was asked")
    is_(sorted(set(went) - world.asked - hosts), [], "and nobody but them and the hosts")
    for n in (7, 8, 9):
        ok(f"{NET}.{n}:{world.port}" in went, f"address {n} of those that are dead was tried")


def start(stage, world):
    strace = shutil.which("strace")
    if strace:
        calls = "trace=connect,sendto,sendmsg,sendmmsg"
        stage.wrap = lambda name: (
            [strace, "-D", "-f", "-q", "-e", calls, "-o", world.traced]
            if name == "sender"
            else []
        )
    stage.start()
    return strace


# The sanitizer's search for leaks does not work under strace.
with Stage(env={"ASAN_OPTIONS": "detect_leaks=0"}) as stage, Nameserver({"pub.example": PUBLIC}) as public, Nameserver(
    {"inside.example": VIEW.format("in", f"{NET}.1"),
     "customer.example.org": VIEW.format("in", f"{NET}.1")}
) as inside, Nameserver(
    {"outside.example": VIEW.format("out", f"{NET}.2"),
     "inside.example": VIEW.format("out", f"{NET}.2")}
) as outside, Nameserver(
    {"customer.example.org": VIEW.format("old", f"{NET}.3")
     + "old.partner.example MX 10 old\n"}
) as behind:
    world = World(stage, public, (inside, outside, behind))
    strace = start(stage, world)
    hosts(world)
    answers(world)
    views(world)
    nobody_else(world, strace)
done_testing()
