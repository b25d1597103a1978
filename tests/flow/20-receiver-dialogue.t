#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""The receiver's side of SMTP: order, syntax, what ends up in the spool."""

import os
import re

from queuefile import QueueFile
from stage import *


def only_letter(stage):
    """The one entry in incoming/, which is then removed."""
    for directory, _, names in os.walk(os.path.join(stage.spool, "incoming")):
        for name in names:
            path = os.path.join(directory, name)
            letter = QueueFile(path)
            letter.id = name
            os.unlink(path)
            return letter
    raise RuntimeError("nothing in incoming/")


def a_message(stage):
    with stage.conversation() as c:
        c.gets("220 mx.example ESMTP")
        reply = c.asks("EHLO client.example", 250)
        for word in ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN"):
            like(reply, f"250[- ]{word}\r\n", f"{word} is offered")
        like(reply, "250-SIZE 100000\r\n", "so is SIZE with the limit")
        c.asks("MAIL FROM:<a@client.example> SIZE=20", "250 2.1.0")
        c.asks("RCPT TO:<b@far.example>", "250 2.1.5")
        c.asks("DATA", "354 ")
        c.sends(b"Subject: x\r\n\r\n..dot\r\n.\r\n")
        queue_id = c.gets("250 2.0.0").split()[2]
        c.asks("QUIT", "221 2.0.0")
        c.ends()
    letter = only_letter(stage)
    is_(letter.id, queue_id, "the reply names the entry")
    is_(letter.body, b"Subject: x\r\n\r\n..dot\r\n", "the content as it came")
    is_(letter.flags, 4, "a stuffed dot was noted")
    is_(letter.values("sender"), ["a@client.example"], "the sender")
    is_(letter.values("recipient"), ["b@far.example"], "the recipient")
    is_(letter.values("client"), ["127.0.0.1"], "the client")
    is_(letter.values("protocol"), ["ESMTP"], "the protocol")
    is_(letter.values("listener"), [f"127.0.0.1:{stage.port}"], "the listener")
    like(
        letter.received,
        r"^Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n"
        rf"\tby mx\.example with ESMTP id {queue_id}\r\n"
        r"\tfor <b@far\.example>;\r\n"
        r"\t\w\w\w, \d\d? \w\w\w \d{4} \d\d:\d\d:\d\d \+0000\r\n$",
        "our Received: field",
    )
    line = stage.receiver.log.wait_for(rf"{queue_id}: accepted").string
    like(
        line,
        r"from=<a@client\.example> to=<b@far\.example>\(\+0\) "
        r"client=127\.0\.0\.1 helo=client\.example proto=ESMTP size=\d+",
        "the log line",
    )


def helo_and_several_recipients(stage):
    with stage.conversation() as c:
        c.reply()
        c.says("HELO [192.0.2.7]")
        c.gets("250 mx.example\r\n", "HELO is answered by the name alone")
        c.asks("MAIL FROM:<>", "250 2.1.0")
        c.asks("RCPT TO:<b@far.example>", "250 2.1.5")
        c.asks("RCPT TO:<Postmaster>", "250 2.1.5")
        c.asks("DATA", 354)
        c.sends(b".\r\n")
        c.gets("250 2.0.0", "an empty message")
    letter = only_letter(stage)
    is_(letter.values("sender"), [""], "the null sender")
    is_(
        letter.values("recipient"),
        ["b@far.example", "Postmaster@mx.example"],
        "postmaster without a domain is ours",
    )
    is_(letter.body, b"", "nothing but our own field")
    like(letter.received, r"with SMTP id \w+;\r\n", "no recipient is given away")


def dsn_parameters(stage):
    with stage.conversation() as c:
        c.hello()
        c.asks("MAIL FROM:<a@b.example> RET=HDRS ENVID=QQ1 BODY=8BITMIME", 250)
        c.asks("RCPT TO:<c@d.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y", 250)
        c.asks("DATA", 354)
        c.sends("Grüße\r\n.\r\n".encode())
        c.gets("250 2.0.0", "the content")
    letter = only_letter(stage)
    is_(letter.values("envid"), ["QQ1"], "ENVID")
    is_(letter.values("ret"), ["headers"], "RET")
    is_(letter.values("notify"), ["success,delay"], "NOTIFY")
    is_(letter.values("original"), ["rfc822;x@y"], "ORCPT")
    is_(letter.flags, 1, "it is 8-bit")


def order(stage):
    with stage.conversation() as c:
        c.reply()
        c.asks("MAIL FROM:<a@b.example>", "503 5.5.1")
        c.asks("RCPT TO:<a@b.example>", "503 5.5.1")
        c.asks("DATA", "503 5.5.1")
        c.asks("NOOP anything", "250 2.0.0")
        c.asks("VRFY a@b.example", "252 2.5.0")
        c.asks("HELP", "214 2.0.0")
        c.asks("RSET", "250 2.0.0")
        c.asks("EHLO", "501 5.5.4")
        c.asks("ehlo client.example", 250)
        c.asks("DATA", "503 5.5.1")
        c.asks("RCPT TO:<a@b.example>", "503 5.5.1")
        c.asks("MAIL FROM:<a@b.example>", "250 2.1.0")
        c.asks("MAIL FROM:<a@b.example>", "503 5.5.1")
        c.asks("DATA", "503 5.5.1")
        c.asks("RSET", "250 2.0.0")
        c.asks("RCPT TO:<a@b.example>", "503 5.5.1")
        c.asks("MAIL FROM:<a@b.example>", "250 2.1.0")
        c.asks("RCPT TO:<a@b.example>", "250 2.1.5")
        c.asks("EHLO again.example", 250)
        c.asks("DATA", "503 5.5.1")
        c.asks("QUIT", "221 2.0.0")


def syntax(stage):
    with stage.conversation() as c:
        c.hello()
        c.asks("FOO", "500 5.5.1")
        c.asks("", "500 5.5.1")
        c.asks("STARTTLS", "502 5.5.1")
        c.asks("EXPN list", "502 5.5.1")
        c.asks("EHLO a(b", "501 5.5.4")
        c.asks("DATA now", "501 5.5.4")
        c.asks("VRFY", "501 5.5.4")
        c.asks("MAIL FROM:a@b.example", "501 5.1.7")
        c.asks("MAIL FROM:<a@b.example> FOO=1", "555 5.5.4")
        c.asks("MAIL FROM:<a@b.example> SIZE=x", "501 5.5.4")
        c.asks("MAIL FROM:<a@b.example> BODY=BINARYMIME", "504 5.5.4")
        c.asks("MAIL FROM:<ä@b.example>", "550 5.6.7")
        c.asks("MAIL FROM:<a@b.example>", 250)
        c.asks("RCPT TO:<>", "501 5.1.3")
        c.asks("RCPT TO:<ä@b.example>", "553 5.6.7")
        c.asks("RCPT TO:<a@b.example> NOTIFY=SOON", "501 5.5.4")
        for name, command in (("NUL", "\0"), ("ESC", "\x1b[2J"), ("CR", "a\rb")):
            c.says("NOOP " + command)
            c.gets("500 5.5.2", f"{name} in a command")
        c.sends(b"NOOP\n")
        c.gets("500 5.5.2", "a command that ends with LF alone")
    stage.receiver.log.wait_for(r'rejected .* command="FOO" reply="500 5\.5\.1')
    line = stage.receiver.log.wait_for(r"command=\"NOOP .*\[2J").string
    ok("\x1b" not in line, "no control character reaches the log")


def pipelining(stage):
    command = ("MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA")
    with stage.conversation() as c:
        c.hello()
        c.says(*command)
        for code in ("250 2.1.0", "250 2.1.5", "354"):
            c.gets(code, f"{code} in a group")
        # the next message stands behind the end of the first
        c.says("1", ".", *command)
        for code in ("250 2.0.0", "250 2.1.0", "250 2.1.5", "354"):
            c.gets(code, f"{code} behind the end of data")
        c.says("2", ".", "MAIL FROM:<e@f.example>", "FOO", "QUIT")
        for code in ("250 2.0.0", "250 2.1.0", "500", "221"):
            c.gets(code, f"{code} in the last group")
        c.ends()
    bodies = [only_letter(stage).body for _ in range(2)]
    is_(sorted(bodies), [b"1\r\n", b"2\r\n"], "both are in the spool")


def a_long_burst(stage):
    """Many replies that nobody reads at first: all come, in order."""
    with stage.conversation() as c:
        c.hello()
        n = 20000
        c.socket.settimeout(60)
        c.socket.setblocking(False)
        left = b"".join(b"VRFY %d\r\n" % i for i in range(n)) + b"QUIT\r\n"
        got = exchange(c.socket, left)
        is_(got.count(b"252 2.5.0"), n, "as many replies as commands")
        like(got[-60:].decode(), r"221 2\.0\.0 .*\r\n$", "the last one is 221")


def exchange(sock, left):
    """Send without ever stopping to read; read all to the end."""
    import select

    got = b""
    while True:
        r, w, _ = select.select([sock], [sock] if left else [], [], DEADLINE)
        if w:
            left = left[sock.send(left[:65536]) :]
        if r:
            data = sock.recv(65536)
            if not data:
                return got
            got += data


def byte_by_byte(stage):
    with stage.conversation() as c:
        text = (
            b"EHLO slow.example\r\nMAIL FROM:<a@b.example>\r\n"
            b"RCPT TO:<c@d.example>\r\nDATA\r\n..a\r\n\r\n.b\r\n.\r\nQUIT\r\n"
        )
        for i in range(len(text)):
            c.sends(text[i : i + 1])
        for code in (220, 250, 250, 250, 354, 250, 221):
            c.gets(code, f"{code}, byte by byte")
    is_(only_letter(stage).body, b"..a\r\n\r\n.b\r\n", "the content, byte by byte")


def two_clients(stage):
    with stage.conversation() as a, stage.conversation() as b:
        a.hello()
        b.hello()
        a.asks("MAIL FROM:<a@client.example>", 250)
        b.asks("MAIL FROM:<b@client.example>", 250)
        b.asks("RCPT TO:<x@far.example>", 250)
        b.asks("DATA", 354)
        a.asks("RCPT TO:<y@far.example>", 250)
        b.sends(b"from b\r\n.\r\n")
        b.gets(250, "one of them is done first")
        letter = only_letter(stage)
        is_(letter.values("sender"), ["b@client.example"], "its own sender")
        is_(letter.values("recipient"), ["x@far.example"], "its own recipient")
        a.asks("QUIT", 221)


def a_half_closed_connection(stage):
    """printf ... | nc: everything is sent, then nothing but an end."""
    with stage.conversation() as c:
        c.says(
            "HELO script",
            "MAIL FROM:<a@b.example>",
            "RCPT TO:<c@d.example>",
            "DATA",
            "hello",
            ".",
            "QUIT",
        )
        c.socket.shutdown(1)
        for code in (220, 250, 250, 250, 354, "250 2.0.0", 221):
            c.gets(code, f"{code} after the client's end")
        c.ends()
    is_(only_letter(stage).body, b"hello\r\n", "the message was taken")


def bodies(stage):
    for name, body in (
        ("very long lines", b"x" * 998 + b"\r\n" + b"y" * 60000 + b"\r\n"),
        ("every octet", bytes(i for i in range(256) if i not in (10, 13)) + b"\r\n"),
        ("dots", b"".join(b"." * i + b"\r\n" for i in range(2, 40))),
        ("no header", b"\r\n\r\n\r\n"),
    ):
        is_(stage.submit("c@d.example", body)[:9], "250 2.0.0", f"{name}: accepted")
        want = body.replace(b"\r\n.", b"\r\n..")
        want = b"." + want if body[:1] == b"." else want
        is_(only_letter(stage).body == want, True, f"{name}: byte for byte")


with Stage(settings="message-size-max 100000") as stage:
    stage.start("receiver")
    a_message(stage)
    helo_and_several_recipients(stage)
    dsn_parameters(stage)
    order(stage)
    syntax(stage)
    pipelining(stage)
    a_long_burst(stage)
    byte_by_byte(stage)
    two_clients(stage)
    a_half_closed_connection(stage)
    bodies(stage)
done_testing()
