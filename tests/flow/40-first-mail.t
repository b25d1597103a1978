#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Mail from stock clients, through all three rooms, to every kind of next hop."""

import os
import subprocess

from stage import *

BODY = "The coach is due at nine.\n"


def swaks(stage, *recipients):
    """One message in one transaction; swaks' exit status."""
    argv = ["swaks", "--server", f"127.0.0.1:{stage.port}", "--silent", "3"]
    argv += ["--from", "clerk@client.example", "--to", ",".join(recipients)]
    argv += ["--header", "Subject: first mail", "--body", BODY]
    return subprocess.run(argv, timeout=60).returncode


def arrived(letter, recipient, name):
    is_(letter.recipients, [recipient], f"{name}: for its recipient alone")
    is_(letter.sender, "clerk@client.example", f"{name}: the sender")
    is_(letter.header("Subject"), ["first mail"], f"{name}: the subject")
    ok(letter.content.endswith(b"due at nine.\r\n\r\n\r\n"), f"{name}: the text")


def one_message_to_all_places(stage, places, maildir):
    recipients = [f"you@{x}.example" for x in [*places, "maildir"]]
    is_(swaks(stage, *recipients), 0, f"swaks: one message, {len(recipients)} places")
    for name, sink in places.items():
        arrived(sink.wait_letters(1)[0], f"you@{name}.example", name)
    new = os.path.join(maildir, "new")
    wait_until(lambda: os.path.isdir(new) and os.listdir(new), [stage.dir], "maildir")
    with open(os.path.join(new, os.listdir(new)[0])) as f:
        text = f.read()
    like(text, r"(?m)^Return-Path: <clerk@client.example>$", "maildir: the sender")
    like(text, r"(?m)^Subject: first mail$", "maildir: the subject")
    like(text, r"coach is due at nine\.", "maildir: the text")
    stage.assert_spool_empty()


def trace_fields(letter):
    received = letter.header("Received")
    is_(len(received), 1, "one Received: field is ours")
    like(received[0], r"\bby mx\.example\b", "it names us")
    like(received[0], r"^from \S+ .*\[127\.0\.0\.1\]", "and the client")
    ok(letter.content.startswith(b"Received:"), "at the top")


def a_crowd(stage, smtp):
    target = f"127.0.0.1:{stage.port}"
    argv = ["-s", "10", "-m", "200", "-l", "2000", "-t", "crowd@smtp.example", target]
    is_(smtp_source(*argv).returncode, 0, "smtp-source: 200 messages, 10 sessions")
    is_(smtp_source("-d", *argv).returncode, 0, "the same over lasting connections")
    is_(len(smtp.wait_letters(401)), 401, "all have arrived")
    stage.assert_spool_empty()
    opened = len(smtp.log.grep("^open "))
    ok(opened < 300, f"connections are used again: {opened} for 401 messages")


def an_orderly_end(stage):
    for name, status in stage.stop().items():
        is_(status, 0, f"{name} stops when it is told to")
    is_(stage.queue(), {}, "and leaves nothing behind")


with Stage() as stage:
    maildir = os.path.join(stage.dir, "maildir")
    places = {"smtp": stage.sink(), "lmtp": stage.sink(lmtp=True, unix=True)}
    routes = [f"{name}.example {sink.route}" for name, sink in places.items()]
    routes.append(f"maildir.example maildir:{maildir}")
    if os.geteuid() == 0:
        places["postfix"] = stage.sink()
        routes.append(f"postfix.example {stage.postfix(places['postfix'].port).route}")
    else:
        skip("by way of Postfix", "Postfix starts as root only")
    stage.write(routes="\n".join(routes))
    stage.start()
    one_message_to_all_places(stage, places, maildir)
    trace_fields(places["smtp"].letters()[0])
    a_crowd(stage, places["smtp"])
    an_orderly_end(stage)
done_testing()
