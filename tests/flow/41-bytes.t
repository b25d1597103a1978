#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What comes in goes out, octet for octet, behind our Received: field."""

import hashlib
import os

from stage import *

HEADER = b"From: <a@client.example>\r\nSubject: octets\r\n"
EIGHT_BIT = bytes(o for o in range(1, 256) if o not in b"\r\n")
LONGEST = 65536  # doc/INTERNALS.md; RFC 5321 asks for 998

BODIES = {
    "an empty body": b"",
    "an empty line": b"\r\n",
    "many empty lines": b"\r\n" * 5000,
    "a line with a dot": b"one\r\n.\r\ntwo\r\n",
    "a dot first and last": b".\r\nbetween\r\n.\r\n",
    "dots in all places": b"..\r\n...\r\n.a\r\na.\r\n. \r\n.\r\n..b\r\n",
    "only dots": b".\r\n" * 300,
    "every octet of eight bits": EIGHT_BIT + b"\r\n" + EIGHT_BIT[::-1] + b"\r\n",
    "a line of 998 octets": b"x" * 998 + b"\r\n",
    "the longest lines": (b"y" * LONGEST + b"\r\n") * 3,
    "a long line of dots": b"." * (LONGEST - 1) + b"\r\n",
    "tabs and trailing spaces": b" \t x \t \r\n\t\r\n \r\n",
    "From at a line's start": b"From here\r\n>From there\r\nFrom: x\r\n",
}


def contents():
    for name, body in BODIES.items():
        yield name, HEADER + b"\r\n" + body
    yield "no header at all", b"\r\njust text\r\n"
    yield "a header and no empty line", HEADER
    yield "nothing at all", b""
    yield "a first line with a dot", b".dot: is no header\r\n\r\n.\r\n"


def expect(letter, content, name):
    """Our field, folded or not, and then nothing but what was sent."""
    cut = len(letter.content) - len(content)
    field, rest = letter.content[:cut], letter.content[cut:]
    if not ok(rest == content, name):
        diag(f"got {rest[:300]!r}\nnot {content[:300]!r}")
    whole = field.startswith(b"Received: ") and field.endswith(b"\r\n")
    folded = all(line[:1] in b" \t" for line in field.split(b"\r\n")[1:-1])
    ok(whole and folded, f"{name}: behind one Received: field")


def in_pieces(c, data):
    """Sent so that no piece ends where a line does."""
    cut = 1
    while data:
        c.sends(data[:cut])
        data, cut = data[cut:], cut % 7 + 1


def small_ones(stage, domain, sink):
    sent = {}
    for number, (name, content) in enumerate(contents()):
        to = f"n{number}@{domain}"
        with stage.conversation() as c:
            c.hello()
            c.asks("MAIL FROM:<a@client.example> BODY=8BITMIME", 250)
            c.asks(f"RCPT TO:<{to}>", 250)
            c.asks("DATA", 354)
            if len(content) < 2000:
                in_pieces(c, stuffed(content))
            else:
                c.sends(stuffed(content))
            c.gets(250, f"{name}: taken")
        sent[to] = name, content
    letters = sink.wait_letters(len(sent))
    is_(len(letters), len(sent), "each has arrived once")
    for letter in letters:
        name, content = sent[letter.recipients[0]]
        expect(letter, content, name)
        if any(octet > 127 for octet in content):
            like(letter.mail, "BODY=8BITMIME", f"{name}: said to be of eight bits")


def no_final_newline(stage, domain, sink):
    """A client adds the CR LF that its user's file lacks: RFC 5321, 4.1.1.4."""
    before = len(sink.letters())
    reply = stage.submit(f"end@{domain}", HEADER + b"\r\nno newline")
    like(reply, "^250", "no newline at the end: taken")
    letter = sink.wait_letters(before + 1)[-1]
    expect(letter, HEADER + b"\r\nno newline\r\n", "and it has one now")


def a_large_one(stage, domain, sink):
    before = len(sink.letters())
    line = bytes(o for o in range(32, 127)) + b"\xe4\xf6\xfc"
    body = b"".join(b"%d %s\r\n.%d\r\n" % (n, line, n) for n in range(370000))
    content = HEADER + b"\r\n" + body
    ok(len(content) > 40 << 20, f"{len(content) >> 20} MiB")
    like(stage.submit(f"large@{domain}", content), "^250", "taken")
    letter = sink.wait_letters(before + 1, seconds=120)[-1]
    got = letter.content[len(letter.content) - len(content) :]
    hashes = [hashlib.sha256(x).hexdigest() for x in (got, content)]
    is_(hashes[0], hashes[1], "and the same at the other end")


def to_a_maildir(stage):
    """Line ends become the host's own; nothing else changes."""
    body = b".\r\n..\r\nFrom here\r\n\r\n" + EIGHT_BIT + b"\r\n"
    like(stage.submit("m@maildir.example", HEADER + b"\r\n" + body), "^250", "taken")
    new = os.path.join(stage.dir, "maildir", "new")
    wait_until(lambda: os.path.isdir(new) and os.listdir(new), [stage.dir], "maildir")
    with open(os.path.join(new, os.listdir(new)[0]), "rb") as f:
        text = f.read()
    want = (HEADER + b"\r\n" + body).replace(b"\r\n", b"\n")
    is_(text[len(text) - len(want) :], want, "a maildir has the same lines")


with Stage(settings="message-size-max 60m") as stage:
    sinks = {
        "smtp.example": stage.sink(),
        "lmtp.example": stage.sink(lmtp=True, unix=True),
    }
    routes = [f"{domain}  {sink.route}" for domain, sink in sinks.items()]
    routes.append(f"maildir.example  maildir:{stage.dir}/maildir")
    stage.write(routes="\n".join(routes))
    stage.start()
    for domain, sink in sinks.items():
        diag(domain)
        small_ones(stage, domain, sink)
        no_final_newline(stage, domain, sink)
        a_large_one(stage, domain, sink)
    to_a_maildir(stage)
    stage.assert_spool_empty()
done_testing()
