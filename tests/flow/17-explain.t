#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
queue-tool route: each step with its place and its reason, and that what is
explained is what happens.
"""

import json

from stage import *

RULES = """
outgoing  from corp.example  outbound  then copy vault@vault.example
invoices  to billing@home.example  header Subject /invoice|rechnung/
          then route smtp {} and profile patient
quarantine  inbound  header X-Spam-Flag yes  then hold spam
big       size over 1k  outbound  then reject 552 5.3.4 too large
printers  login scanner-*  not to home.example  then discard
branch    client 198.51.100.0/24  then add-header X-Origin: "the branch" and priority 2
second    listener 127.0.0.1:{}  to second.example  then profile patient
"""
ROUTES = """
away.example      smtp {}
away.example from=boss@corp.example smtp {}  patient
sales-*@away.example  smtp {}
.away.example     smtp 10={} 20=[127.0.0.9]:2601 20=[127.0.0.9]:2602
/^[0-9]+@fax/     smtp {}
*                 smtp {}
"""
TEXT = b"From: <x@client.example>\r\nSubject: %s\r\n\r\n%s\r\n"


def explained(stage, *words, rc=0):
    done = stage.tool("route", *words, check=False)
    is_(done.returncode, rc, "queue-tool route " + " ".join(words))
    return done.stdout


def has(text, name, *lines):
    """The lines are there, in this order."""
    like(text, "(?ms)" + ".*".join(rf"^  {line}$" for line in lines), name)


def rules(stage):
    text = explained(stage, "kim@far.example")
    has(
        text,
        "a rule that does not match says which condition, and what it saw",
        r'rule +outgoing: does not match, rules:2: "from corp.example": no sender is given \(--from\)',
        r'rule +invoices: does not match, rules:3: "header Subject /invoice\|rechnung/": no such field is given \(--header\)',
        r'rule +quarantine: does not match, rules:5: "header X-Spam-Flag yes": no such field is given \(--header\)',
        r'rule +big: does not match, rules:6: "size over 1k": no size is given \(--size\)',
        r'rule +printers: does not match, rules:7: "login scanner-\*": no login is given \(--login\)',
        r'rule +branch: does not match, rules:8: "client 198.51.100.0/24": no client is given \(--client\)',
        r'rule +second: does not match, rules:9: "listener 127.0.0.1:\d+": no listener is given \(--listener\)',
        r"rewriting +kim@far.example: no entry",
        r"alias +kim@far.example: no entry",
        r"default route +\*: matches, routes:7",
    )
    text = explained(
        stage, "--from", "jo@client.example", "--client", "192.0.2.7", "--login", "kim",
        "--listener", "127.0.0.1:9", "--size", "100", "--header", "subject: =?utf-8?q?an_offer?=",
        "--header", "X-Spam-Flag: no", "billing@home.example",
    )
    has(
        text,
        "of a message that is described it says what it has",
        r'rule +outgoing: .*"from corp.example": the sender is <jo@client.example>',
        r'rule +invoices: .*"header Subject .*": it is "an offer"',
        r'rule +quarantine: .*"header X-Spam-Flag yes": it is "no"',
        r'rule +big: .*"size over 1k": the size is 100 octets',
        r'rule +printers: .*"login scanner-\*": the login is kim',
        r'rule +branch: .*"client 198.51.100.0/24": the client is 192.0.2.7',
        r'rule +second: .*"listener 127.0.0.1:\d+": the listener is 127.0.0.1:9',
    )
    text = explained(stage, "--login", "scanner-1", "x@home.example")
    has(text, "a condition that must not hold",
        r'rule +printers: does not match, rules:7: "not to home.example": the recipient is <x@home.example>')
    text = explained(stage, "--size", "2k", "x@home.example")
    has(text, "the direction", r'rule +big: does not match, .*"outbound": home.example is a local domain')
    text = explained(stage, "--header", "x-spam-flag: YES", "x@far.example")
    has(text, "the other one", r'rule +quarantine: .*"inbound": far.example is no local domain')


def orders(stage, special):
    text = explained(stage, "--header", "Subject: Invoice 7", "billing@home.example")
    has(
        text,
        "a rule's route goes before the tables",
        rf"rule +invoices: matches, rules:3: route smtp .* and profile patient; no later rule is asked",
        r"tables +all: not asked, rules:3: what a rule sends somewhere goes there",
        r"because +rules:3 orders it",
        rf"next hop +0 127.0.0.1 port {special.port}: rank 1, share 100%",
        r"profile +patient, profiles:1",
    )
    ok("rule           quarantine" not in text, "and before the rules below it")
    text = explained(stage, "--size", "5k", "kim@far.example")
    has(text, "a refusal", r"rule +big: matches, rules:6: reject 552 5.3.4 too large; no later rule is asked",
        r"refused +the sender has a report that says 552 5.3.4 too large")
    text = explained(stage, "--login", "scanner-9", "kim@far.example")
    has(text, "mail that is thrown away", r"rule +printers: matches, rules:7: discard; .*",
        r"discarded +nobody hears of it")
    text = explained(stage, "--header", "X-Spam-Flag: Yes", "jo@home.example")
    has(text, "a hold, with its name and what follows",
        r"rule +quarantine: matches, rules:5: hold spam; no later rule is asked",
        r'held +as "spam", by order of a rule; what follows is for when it is released',
        r'because +domains:1 says "home.example"')
    text = explained(stage, "--client", "198.51.100.3", "--from", "a@corp.example", "kim@far.example")
    has(text, "rules that go on",
        r"rule +outgoing: matches, rules:2: copy vault@vault.example",
        r'rule +branch: matches, rules:8: add-header X-Origin: "the branch" and priority 2',
        r"rule +second: does not match.*",
        r'because +routes:7 says "\*"', r"priority +2")
    text = explained(stage, "--listener", f"127.0.0.1:{stage.port}", "x@second.example")
    has(text, "a profile by order of a rule", r"rule +second: matches, rules:9: profile patient",
        r'because +routes:7 says "\*"', r"profile +patient, profiles:1")


def tables(stage, away):
    text = explained(stage, "--from", "boss@corp.example", "kim@away.example")
    has(text, "rows for a sender", r"domain +away.example from=boss@corp.example: matches, routes:3",
        r'because +routes:3 says "away.example"')
    text = explained(stage, "--from", "jo@corp.example", "kim@away.example")
    has(text, "are not for others",
        r"address +kim@away.example: no entry",
        r"address pattern sales-\*@away.example: does not match, routes:4",
        r"domain +away.example from=boss@corp.example: is for other senders, routes:3",
        r"domain +away.example: matches, routes:2")
    text = explained(stage, "x@a.b.away.example")
    has(text, "hops in their order, with the share that each has",
        r"parent domain  .b.away.example: no entry",
        r"parent domain  .away.example: matches, routes:5",
        rf"next hop +10 127.0.0.1 port {away.port}: rank 1, share 100%",
        r"next hop +20 127.0.0.9 port 260\d: rank 2, share 50%",
        r"next hop +20 127.0.0.9 port 260\d: rank 2, share 50%")
    text = explained(stage, "team@home.example")
    has(text, "an alias", r"rewriting +team@home.example: no entry",
        r"alias +team@home.example: matches, aliases:1: stands for jo@home.example kim@away.example",
        r"replaced +by jo@home.example kim@away.example")
    like(text, r"(?m)^kim@away.example\n(  .*\n)*  because +routes:2", "and where those go")
    text = explained(stage, "--from", "x@old.example", "jo@old.example")
    has(text, "rewriting of a recipient",
        r"rewriting +jo@old.example: matches, rewrites:1: to jo@home.example",
        r"replaced +by jo@home.example",
        r"sender +x@home.example: it is sent on as from this one, rewrites:2")
    text = explained(stage, "nobody@home.example")
    has(text, "one whom the receiver refuses",
        r"recipient +unknown: refused with 5.1.1, as domains:1 says recipients=listed")
    text = explained(stage, "x@mx.example")
    has(text, "mail exchangers, and who is asked for them",
        r"next hop +by the DNS: the mail exchangers of mx.example, below z.example, .*",
        r"asked +192.0.2.53:53")


def for_programs(stage):
    words = ("--from", "boss@corp.example", "team@home.example")
    text = explained(stage, *words)
    rows = [json.loads(line) for line in explained(stage, "--json", *words).splitlines()]
    is_([r["address"] for r in rows], re.findall(r"(?m)^\S.*", text), "JSON: an object each")
    is_([r["answer"] for r in rows], ["replaced", "found", "found"], "JSON: what becomes of each")
    is_(rows[0]["replaced"], ["jo@home.example", "kim@away.example"], "JSON: the alias")
    blocks = re.split(r"(?m)^(?=\S)", text)[1:]
    for row, block in zip(rows, blocks):
        told = [f"{s['step']:<14} {s['key']}: {s['answer']}" + (f", {s['where']}" if "where" in s else "")
                + (f": {s['why']}" if "why" in s else "") for s in row["steps"]]
        lines = [l[2:] for l in block.splitlines()[1:] if not l.startswith("  recipient")]
        is_(told, lines[: len(told)], f"JSON: the steps of {row['address']}")
        ok(all(s["matches"] == (s["answer"] == "matches") for s in row["steps"]), "JSON: what matched")
    is_(rows[2]["priority"], 5, "JSON: a priority")
    row = json.loads(explained(stage, "--json", "--size", "2k", "kim@far.example"))
    is_((row["answer"], row["reply"]), ("refused", "552 5.3.4 too large"), "JSON: a refusal")
    row = json.loads(explained(stage, "--json", "--header", "X-Spam-Flag: Yes", "jo@home.example"))
    is_((row["answer"], row["hold"], row["known"]), ("found", "spam", True), "JSON: a hold")
    row = json.loads(explained(stage, "--json", "x@mx.example"))
    is_(row["mx"], {"domain": "mx.example", "zone": "z.example", "asked": ["192.0.2.53:53"]}, "JSON: the DNS")


def happens(stage, away, special):
    """Mail goes where it was said to go."""
    seen = len(special.letters())
    stage.submit("billing@home.example", TEXT % (b"=?utf-8?q?Rechnung_7?=", b"x"))
    is_(special.wait_letters(seen + 1)[seen].recipients, ["billing@home.example"], "by a rule")
    seen = len(away.letters())
    stage.submit("kim@away.example", TEXT % (b"x", b"x"), sender="jo@corp.example")
    two = sorted(l.recipients for l in away.wait_letters(seen + 2)[seen:])
    is_(two, [["kim@away.example"], ["vault@vault.example"]], "by the table, and a copy")
    stage.submit("x@old.example", TEXT % (b"x", b"x"), sender="x@old.example")
    is_(away.wait_letters(seen + 3)[-1].sender, "x@home.example", "from the sender that was told")


def of_the_queue(stage, away):
    """The same for a message that is there."""
    stage.stop("engine")
    stage.submit(["team@home.example", "billing@home.example"], TEXT % (b"Invoice 8", b"x"))
    (id,) = stage.wait_in("incoming")
    text = explained(stage, id)
    has(text, "in incoming/: as the engine will see it",
        rf"message +{id}, in incoming/, attempts 0",
        r'rule +outgoing: .*"from corp.example": the sender is <sender@client.example>',
        r'rule +invoices: .*"to billing@home.example": the recipient is <team@home.example>',
        r'rule +quarantine: .*"header X-Spam-Flag yes": there is no such field',
        r'rule +printers: .*"login scanner-\*": nobody logged in',
        r'rule +branch: .*: the client is 127.0.0.1',
        r'alias +team@home.example: matches, aliases:1: .*')
    is_(re.findall(r"(?m)^\S.*", text),
        ["team@home.example", "billing@home.example", "jo@home.example", "kim@away.example"],
        "each recipient, and who takes its place")
    has(text, "with its own header", r"rule +invoices: matches, rules:3: route .*")
    is_(stage.queue("incoming"), {"incoming": [id]}, "nothing is changed by asking")
    away.rules("rcpt * 450 4.2.0 not today")
    stage.start("engine", compile=False)
    stage.wait_queue(lambda q: list(q) == ["deferred"], "what waits")
    (name,) = stage.queue("deferred")["deferred"]
    part = name.split(".", 2)[2]
    text = explained(stage, part)
    has(text, "in deferred/: what was decided when it came stays",
        rf"message +{part}, in deferred/, attempts 1",
        r"rules +all: ordered nothing: asked when it came, once and for all",
        r"domain +away.example: matches, routes:2",
        r"calendar +as far as it goes by the map as it is now")
    like(text, r"(?m)^    attempt 2 +20\S+Z$", "the calendar goes on with the second attempt")
    rows = [json.loads(line) for line in explained(stage, "--json", part).splitlines()]
    is_([(r["id"], r["state"], r["address"]) for r in rows],
        [(part, "deferred", "jo@home.example"), (part, "deferred", "kim@away.example")], "JSON: of the queue")
    away.rules("")
    stage.tool("flush")
    stage.assert_spool_empty()
    stage.submit("jo@home.example", b"X-Spam-Flag: yes\r\n" + TEXT % (b"x", b"x"))
    (id,) = stage.wait_in("held")
    text = explained(stage, id)
    has(text, "in held/: which rule has put it there",
        r"rule +hold spam: has ordered it, rules:5: asked 20\S+Z, once and for all",
        r'held +as "spam", by order of a rule; .*', r"because +domains:1 .*")
    like(explained(stage, "0" * 18, rc=1), "is not in the queue", "one that is gone")
    stage.tool("delete", id)


def refused_by_the_engine(stage):
    """What it will find in the header is foreseen, and then it does."""
    received = b"Received: from a by b; Sat, 21 Nov 2026 06:01:02 +0000\r\n"
    cases = (
        ("jo@home.example", received * 101, "5.4.6 too many hops: the message is in a loop",
         r"loop +Received:: too many such fields: hops-max is 100"),
        ("team@home.example", b"Delivered-To: Team@home.example\r\n",
         "5.4.6 mail loop: it was delivered to this alias before",
         r"loop +Delivered-To:: has this alias: the message was delivered to it before"),
        ("jo@home.example", b"X-Long: %s\r\n" % (b"x" * 900) * 1200, "554 5.6.0 the header is too large",
         r"rules +all: cannot be asked: some are about the header, and it is longer than 1 MiB"),
        ("jo@home.example", received * 100, None, r"because +domains:1 .*"),
        ("team@home.example", b"Delivered-To: kim@away.example\r\n", None,
         r"alias +team@home.example: matches, aliases:1: .*"),
    )
    stage.stop("engine")
    path = os.path.join(stage.dir, "content")
    ids = []
    for to, header, reason, step in cases:
        with open(path, "wb") as f:
            f.write(header + TEXT % (b"x", b"x"))
        stage.run(program("spool-put"), "-S", "incoming", "-c", path, "-f", "x@client.example", stage.spool, to)
        (id,) = set(stage.queue("incoming")["incoming"]) - set(ids)
        ids.append(id)
        text = explained(stage, id)
        if reason:
            has(text, f"it will be refused: {reason}", step,
                "refused +the sender has a report that says " + reason)
            ok("next hop" not in text, "and goes nowhere")
        else:
            has(text, "it will go on", step)
            ok("refused" not in text, "and is not refused")
    stage.start("engine", compile=False)
    stage.assert_spool_empty()
    said = "\n".join(stage.engine.log.lines() + stage.sender.log.lines())
    for (to, _, reason, _), id in zip(cases, ids):
        if reason:
            ok(re.search(rf"{id}: .*{re.escape(reason)}", said), f"and it is: {reason}")
        else:
            ok(re.search(rf"{id}\S*: delivered to=", said), f"and {to} has it")


def routed_before(stage):
    """Rules are not asked again about what has left incoming/."""
    stage.run(program("spool-put"), "-S", "processed", "-f", "jo@corp.example", stage.spool, "kim@far.example")
    (name,) = stage.queue("processed")["processed"]
    id = name.split(".", 1)[1]
    text = explained(stage, id)
    has(text, "in processed/: the rules were asked, whatever they say now",
        rf"message +{id}, in processed/, attempts 0",
        r"rules +all: ordered nothing: asked when it came, once and for all", r"address +kim@far.example: no entry")
    ok("outgoing" not in text and "alias" not in text, "nor aliases")
    stage.tool("delete", id)


def mistakes(stage):
    for words, want in (
        (("x",), 'queue-tool: "x": expected'),
        (("--from", "nobody", "x@a.example"), 'queue-tool: "nobody": expected'),
        (("--client", "a.example", "x@a.example"), "expected a client's address such as 192.0.2.1"),
        (("--listener", "me", "x@a.example"), 'queue-tool: "me": expected'),
        (("--size", "big", "x@a.example"), "expected a size such as 500k or 20m"),
        (("--header", "Subject", "x@a.example"), 'expected a header field such as "Subject: hello"'),
        ((), "usage: queue-tool"),
        (("--colour", "x@a.example"), "unrecognized option '--colour'"),
    ):
        like(explained(stage, *words, rc=2), re.escape(want), "is told")


with Stage(
    profiles="patient retry 60m 120m 180m  retries 30",
    aliases="team@home.example jo@home.example kim@away.example",
    rewrites="recipient @old.example @home.example\nsender @old.example @home.example",
    recipients="jo@home.example x@home.example team@home.example billing@home.example",
    settings="resolver 192.0.2.53",
) as stage:
    away, special = stage.sink(), stage.sink()
    hop = away.route.split()[1]
    stage.write(
        rules=RULES.format(special.route.split()[1], stage.port),
        routes=ROUTES.format(*[hop] * 6) + "mx.example mx zone=z.example\n",
        domains=f"home.example recipients=listed {away.route}",
    )
    stage.compile()
    rules(stage)
    orders(stage, special)
    tables(stage, away)
    for_programs(stage)
    mistakes(stage)
    routed_before(stage)
    stage.start(compile=False)
    happens(stage, away, special)
    of_the_queue(stage, away)
    refused_by_the_engine(stage)
done_testing()
