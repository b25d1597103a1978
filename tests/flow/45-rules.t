#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Rules: what they see of a message, what they do with it, and that they are
asked once, whatever happens in between."""

import os

from stage import *

TEXT = b"From: <clerk@home.example>\r\nSubject: a question\r\n\r\nWhen?\r\n"


def with_header(*fields):
    return b"\r\n".join(fields) + b"\r\n" + TEXT


def rules(stage, text):
    stage.write(rules=text)
    stage.compile()


def first(stage, sink, to, content=TEXT, sender="clerk@home.example"):
    """The next letter that this sink gets."""
    seen = len(sink.letters())
    like(stage.submit(to, content, sender), "^250", f"a message to {to}")
    return sink.wait_letters(seen + 1)[seen]


def goes_to(stage, sink, text, to, content=TEXT, sender="clerk@home.example", name=""):
    rules(stage, text)
    letter = first(stage, sink, to, content, sender)
    recipients = [to] if isinstance(to, str) else to
    is_(letter.recipients, recipients, name or text)


def a_rule_beats_all_below(stage, away, special):
    route = f"then route {special.route}"
    goes_to(stage, special, f"r to you@away.example {route}", "you@away.example",
            name="a rule's route beats the routing table")
    goes_to(stage, special, f"r to home.example {route}", "you@home.example",
            name="and the local domain")
    goes_to(stage, special, f"r to .elsewhere.example {route}", "you@far.elsewhere.example",
            name="and the default route")
    goes_to(stage, away, f"r to .away.example {route}", "you@away.example",
            name="what does not match goes by the table")
    goes_to(stage, special, f"a to x.example then route {away.route}\n"
            f"b to away.example {route}\nc then route {away.route}", "you@away.example",
            name="the first rule that matches has the answer")


def what_rules_see(stage, away, special):
    route = f"then route {special.route}"
    yes = {
        "from clerk@home.example": {},
        "from home.example": {},
        "from *k@home.example": {},
        "from /^cl[aeiou]rk@/": {},
        "from <>": {"sender": ""},
        "to away.example": {},
        "client 127.0.0.0/8": {},
        "not login *": {},
        "listener " + f"127.0.0.1:{stage.port}": {},
        "size under 2k": {},
        "size over 5k": {"content": TEXT + b"x\r\n" * 3000},
        "header Subject": {},
        "header subject \"a question\"": {},
        "header Subject *QUESTION": {},
        "header Subject /invoice \\d+/": {
            "content": with_header(b"Subject: =?utf-8?Q?your_inv?=\r\n =?utf-8?B?b2ljZSA3?=")
        },
        "header X-Long \"one two three\"": {"content": with_header(b"X-Long: one\r\n\ttwo\r\n three")},
        "not header X-Absent": {},
        "outbound": {},
        "from home.example to away.example size under 2k outbound": {},
    }
    for conditions, message in yes.items():
        goes_to(stage, special, f"r {conditions} {route}", "you@away.example", **message)
    no = [
        "from clerk@away.example", "from <>", "to .away.example", "client 192.0.2.0/24 local",
        "login *", "size over 2k", "header Subject question", "header Subject /^question/",
        "header X-Absent", "inbound", "not outbound", "from home.example inbound",
        "header Subject /Q(?-i)UESTION/",
    ]
    for conditions in no:
        goes_to(stage, away, f"r {conditions} {route}", "you@away.example",
                name=f"does not match: {conditions}")
    goes_to(stage, special, f"r inbound {route}", "you@home.example")


def each_recipient_by_itself(stage, away, special):
    rules(stage, f"r to b@away.example then route {special.route}")
    seen = len(away.letters())
    letter = first(stage, special, ["a@away.example", "b@away.example"])
    is_(letter.recipients, ["b@away.example"], "a rule's route is for whom it matched")
    is_(away.wait_letters(seen + 1)[seen].recipients, ["a@away.example"], "the other goes as ever")
    stage.assert_spool_empty()


def a_copy_for_the_archive(stage, away, vault):
    rules(stage, f"keep from home.example then copy vault@vault.example via {vault.route}")
    seen = len(away.letters())
    copy = first(stage, vault, ["a@away.example", "b@away.example"])
    is_(away.wait_letters(seen + 1)[seen].recipients, ["a@away.example", "b@away.example"],
        "the message goes on")
    is_(copy.recipients, ["vault@vault.example"], "the archive has a copy")
    is_(copy.sender, "", "with a null sender, so that it never bounces to anybody")
    is_(copy.header("X-Envelope-From"), ["<clerk@home.example>"], "it tells who sent it")
    is_(copy.header("X-Envelope-To"), ["<a@away.example>,\t<b@away.example>"], "and to whom")
    ok(copy.content.endswith(TEXT), "its content is that of the message")
    stage.assert_spool_empty()


def a_copy_never_bounces(stage, away, vault, home):
    vault.restart("rcpt * 550 5.1.1 no archive here")
    letters = len(home.letters())
    first(stage, away, "a@away.example")
    stage.sender.log.wait_for(r"bounced|failed to=<vault@vault.example>")
    stage.assert_spool_empty()
    is_(len(home.letters()), letters, "nobody hears that the archive refused it")
    vault.restart("")


def header_fields(stage, away, home):
    rules(stage, 'seen from home.example then add-header X-Seen: "by the gateway"\n'
          "b to b@away.example then add-header X-For: b and continue")
    letter = first(stage, away, "a@away.example", TEXT + b"..stuffed\r\n")
    is_(letter.header("X-Seen"), ["by the gateway"], "a header field is added")
    ok(letter.content.startswith(b"X-Seen: by the gateway\r\nReceived:"), "in front")
    size = int(re.search(r"SIZE=(\d+)", letter.mail).group(1))
    ok(size > len(TEXT), "SIZE knows of it")
    seen = len(away.letters())
    stage.submit(["a@away.example", "b@away.example"], TEXT, "clerk@home.example")
    two = {l.recipients[0]: l for l in away.wait_letters(seen + 2)[seen:]}
    is_(two["a@away.example"].header("X-For"), [], "nobody sees what is for others")
    is_(two["b@away.example"].header("X-For"), ["b"], "who it is for does")
    stage.submit("you@box.example", TEXT, "clerk@home.example")
    stage.assert_spool_empty()
    (path,) = [os.path.join(d, n) for d, _, ns in os.walk(os.path.join(stage.spool, "mail"))
               for n in ns if "/new" in d]
    with open(path, "rb") as f:
        like(f.read().decode(), r"(?m)^X-Seen: by the gateway$", "in a maildir, too")


def held(stage, away):
    rules(stage, "odd header X-Odd then hold quarantine")
    stage.submit("a@away.example", with_header(b"X-Odd: yes"), "clerk@home.example")
    (ident,) = stage.wait_in("held")
    like(stage.tool("show", ident).stdout, "hold.*quarantine", "held, under its name")
    like(stage.tool("show", ident).stdout, r"quarantine \(rules:1\)", "and the rule's place")
    seen = len(away.letters())
    stage.tool("release", ident)
    is_(len(away.wait_letters(seen + 1)), seen + 1, "released: not held by the same rule again")
    stage.assert_spool_empty()


def refused(stage, away, home):
    rules(stage, "no to no@away.example then reject 550 5.7.9 not with us")
    seen = len(home.letters())
    letter = first(stage, away, ["no@away.example", "yes@away.example"])
    is_(letter.recipients, ["yes@away.example"], "only who is not refused has it")
    report = home.wait_letters(seen + 1)[seen].content.decode()
    like(report, r"(?s)Final-Recipient:[^\n]*no@away.example.*Status: 5\.7\.9", "the sender has a report")
    like(report, "not with us", "with the rule's words")
    ok("yes@away.example" not in report.split("message/delivery-status")[1].split("--")[0],
       "and not about the other one")
    stage.assert_spool_empty()


def discarded(stage, away, home):
    rules(stage, "gone from clerk@home.example then discard")
    been, seen = len(home.letters()), len(away.letters())
    like(stage.submit("a@away.example", TEXT, "clerk@home.example"), "^250", "taken")
    stage.assert_spool_empty("discarded")
    is_((len(home.letters()), len(away.letters())), (been, seen), "nobody hears of it")


def profile_and_priority(stage, away):
    rules(stage, "r from home.example then profile slow and priority 2")
    away.rules("rcpt * 451 4.3.0 later")
    stage.submit("a@away.example", TEXT, "clerk@home.example")
    (name,) = stage.wait_in("deferred")
    is_(name.split(".")[1][0], "2", "the priority is in its name")
    like(stage.tool("show", name.split(".")[2]).stdout, "profile slow", "the profile is the rule's")
    away.rules("")
    seen = len(away.letters())
    stage.tool("flush")
    is_(len(away.wait_letters(seen + 1)), seen + 1, "and it goes as ever")
    stage.assert_spool_empty()


def asked_once(stage, away, special, vault):
    """Queued mail follows the map; the rules' answers stay."""
    away.rules("rcpt * 451 4.3.0 later")
    special.rules("rcpt * 451 4.3.0 later")
    rules(stage, f"r to r@away.example then route {special.route} and "
          "copy vault@vault.example and continue")
    copies = len(vault.letters())
    stage.submit("r@away.example", TEXT, "clerk@home.example")
    stage.submit("n@away.example", TEXT, "clerk@home.example")
    stage.wait_in("deferred", 2)
    is_(len(vault.wait_letters(copies + 1)), copies + 1, "one copy")
    away.rules("")
    special.rules("")
    # other rules, and another route for what none of them matched
    stage.write(
        rules=f"all then copy vault@vault.example and route {away.route}",
        routes=stage.routes.replace(f"away.example  {away.route}", f"away.example  {special.route}"),
    )
    stage.compile()
    seen, been = len(special.letters()), len(away.letters())
    stage.tool("flush")
    got = [l.recipients[0] for l in special.wait_letters(seen + 2)[seen:]]
    is_(sorted(got), ["n@away.example", "r@away.example"],
        "the rule's route stays; what no rule matched follows the table")
    stage.assert_spool_empty()
    is_(len(away.letters()), been, "the new rules were not asked")
    is_(len(vault.letters()), copies + 1, "and no second copy was made")
    stage.write(routes=stage.routes)


def one_copy_in_spite_of_a_crash(stage, away, vault):
    """Killed between the journal's flush and the rename: the copy is there
    once."""
    rules(stage, f"keep from home.example then copy vault@vault.example via {vault.route}")
    stage.stop("engine")
    copies, seen = len(vault.letters()), len(away.letters())
    stage.submit("a@away.example", TEXT, "clerk@home.example")
    for step in ("fdatasync:signal=KILL:when=2", "renameat2:signal=KILL:when=1",
                 "renameat2:signal=KILL:when=2"):
        stage.start_with_fault("engine", step, "was killed by SIGKILL|copied as=")
        stage.engine.kill_all()
    stage.start("engine", compile=False)
    is_(len(vault.wait_letters(copies + 1)), copies + 1, "killed at three places: one copy")
    is_(len(away.wait_letters(seen + 1)), seen + 1, "and one message")
    stage.assert_spool_empty()
    is_(len(vault.letters()), copies + 1, "not two")
    is_(len(away.letters()), seen + 1, "of either")
    left = [n for s in range(16) for n in os.listdir(os.path.join(stage.spool, "tmp", f"engine.{s}"))]
    is_(left, [], "nothing is left in tmp/")


def a_limit_is_no_answer(stage, away):
    rules(stage, "evil header Subject /^(a+)+$/ then discard")
    stage.submit("a@away.example", b"Subject: " + b"a" * 60 + b"!\r\n\r\nx\r\n", "clerk@home.example")
    stage.engine.log.wait_for(r'rule evil at rules:1 cannot answer "header Subject')
    is_(len(stage.wait_in("incoming")), 1, "it stays until there is an answer")
    seen = len(away.letters())
    rules(stage, "")
    is_(len(away.wait_letters(seen + 1)), seen + 1, "a better map lets it go on")
    stage.assert_spool_empty()


with Stage(profiles="slow  retry 1h", domains="home.example\nbox.example maildir:mail/%d/%u") as stage:
    away, special, vault, home = (stage.sink() for _ in range(4))
    stage.routes = (
        f"away.example  {away.route}\nvault.example  {vault.route}\n"
        f"*  {away.route}\n"
    )
    stage.write(routes=stage.routes, domains=f"home.example {home.route}\nbox.example maildir:mail/%d/%u")
    stage.start()
    a_rule_beats_all_below(stage, away, special)
    what_rules_see(stage, away, special)
    each_recipient_by_itself(stage, away, special)
    a_copy_for_the_archive(stage, away, vault)
    a_copy_never_bounces(stage, away, vault, home)
    header_fields(stage, away, home)
    held(stage, away)
    refused(stage, away, home)
    discarded(stage, away, home)
    profile_and_priority(stage, away)
    asked_once(stage, away, special, vault)
    a_limit_is_no_answer(stage, away)
    one_copy_in_spite_of_a_crash(stage, away, vault)
done_testing()
