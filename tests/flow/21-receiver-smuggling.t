#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
No message inside another: every form that some server takes for the end of
data, with the commands of a second message behind it.
"""

from itertools import product

from queuefile import QueueFile
from stage import *

ENDS = {"CRLF": b"\r\n", "LF": b"\n", "CR": b"\r", "LFCR": b"\n\r", "CRCRLF": b"\r\r\n"}
HIDDEN = (
    b"MAIL FROM:<forged@client.example>\r\nRCPT TO:<victim@far.example>\r\n"
    b"DATA\r\nsmuggled\r\n.\r\n"
)


def in_data(stage, source=None):
    c = Conversation(stage.port, source=source)
    c.begins_data()
    return c


def entries(stage):
    return stage.queue().get("incoming", [])


def every_false_end(stage):
    for before, after in product(ENDS, repeat=2):
        if (before, after) in (("CRLF", "CRLF"), ("CRCRLF", "CRLF")):
            continue  # ends: see below
        name = f"{before} . {after}"
        with in_data(stage) as c:
            c.sends(b"text" + ENDS[before] + b"." + ENDS[after] + HIDDEN)
            c.gets("550 5.6.11", f"{name}: refused, once its real end has come")
            c.ends(f"{name}: nothing more is taken")
    is_(entries(stage), [], "nothing of it is in the spool")


def lone_line_ends(stage):
    for name, text in (
        ("LF", b"a\nb\r\n"),
        ("CR", b"a\rb\r\n"),
        ("CR CR LF", b"a\r\r\n"),
        ("LF at the end", b"a\n\r\n"),
    ):
        with in_data(stage) as c:
            c.sends(text + b".\r\n")
            c.gets("550 5.6.11", f"a lone {name} is refused")
            c.asks("MAIL FROM:<a@b.example>", "250 2.1.0")
    is_(entries(stage), [], "and not in the spool")


def a_false_end_cut_everywhere(stage):
    wire = b"a\n.\r\nb\r\n.\r\n"
    for at in range(1, len(wire)):
        with in_data(stage) as c:
            c.sends(wire[:at])
            c.sends(wire[at:])
            c.gets("550 5.6.11", f"LF . CRLF, cut after {at} bytes")
            c.ends()


def normalised(stage):
    """127.0.0.2 is a network of old printers."""
    for before, after in product(("LF", "CRLF"), repeat=2):
        name = f"bare-lf: {before} . {after}"
        with in_data(stage, source="127.0.0.2") as c:
            c.sends(b"a\nb" + ENDS[before] + b"." + ENDS[after] + b"QUIT\n")
            c.gets("250 2.0.0", f"{name} is an end")
            c.gets("221", f"{name}: the next command, ended by LF")
        path = stage.run("find", f"{stage.spool}/incoming", "-type", "f").stdout
        is_(QueueFile(path.strip()).body, b"a\r\nb\r\n", f"{name}: CR LF in the spool")
        stage.run("rm", path.strip())
    for before, after in (("CR", "LF"), ("CR", "CR"), ("CRLF", "CR")):
        with in_data(stage, source="127.0.0.2") as c:
            c.sends(b"a" + ENDS[before] + b"." + ENDS[after] + b"b\r\n.\r\n")
            c.gets("550 5.6.11", f"bare-lf: {before} . {after} is refused yet")
            c.ends()


def a_browser(stage):
    with stage.conversation() as c:
        c.says("POST / HTTP/1.1", "Host: mx.example", "", "EHLO x", "MAIL FROM:<>")
        c.gets(220, "a browser gets the greeting")
        c.gets("421 4.7.0", "and is told")
        c.ends()


with Stage(settings="bare-lf normalise 127.0.0.2") as stage:
    stage.start("receiver")
    every_false_end(stage)
    lone_line_ends(stage)
    a_false_end_cut_everywhere(stage)
    normalised(stage)
    a_browser(stage)
done_testing()
