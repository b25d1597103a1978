#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Each step of the dialogue has its timeout, by the profile: a host is given up
where its own is short, and waited for where its own is long, whatever those of
the other steps are.
"""

import socket
import threading

from put import put
from secure import Host
from stage import *

# The key, where the host stalls, and what is said of it.
STEPS = (
    ("greeting", "greeting", "no greeting"),
    ("reply", "rcpt", "no reply to RCPT"),
    ("data", "data", "no reply to DATA"),
    ("content", "content", "the content is not taken"),
    ("end", "dot", "no reply to end of data"),
)
SMALL = b"Subject: t\r\n\r\nhello\r\n"
# more than the kernel takes when nobody reads
LARGE = b"Subject: t\r\n\r\n" + b"0123456789abcdef\r\n" * 500_000


def profile(name, step, here, elsewhere):
    words = [f"{key}-timeout {here if key == step else elsewhere}" for key, _, _ in STEPS]
    return " ".join([name, *words])


def stalls_at(point, until):
    """In clear, at this point, until an event; then it goes on."""

    def acts(session, stage, text):
        if stage == point:
            session.host._note("waiting")
            until.wait()
        return text

    return acts


class Hosts:
    def __init__(self, stage, name, until):
        self.stage, self.name = stage, name
        self.hosts = {key: Host(stage.dir) for key, _, _ in STEPS}
        for key, point, _ in STEPS:
            self.hosts[key].acts = stalls_at(point, until)
            self.hosts[key].starttls = "no"
            self.hosts[key].listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)

    def routes(self):
        return "".join(
            f"{key}.{self.name}.example {host.route} {self.name}-{key}\n"
            for key, host in self.hosts.items()
        )

    def send(self):
        self.ids = {}
        for key in self.hosts:
            content = LARGE if key == "content" else SMALL
            (self.ids[key],) = put(self.stage, f"x@{key}.{self.name}.example", content=content)

    def wait_for(self, key, what):
        self.stage.sender.log.position = 0
        return self.stage.sender.log.wait_for(f"{self.ids[key]}: {what}")


with Stage(
    settings="reply-timeout 1s\nsender-workers 1\nresolver 127.0.0.1",
    profiles="\n".join(
        ["default retry 1h tls none"]
        + [profile(f"short-{key}", key, "3s", "1h") for key, _, _ in STEPS]
        + [profile(f"long-{key}", key, "1h", "59m") for key, _, _ in STEPS]
    ),
) as stage:
    never, later = threading.Event(), threading.Event()
    short, patient = Hosts(stage, "short", never), Hosts(stage, "long", later)
    plain = Host(stage.dir, starttls="no")
    plain.acts = stalls_at("dot", never)
    stage.write(routes=f"{short.routes()}{patient.routes()}plain.example {plain.route}\n")
    stage.start("sender")
    patient.send()
    for key, host in patient.hosts.items():
        host.log.wait_for("^waiting")
    short.send()
    (i,) = put(stage, "x@plain.example")
    for key, _, said in STEPS:
        line = short.wait_for(key, "deferred .*").group(0)
        like(line, f"4\\.4\\.2 {said} in time", f"{key}-timeout: it is not waited for longer")
    stage.sender.log.position = 0
    line = stage.sender.log.wait_for(f"{i}: deferred .*").group(0)
    like(line, "4\\.4\\.2 no reply to end of data in time", "without one the setting holds")

    # each has waited longer than the setting and the short ones
    later.set()
    for key, _, _ in STEPS:
        patient.wait_for(key, "delivered ")
        ok(True, f"{key}-timeout: it is waited for as long")
    never.set()
done_testing()
