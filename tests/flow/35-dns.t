#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Where mail goes by the DNS: the sender's resolver against a real server."""

import collections
import itertools
import os
import signal
import socket
import subprocess

from follow import DEADLINE
from nameserver import Nameserver
from process import descendants, program
from tap import done_testing, is_, like, ok

TOOL = program("sender_resolve")

ZONES = {
    "a.example": """
@       MX 20 second
@       MX 10 first
@       A 192.0.2.99
first   A 192.0.2.1
first   A 192.0.2.2
second  A 192.0.2.3
second  AAAA 2001:db8::3
""",
    "equal.example": """
@       MX 10 x
@       MX 10 y
@       MX 20 z
x       A 192.0.2.1
y       A 192.0.2.2
z       A 192.0.2.3
""",
    "b.example": """
host        A 192.0.2.7
six         AAAA 2001:db8::7
alias       CNAME host
aliasmx     CNAME withmx
withmx      MX 10 host
chain       MX 10 one
one         CNAME two
two         CNAME host
dangling    CNAME gone
empty       TXT "nothing for mail"
null        MX 0 .
nohost      MX 10 gone
halfhost    MX 10 gone
halfhost    MX 20 host
odd         MX 10 a\\032b
odd         MX 20 host
loop        CNAME loop2
loop2       CNAME loop
*.wild      MX 10 host
backup      MX 10 host
backup      MX 20 mail.our.example.
backup      MX 20 six
primary     MX 10 mail.our.example.
primary     MX 20 host
atours      MX 10 ours
atours      MX 20 host
ours        A 127.0.0.1
outside     MX 10 mx.unserved.example.
mixed       MX 10 mx.unserved.example.
mixed       MX 20 host
big         MX 10 host
""" + "".join(f"big MX 20 mail-host-number-{n}\n" for n in range(90)),
    "c.test": "@ A 192.0.2.8\n",
}


def ask(*questions, resolvers=(), options=()):
    """The answers to (route, domain), in order; all are asked at once."""
    argv = [TOOL, *options]
    for server in resolvers:
        argv += ["-r", server.address if hasattr(server, "address") else server]
    lines = "".join(f"{route}\t{domain}\n" for route, domain in questions)
    out = subprocess.run(
        argv, input=lines, stdout=subprocess.PIPE, text=True, timeout=100, check=True
    ).stdout.splitlines()
    answers = dict(line.split(" ", 1) for line in out)
    return [answers[str(n)] for n in range(len(questions))]


def by_host(answer):
    """The answer with each host's addresses sorted."""
    hosts = itertools.groupby(answer.split(), lambda word: word.split("=")[0])
    return [sorted(words) for _, words in hosts]


def each(server, cases, **kwargs):
    """Cases: name -> (route, domain, answer).  Addresses of one host may come
    in any order: servers turn them, and IPv6 is first where it leads out."""
    answers = ask(*(case[:2] for case in cases.values()), resolvers=[server], **kwargs)
    for (name, case), answer in zip(cases.items(), answers):
        is_(by_host(answer), by_host(case[2]), name)


def hosts_in_order(server):
    each(server, {
        "MX hosts by preference, each with all its addresses": (
            "mx", "a.example",
            "ok first.a.example=192.0.2.1:25 first.a.example=192.0.2.2:25 "
            "second.a.example=192.0.2.3:25 second.a.example=2001:db8::3:25"),
        "the port of the route": (
            "mx port=2525", "wild.card.wild.b.example",
            "ok host.b.example=192.0.2.7:2525"),
        "an MX host's CNAME is followed": (
            "mx", "chain.b.example", "ok one.b.example=192.0.2.7:25"),
        "an alias whose target has MX": (
            "mx", "aliasmx.b.example", "ok host.b.example=192.0.2.7:25"),
        "an MX host without address is passed over": (
            "mx", "halfhost.b.example", "ok host.b.example=192.0.2.7:25"),
        "so is one with a name that is none": (
            "mx", "odd.b.example", "ok host.b.example=192.0.2.7:25"),
        "an answer that needs TCP": (
            "mx", "big.b.example", "ok host.b.example=192.0.2.7:25"),
        "a configured hop, by its addresses": (
            "smtp 10=second.a.example:26 20=[192.0.2.9]", "x.example",
            "ok second.a.example=192.0.2.3:26 "
            "second.a.example=2001:db8::3:26 [192.0.2.9]=192.0.2.9:25"),
        "a configured hop that is an alias": (
            "lmtp alias.b.example", "x.example",
            "ok alias.b.example=192.0.2.7:24"),
        "a zone that libunbound would answer by itself": (
            "mx", "c.test", "ok c.test=192.0.2.8:25"),
    })


def without_mx(server):
    each(server, {
        "no MX: the address of the domain": (
            "mx", "host.b.example", "ok host.b.example=192.0.2.7:25"),
        "no MX: IPv6 alone": (
            "mx", "six.b.example", "ok six.b.example=2001:db8::7:25"),
        "no MX, and the address look-up gives a CNAME": (
            "mx", "alias.b.example",
            "permanent 5.1.2 domain alias.b.example has no MX and is an alias"),
        "null MX": (
            "mx", "null.b.example",
            "permanent 5.1.10 domain null.b.example takes no mail (null MX)"),
        "NXDOMAIN": (
            "mx", "none.b.example",
            "permanent 5.1.2 domain none.b.example does not exist"),
        "an alias of nothing": (
            "mx", "dangling.b.example",
            "permanent 5.1.2 domain dangling.b.example does not exist"),
        "neither MX nor address": (
            "mx", "empty.b.example",
            "permanent 5.4.4 domain empty.b.example has neither MX nor address"),
        "an MX host that does not exist": (
            "mx", "nohost.b.example",
            "permanent 5.4.4 no MX host of nohost.b.example has an address"),
    })


def ourselves(server):
    each(server, {
        "we are a backup: only better hosts": (
            "mx", "backup.b.example", "ok host.b.example=192.0.2.7:25"),
        "we are the best host": (
            "mx", "primary.b.example",
            "permanent 5.4.6 the best mail host of primary.b.example is ourselves"),
        "at our address under another name": (
            "mx", "atours.b.example",
            "permanent 5.4.6 the best mail host of atours.b.example is ourselves"),
        "there, but another port": (
            "mx port=26", "atours.b.example",
            "ok ours.b.example=127.0.0.1:26 host.b.example=192.0.2.7:26"),
    }, options=["-l", "0.0.0.0:25"])


def failures(server):
    """nsd refuses what is in none of its zones; libunbound sees a failure."""
    answers = ask(
        ("mx", "unserved.example"), ("mx", "outside.b.example"),
        ("mx", "mixed.b.example"), ("mx", "loop.b.example"),
        ("smtp none.b.example", "x"), resolvers=[server])
    like(answers[0], r"^temporary 4\.4\.3 .*MX of unserved\.example: no usable answer",
        "a server that refuses or fails is a temporary failure")
    like(answers[1], r"^temporary 4\.4\.3 .*of mx\.unserved\.example:",
        "and so is one for the only MX host")
    is_(answers[2], "ok host.b.example=192.0.2.7:25",
        "a host that cannot be looked up now is passed over")
    like(answers[3], r"^temporary 4\.4\.3 ", "a loop of aliases")
    is_(answers[4], "temporary 4.4.4 no next hop of the route has an address",
        "a configured hop that does not exist")


def without_resolver():
    each_ = ask(("mx", "a.example"), ("mx", "[192.0.2.5]"),
        ("smtp 10=name.example 20=[192.0.2.9]:2525", "x"), ("lmtp unix:/run/lmtp", "x"))
    is_(each_[0], "temporary 4.4.3 DNS look-up of MX of a.example: "
        "no resolver configured: see stagepost-settings(5)", "no resolver: said so")
    is_(each_[1], "ok [192.0.2.5]=192.0.2.5:25", "an address literal needs none")
    is_(each_[2], "ok [192.0.2.9]=192.0.2.9:2525", "nor does a literal hop")
    is_(each_[3], "ok /run/lmtp", "nor a unix socket")


def equal_hosts_share(server):
    """400 questions: the first of two equal hosts is each of them between 140
    and 260 times, but for a chance below 1e-9."""
    answers = ask(*[("mx", "equal.example")] * 400, resolvers=[server])
    first = collections.Counter(a.split("=")[0] for a in answers)
    ok(all(140 < first[f"ok {h}.equal.example"] < 260 for h in "xy"),
        f"equal preferences share the load: {dict(first)}")
    ok(all(a.endswith("z.equal.example=192.0.2.3:25") for a in answers),
        "the worse host always comes last")


def views(server):
    """Two servers that know a zone differently, and routes that ask one each."""
    inside = {"customer.example.org": """
partner.example  MX 10 in1
partner.example  MX 20 mail.outside.example.
in1              A 192.0.2.31
mail.outside.example A 192.0.2.32
""", "a.example": "@ MX 10 inner\ninner A 192.0.2.33\n"}
    with Nameserver(inside) as other:
        zone = f"mx zone=customer.example.org query={other.address}"
        old = f"lookup-mx:zone=customer.example.org;query={other.address}"
        answers = ask(
            (zone, "partner.example"), (old, "partner.example"),
            (f"mx query={other.address}", "a.example"), ("mx", "a.example"),
            ("mx zone=customer.example.org", "partner.example"),
            ("mx zone=b.example", "host"), resolvers=[server])
        want = ("ok in1.customer.example.org=192.0.2.31:25 "
            "mail.outside.example=192.0.2.32:25")
        is_(answers[0], want, "zone= and query= together")
        is_(answers[1], want, "the old spelling")
        is_(answers[2], "ok inner.a.example=192.0.2.33:25", "query= alone")
        like(answers[3], r"^ok first\.a\.example=192\.0\.2\.[12]:25 ",
            "at the same time another route sees the other view")
        like(answers[4], r"^temporary 4\.4\.3 .*partner\.example\.customer",
            "zone= alone asks the configured servers")
        is_(answers[5], "ok host=192.0.2.7:25", "and finds what they have")


def many_sets(server):
    """More sets of servers than are kept, each with one that is not there."""
    routes = [(f"mx query={server.address},127.0.0.1:{n}", "host.b.example")
        for n in range(1, 81)]
    is_(set(ask(*routes, resolvers=[server])), {"ok host.b.example=192.0.2.7:25"},
        "80 routes with servers of their own")


def silent_server(server):
    """A server that takes questions and answers none."""
    with socket.socket(type=socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        mute = "127.0.0.1:%d" % deaf.getsockname()[1]
        answers = ask(("mx", "a.example"), resolvers=[mute, server])
        like(answers[0], r"^ok first\.a\.example=", "the other server is asked")
        answers = ask(("mx", "a.example"), resolvers=[mute])
        like(answers[0], r"^temporary 4\.4\.3 .*MX of a\.example", "silence alone")
        ok(deaf.recv(512)[2] & 1, "it was asked to recurse")


def a_crash(server):
    """The process that reads packets dies with a question under way; the one
    that the worker has for a child does not."""
    with socket.socket(type=socket.SOCK_DGRAM) as deaf:
        deaf.settimeout(DEADLINE)
        deaf.bind(("127.0.0.1", 0))
        mute = "127.0.0.1:%d" % deaf.getsockname()[1]
        tool = subprocess.Popen([TOOL, "-r", server.address], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        tool.stdin.write(f"mx query={mute}\ta.example\n")
        tool.stdin.flush()
        deaf.recv(512)
        os.kill(descendants(tool.pid)[-1], signal.SIGSEGV)
        is_(tool.stdout.readline(), "0 temporary 4.4.3 DNS look-up of MX of a.example: "
            "the resolver died while it was asked\n", "a resolver dies: later")
        out, err = tool.communicate("mx\thost.b.example\n", timeout=DEADLINE)
        is_(out, "1 ok host.b.example=192.0.2.7:25\n", "the next question is answered")
        like(err, r"resolver: died by \w+ \d+: starting another", "the log says so")
        is_(tool.returncode, 0, "and the worker has lived on")


with Nameserver(ZONES) as nsd:
    hosts_in_order(nsd)
    without_mx(nsd)
    ourselves(nsd)
    failures(nsd)
    without_resolver()
    equal_hosts_share(nsd)
    views(nsd)
    many_sets(nsd)
    a_crash(nsd)
    silent_server(nsd)
done_testing()
