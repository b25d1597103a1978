#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What people do with the queue, with no daemon running."""

import json
import os
import re
import time

from stage import *

ROUTES = """
example.net     smtp 10=[127.0.0.1]:2525 20=[127.0.0.1]:2526
.example.net    lmtp unix:/run/lmtp
*               mx
* from=boss@c.example smtp [127.0.0.1]:2527
/^[0-9]+@fax/   lmtp unix:/run/fax
abuse@*         mx
"""


def put(stage, *words):
    done = stage.run(program("spool-put"), *words[:-1], stage.spool, words[-1])
    return re.findall(r"(?m)^\w{18}$", done.stdout)


def tool(stage, *words, rc=0):
    """queue-tool's output; its exit status is checked."""
    done = stage.tool(*words, check=False)
    is_(done.returncode, rc, "queue-tool " + " ".join(words))
    return done.stdout


def names(stage, state):
    return stage.queue(state).get(state, [])


def paths(stage, state):
    walk = os.walk(os.path.join(stage.spool, state))
    return sorted(os.path.join(where, name) for where, _, files in walk for name in files)


def seeing(stage):
    (first,) = put(stage, "-f", "ann@example.org", "ben@example.net")
    due = str(int(time.time()) + 4000)
    (later,) = put(stage, "-S", "deferred", "-d", due, "-f", "", "eve@example.com")
    text = tool(stage, "list")
    like(text, rf"{first} processed .* from=<ann@example.org> to=<ben@", "list")
    like(text, rf"{later} deferred .* next=1h0\dm .* from=<> to=<eve@", "and a deferred one")
    rows = [json.loads(line) for line in tool(stage, "list", "--json").splitlines()]
    is_({r["id"]: r["state"] for r in rows}, {first: "processed", later: "deferred"}, "JSON")
    is_(rows[0]["recipients"], [{"address": "ben@example.net", "status": "waiting"}], "recipients")
    for words, want in (
        (("--sender", "ANN@example.org"), first),
        (("--sender", "<>"), later),
        (("--state", "deferred"), later),
        (("--younger", "1h", "--state", "processed"), first),
        ((first,), first),
    ):
        rows = tool(stage, "list", "--json", *words).splitlines()
        is_([json.loads(r)["id"] for r in rows], [want], "only that one")
    like(tool(stage, "list", "--older", "1d", rc=1), "nothing matches", "none")
    like(tool(stage, "list", "--state", "lost", rc=2), "no state \"lost\"", "a wrong state")
    text = tool(stage, "show", later)
    like(text, r"sender +<>\n", "show: the sender")
    like(text, r"next +20\S+Z \(in 1h", "show: when it goes on")
    like(text, r"recipient +eve@example.com\n +not tried yet", "show: recipients")
    like(text, r"route +mx .*routes:4, profile default", "show: where to")
    is_(tool(stage, "cat", first), "Subject: a test\n\nHello.\n", "cat")
    like(tool(stage, "cat", "--raw", first), "Hello.\r?\n", "cat --raw")
    like(tool(stage, "show", "0" * 18, rc=1), "no such entry", "one that is not there")
    like(tool(stage, "show", "../x", rc=2), "no queue id", "a name that is none")
    return first, later


def acting(stage, first, later):
    like(tool(stage, "hold", "--why", "looks odd", first), "held", "hold")
    is_(names(stage, "held"), [first], "is a rename")
    like(tool(stage, "show", first), r'hold text="looks odd" who="\w+"', "with a record")
    like(tool(stage, "hold", first, rc=1), "nothing that can be held", "only once")
    like(tool(stage, "release", first), "released", "release")
    is_(names(stage, "incoming"), [first], "goes to be routed")
    like(tool(stage, "requeue", later), "requeued", "requeue")
    is_(names(stage, "incoming"), sorted([first, later]), "goes there too")
    like(tool(stage, "delete", rc=2), "name entries", "delete wants to know which")
    tool(stage, "delete", first, later)
    is_(names(stage, "incoming"), [], "delete")
    (claimed,) = put(stage, "-S", "sending", "ben@example.net")
    like(tool(stage, "hold", claimed), "after the attempt", "a claimed one is left alone")
    ok(names(stage, "sending")[0].endswith(claimed), "it stays where it is")
    is_(os.listdir(os.path.join(stage.spool, "control")), [f"hold.{claimed}"], "the order waits")


def flushing(stage):
    due = str(int(time.time()) + 90000)
    here = put(stage, "-n", "3", "-S", "deferred", "-d", due, "-t", "one", "a@example.net")
    put(stage, "-n", "2", "-S", "deferred", "-d", due, "-t", "two", "b@example.net")
    tag = json.loads(tool(stage, "list", "--json", here[0]))["destination"]
    like(tool(stage, "flush", tag), "^3 deferred", "flush one destination")
    is_(len(names(stage, "deferred")), 2, "and not the other")
    like(tool(stage, "flush"), "^2 deferred", "flush all")
    tool(stage, "delete", "--state", "processed")


def routing(stage):
    text = tool(stage, "route", "x@example.net")
    like(text, r"x@example.net: no entry", "route: each step")
    like(text, r"example.net: matches, \S*routes:2", "with file and line")
    like(text, r"next hop +10 127.0.0.1 port 2525: rank 1, share 100%\n +next hop +20 .*: rank 2, share 100%", "and hops in order")
    like(tool(stage, "route", "x@a.b.example.net"), r"\.example\.net: matches", "a parent domain")
    like(tool(stage, "route", "x@example.com"), r"because .*\"\*\"", "the default")
    text = tool(stage, "route", "--from", "boss@c.example", "x@example.com")
    like(text, r"\* from=boss@c.example: matches, \S*routes:5", "a sender's route")
    text = tool(stage, "route", "12@fax.example")
    like(text, r"expression +/\^\[0-9\]\+@fax/: matches, \S*routes:6", "an expression")
    like(text, r"address pattern +abuse@\*: does not match, \S*routes:7", "and an address pattern")
    like(tool(stage, "route", "no address", rc=2), "expected", "no address")


def verifying(stage):
    stage.run("rm", "-f", *paths(stage, "sending"))
    put(stage, "-n", "3", "a@example.net")
    like(tool(stage, "verify"), "all good", "verify")
    path = paths(stage, "processed")[0]
    with open(path, "r+b") as f:
        f.seek(-3, os.SEEK_END)
        f.write(b"X")
    like(tool(stage, "verify", rc=1), r"BAD processed/\S+: content does not match", "one octet")
    with open(path, "r+b") as f:
        f.truncate(100)
    like(tool(stage, "verify", rc=1), r"BAD processed/\S+: preamble", "a torn file")
    like(tool(stage, "list"), "damaged: preamble", "which list shows too")


with Stage(routes=ROUTES, settings="resolver 127.0.0.1") as stage:
    stage.compile()
    acting(stage, *seeing(stage))
    flushing(stage)
    routing(stage)
    verifying(stage)
done_testing()
