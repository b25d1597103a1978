#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Who exists: unknown recipients of local domains are refused at RCPT."""

from stage import *

TABLES = dict(
    domains="""
a.example recipients=listed
b.example recipients=listed
c.example
""",
    recipients="""
jo@a.example Kim.O@a.example
@b.example
""",
    routes="fax@a.example  lmtp unix:/run/fax",
)

ANSWERS = [
    ("jo@a.example", "250", "listed"),
    ("JO@A.Example", "250", "in capitals as well"),
    ('"jo"@a.example', "250", "in quotes as well"),
    ("kim.o@a.example", "250", "the second of its row"),
    ("nobody@a.example", "550 5.1.1", "not listed"),
    ("fax@a.example", "250", "with a route of its own"),
    ("postmaster@a.example", "250", "postmaster exists everywhere"),
    ("anybody@b.example", "250", "a catch-all"),
    ("anybody@sub.b.example", "250", "which is another domain, reached by relaying"),
    ("anybody@c.example", "250", "a domain that lists nobody"),
    ("anybody@far.example", "250", "a domain that is not local"),
    ("postmaster", "250", "postmaster of this host"),
]


def ask(stage, address, answer, what):
    with stage.conversation() as c:
        c.gets("220")
        c.asks("EHLO client.example", 250)
        c.asks("MAIL FROM:<x@client.example>", "250")
        like(c.asks(f"RCPT TO:<{address}>", answer[:3]), "^" + answer, what)
        c.asks("QUIT", "221")


with Stage(**TABLES) as stage:
    stage.start("receiver")
    for row in ANSWERS:
        ask(stage, *row)
    text = stage.tool("route", "jo@a.example").stdout
    like(text, r"recipient +known, \S*recipients:2", "queue-tool: by which row")
    text = stage.tool("route", "nobody@a.example").stdout
    like(text, r"recipient +unknown: refused with 5\.1\.1, as \S*domains:2", "and why not")
    text = stage.tool("route", "x@b.example").stdout
    like(text, r"recipient +known, \S*recipients:3", "the catch-all")
    stage.write(recipients="jo@a.example nobody@a.example", domains=TABLES["domains"])
    stage.compile()
    ask(stage, "nobody@a.example", "250", "a new map holds for the next session")
    ask(stage, "kim.o@a.example", "550 5.1.1", "in both directions")
done_testing()
