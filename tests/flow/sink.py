# SPDX-License-Identifier: ISC
"""The next hop of a test: smtp-sink, its script, its log, what it got."""

import os
import re
import tempfile

from follow import Follower, wait_until
from process import Process, program


class Letter:
    """A message as the sink kept it: envelope commands and content."""

    def __init__(self, path):
        with open(path, "rb") as f:
            envelope, self.content = f.read().split(b"\n\n", 1)
        self.envelope = envelope.decode(errors="replace").split("\n")
        self.hello, self.mail = self.envelope[:2]
        self.sender = self._address(self.mail)
        self.recipients = [self._address(line) for line in self.envelope[2:]]

    @staticmethod
    def _address(command):
        return re.search(r"<([^>]*)>", command).group(1)

    def header(self, name):
        """Unfolded values of all fields of this name, in order."""
        head = self.content.split(b"\r\n\r\n", 1)[0] + b"\r\n"
        head = re.sub(rb"\r\n(?=[ \t])", b"", head).decode(errors="replace")
        return re.findall(rf"(?im)^{re.escape(name)}:[ \t]*(.*?)\r?$", head)


class Sink:
    """Sink(lmtp=True, unix=True, rules="rcpt *@late.example 451 4.3.0 later")"""

    def __init__(
        self,
        directory,
        lmtp=False,
        unix=False,
        rules="",
        keep=True,
        port=0,
        host="127.0.0.1",
        tls=None,  # a file with key and certificate: STARTTLS
    ):
        self.dir = tempfile.mkdtemp(prefix="sink.", dir=directory)
        self.kept = os.path.join(self.dir, "kept")
        self.rules_path = os.path.join(self.dir, "rules")
        self.counters = os.path.join(self.dir, "counters")
        self.path = os.path.join(self.dir, "socket") if unix else None
        self.log = Follower(os.path.join(self.dir, "log"))
        self.host, self.port = host, port
        self.lmtp, self.keep, self.tls = lmtp, keep, tls
        os.mkdir(self.kept)
        self.rules(rules)
        self.process = None
        self.start()

    def start(self):
        """Listen, on the same port as before if there was one."""
        argv = [program("smtp-sink"), "-l", self.log.path, "-r", self.rules_path]
        argv += ["-c", self.counters]
        if self.keep:
            argv += ["-o", self.kept]
        if self.lmtp:
            argv += ["-L"]
        argv += ["-t", self.tls] if self.tls else []
        argv += ["-u", self.path] if self.path else [f"{self.host}:{self.port}"]
        self.process = Process(argv, os.path.join(self.dir, "output"))
        self.port = int(self.process.log.wait_for(r"^listening (\d+)$").group(1))

    def stop(self):
        """Connections end, new ones are refused; start() comes back."""
        self.process.kill_all()

    def restart(self, rules):
        """With no connection left that was greeted under other rules."""
        self.stop()
        self.rules(rules)
        self.start()

    def rules(self, text):
        """A new script; it holds from the next greeting or MAIL on."""
        with open(self.rules_path + ".new", "w") as f:
            f.write(text + "\n")
        os.rename(self.rules_path + ".new", self.rules_path)

    def names(self):
        return sorted(n for n in os.listdir(self.kept) if n[0] != ".")

    def letters(self):
        return [Letter(os.path.join(self.kept, n)) for n in self.names()]

    def wait_letters(self, n, seconds=None):
        """All letters, as soon as there are at least n."""
        wait_until(
            lambda: len(self.names()) >= n,
            [self.kept],
            lambda: f"{n} messages at the sink; it has {len(self.names())}",
            seconds,
        )
        return self.letters()

    def accepted(self, n=0, seconds=None):
        """Ids whose 250 was written, in order, repeats included; at least n."""
        wait_until(
            lambda: len(self.log.grep("^ok ")) >= n,
            [self.log.path],
            f"{n} accepted messages",
            seconds,
        )
        return [m.group(1) for m in self.log.grep(r"^ok (\S+)")]

    @property
    def route(self):
        if self.path:
            return f"lmtp unix:{self.path}"
        return f"{'lmtp' if self.lmtp else 'smtp'} [{self.host}]:{self.port}"
