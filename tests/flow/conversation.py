# SPDX-License-Identifier: ISC
"""A talk with an SMTP server that reads as one in the test."""

import socket

from follow import DEADLINE
from tap import diag, ok


class Conversation:
    """
    c = Conversation(port)
    c.gets(220)
    c.says("EHLO client.example")
    c.gets(250)

    Each gets() is a test point, named after what was said before.
    """

    def __init__(self, port, host="127.0.0.1", source=None):
        self.socket = socket.create_connection(
            (host, port), timeout=DEADLINE, source_address=source and (source, 0)
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.said = "the greeting"

    def says(self, *lines):
        """The lines go out in one write, as a pipelining client would."""
        self.said = lines[-1]
        self.sends("".join(line + "\r\n" for line in lines).encode())

    def sends(self, data):
        self.socket.sendall(data)

    def reply(self):
        """The whole next reply as text, "" at the end of the connection."""
        lines = []
        while True:
            try:
                line = self.file.readline()
            except OSError:
                line = b""
            lines.append(line.decode(errors="replace"))
            if line[3:4] != b"-":
                return "".join(lines)

    def gets(self, code, name=None):
        reply = self.reply()
        if not ok(reply[: len(str(code))] == str(code), name or f"{self.said}: {code}"):
            diag(f"got: {reply!r}")
        return reply

    def asks(self, command, code):
        self.says(command)
        return self.gets(code)

    def ends(self, name="the server hangs up"):
        return ok(self.reply() == "", name)

    def hello(self):
        """Greeting and EHLO, without test points."""
        self.reply()
        self.says("EHLO client.example")
        return self.reply()

    def begins_data(self, sender="a@b.example", recipient="c@d.example"):
        """As far as the content, which comes next, without test points."""
        self.hello()
        for command in f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA":
            self.says(command)
            self.reply()

    def sends_message(self, sender, recipients, content):
        """One transaction; returns the reply to the first command refused, or
        to the content.  The content's lines end as they do; a dot is doubled
        where a line starts with one after CR LF."""
        for command in (
            f"MAIL FROM:<{sender}>",
            *(f"RCPT TO:<{r}>" for r in recipients),
            "DATA",
        ):
            self.says(command)
            reply = self.reply()
            if reply[:1] not in "23" or not reply:
                return reply
        self.sends(stuffed(content))
        return self.reply()

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def stuffed(content):
    """The wire form: dots doubled, CR LF at the end, the final dot."""
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    wire = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
    return wire + b".\r\n"
