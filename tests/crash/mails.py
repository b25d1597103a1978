# SPDX-License-Identifier: ISC
"""
One message of each kind through the rooms, for trials of faults: what it should
become, and who witnesses it.
"""

import collections
import os
import socket
import threading

from contract import in_boxes
from follow import DEADLINE

# to whom, from whom, RCPT's parameters, at which witnesses it has to arrive
Kind = collections.namedtuple("Kind", "to at sender notify", defaults=("ann@back.example", ""))
KINDS = {
    "small": Kind(["one@left.example"], ["left"]),
    "beside": Kind(["one@left.example"], ["left"]),
    "two": Kind(["one@left.example", "two@right.example"], ["left", "right"]),
    "deferral": Kind(["one@late.example"], ["late"]),
    "retry": Kind(["one@again.example"], ["late"]),
    "bounce": Kind(["bad@left.example"], ["back"]),
    "hold": Kind(["one@late.example"], ["late"]),
    "report": Kind(["one@left.example"], ["left", "back"], notify=" NOTIFY=SUCCESS"),
    "alias": Kind(["all@alias.example"], ["left", "right"]),
    "copy": Kind(["one@left.example"], ["left", "vault"], sender="kept@back.example"),
    "maildir": Kind(["joe@box.example"], ["box"]),
    "large": Kind(["one@left.example"], ["left"]),
    "divert": Kind(["one@split.example", "moved@split.example"], ["late", "right"]),
    "crowd": Kind(["one@left.example"], ["left"]),  # CROWD of them at once
}
CROWD = 20
LARGE = 400000  # does not fit into what is written at once

TABLES = {
    "aliases": "all@alias.example  one@left.example two@right.example\n",
    "domains": "alias.example\nbox.example\n",
    "profiles": "slow  retry 5h retries 100\nquick  retry 1s retries 100\n",
}


class Mail:
    """One message, and what its client was told."""

    last = 0

    def __init__(self, kind):
        Mail.last += 1
        self.kind = kind
        self.source = f"127.0.0.{1 + Mail.last % 5 if kind == 'crowd' else 1}"
        self.id = f"{kind}-{os.getpid()}-{Mail.last}"
        self.reply = None  # "" when the connection was lost
        self.content_sent = False

    @property
    def acked(self):
        return self.reply is not None and self.reply.startswith("250")

    @property
    def expected(self):
        """(witness, id) of all that an acknowledged one must reach."""
        return {(witness, self.id) for witness in KINDS[self.kind].at}

    def send(self, port):
        """In a thread: a client waits as long as it must."""
        self.thread = threading.Thread(target=self._talk, args=(port,), daemon=True)
        self.thread.start()

    def _talk(self, port):
        try:
            at, source = ("127.0.0.1", port), (self.source, 0)
            with socket.create_connection(at, DEADLINE, source) as s:
                reply = self._dialogue(s, s.makefile("rb"))
        except TimeoutError:
            reply = "(nothing)"
        except OSError:
            reply = ""
        self.reply = reply

    def _dialogue(self, s, replies):
        kind = KINDS[self.kind]
        commands = [None, "EHLO client.example", f"MAIL FROM:<{kind.sender}>"]
        commands += [f"RCPT TO:<{to}>{kind.notify}" for to in kind.to]
        for command in (*commands, "DATA"):
            if command:
                s.sendall(command.encode() + b"\r\n")
            reply = self._reply(replies)
            if reply[:1] not in ("2", "3"):
                return reply
        self.content_sent = True
        text = f"From: <{kind.sender}>\r\nX-Test-Id: {self.id}\r\n\r\n"
        if self.kind == "large":
            text += ("x" * 76 + "\r\n") * (LARGE // 78)
        s.sendall(text.encode() + b"hello\r\n.\r\n")
        return self._reply(replies)

    @staticmethod
    def _reply(replies):
        text = ""
        while True:
            line = replies.readline().decode(errors="replace")
            text += line
            if line[3:4] != "-":
                return text.strip()


class Witnesses:
    """The next hops, and which of them misbehave."""

    def __init__(self, stage):
        self.stage = stage
        self.sinks = {
            name: stage.sink(keep=False) for name in ("left", "right", "late", "back", "vault")
        }
        self.sinks["left"].rules("rcpt bad@* 550 5.1.1 nobody")
        routes = [f"{n}.example  {s.route}  slow" for n, s in self.sinks.items()]
        late, right = self.sinks["late"].route, self.sinks["right"].route
        routes.append(f"again.example  {late}  quick")
        routes.append(f"split.example  {late}  slow  fallback {right}  slow")
        stage.write(
            routes="\n".join(routes),
            rules="keep from kept@back.example then copy vault@vault.example"
            f" via {self.sinks['vault'].route}\n",
            **TABLES,
        )
        self.late(True)

    def late(self, late):
        later = "\nrcpt * 451 4.3.0 later" if late else ""
        self.sinks["late"].rules("rcpt moved@* 550 5.1.1 has moved" + later)

    def logs(self):
        return [sink.log.path for sink in self.sinks.values()]

    def arrived(self):
        """How often each (witness, id) was taken."""
        found = collections.Counter()
        for name, sink in self.sinks.items():
            found.update((name, words[1]) for words in sink.log.words("ok"))
        found.update(("box", ident) for ident in in_boxes(self.stage.spool))
        return found
