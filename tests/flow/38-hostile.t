#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Next hops that do at each stage of the dialogue what they must not: close,
stall, send rubbish, lines and replies without end, codes that are none or not
of this command, TLS alerts, replies to what was not said.

Each message ends as deferred, or failed where a 5xx says so, with its reason;
none is lost or sent twice, no worker dies, none is busy while it waits.
"""

import resource
import socket
import struct
import time

from put import put
from secure import Authority, Host, Over
from stage import *

SECRET = "secret"
CLEAR = ("greeting", "ehlo", "mail", "rcpt", "data", "content", "dot", "quit")
SECURED = ("starttls", "handshake", "ehlo", "auth", "challenge", "mail", "dot")
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure


def wait_for_end(session):
    while session.connection.recv(65536):
        pass
    raise Over("the client has closed")


def flood(session, text, pause=0.0):
    while True:
        session.connection.sendall(text)
        time.sleep(pause)


def send_below(session, data):
    """Past TLS."""
    with socket.socket(fileno=os.dup(session.connection.fileno())) as s:
        s.sendall(data)


# Each gets the session and what should be said.


def close(session, text):
    raise Over("closed")


def reset(session, text):
    linger = struct.pack("ii", 1, 0)
    session.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    raise Over("reset")


def half(session, text):
    session.connection.sendall(text.encode()[:2])
    raise Over("closed within a reply")


def stall(session, text):
    session.host._note("waiting")
    wait_for_end(session)


def trickle(session, text):
    session.host._note("waiting")
    flood(session, b"250-and so on\r\n", 0.2)


def garbage(session, text):
    session.connection.sendall(bytes(range(255, 0, -1)) * 4 + b"\r\n")
    wait_for_end(session)


def long_line(session, text):
    session.connection.sendall(b"2" * (1 << 20))
    wait_for_end(session)


def endless(session, text):
    flood(session, b"250-and so on\r\n" * 500)


def alert(session, text):
    send_below(session, ALERT)
    raise Over("closed after an alert")


def says(text):
    """In place of the reply, or where none is due; and goes on."""

    def act(session, due):
        if due:
            return text
        session.connection.sendall(text.encode() + b"\r\n")
        return wait_for_end(session)

    return act


def wrong(session, text):
    """Fit for another command."""
    return says("250 2.0.0 fine" if text.startswith("354") else "354 go on")(session, text)


def early(session, text):
    """And at once whatever may come next."""
    rest = "250 2.0.0 fine\r\n" * 3 + "354 go on\r\n250 2.0.0 taken"
    session.connection.sendall(f"{text}\r\n{rest}\r\n".encode())
    wait_for_end(session)


ACTS = {
    **{a.__name__: a for a in (close, reset, half, garbage, long_line, endless, alert, early, wrong)},
    "no-code": says("hello there"),
    "code-150": says("150 hm"),
    "code-650": says("650 hm"),
    "mixed": says("250-a\r\n550 b"),
    "bye": says("421 4.3.2 going down"),
    "later": says("451 4.3.0 later"),
    "never": says("550 5.7.1 never"),
}
WAITS = {"stall": stall, "trickle": trickle}


def at(where, how, act):
    """What a host does when it gets there, in clear or in TLS; not too often."""

    def acts(session, stage, text):
        return act(session, text) if (stage, session.how) == (where, how) else text

    return acts


def expected(stage, where, act):
    """The outcome, and a reason, both as patterns."""
    rubbish = r"4\.5\.0 what it says is no reply"
    if stage == "quit":
        return "delivered", ""
    if stage == "dot" and act == "early":  # the first of them is the answer
        return "delivered", ""
    if act == "never" and stage not in ("starttls", "handshake", "auth", "challenge"):
        return "bounced", r"550 5\.7\.1 never"
    if act in WAITS and (stage, act) != ("handshake", "trickle"):
        return "deferred", r"4\.4\.2 (no reply to .*|no greeting|the content is not taken) in time"
    if stage in ("handshake", "starttls"):
        return "deferred", r"4\.7\.5 tls required \(profile tls\): "
    if (stage, where) == ("ehlo", "tls") and act in ("close", "reset", "half", "alert"):
        return "deferred", r"4\.7\.5 tls required \(profile tls\): "
    if act == "early":
        return "deferred", r"4\.5\.0 (it answers|unexpected reply to|what it says)"
    if act in ("close", "reset", "half", "alert"):
        return "deferred", r"4\.4\.2 lost connection after |4\.5\.0 what it says"
    if act in ("garbage", "long_line", "endless", "no-code", "code-150", "code-650", "mixed"):
        return "deferred", rubbish
    if act == "bye":
        return "deferred", r"421 4\.3\.2 going down"
    if act == "later":
        return "deferred", r"451 4\.3\.0 later"
    return "deferred", ""


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as f:
            ticks += sum(int(n) for n in f.read().rsplit(")", 1)[1].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


class Sweep:
    """Hosts for all stages and these acts, and a message to each."""

    def __init__(self, stage, certificate, acts):
        self.stage, self.hosts, self.routes = stage, {}, []
        for where, stages in ("clear", CLEAR), ("tls", SECURED):
            for point in stages:
                for name, act in acts.items():
                    if point == "quit" and name in WAITS:
                        continue  # nobody waits for its answer
                    self.add(certificate, where, point, name, act)

    def add(self, certificate, where, point, name, act):
        key = f"{where}.{point}.{name}"
        host = Host(self.stage.dir, certificate, "yes" if where == "tls" else "no")
        how = "clear" if point in ("starttls", "handshake") else where
        host.acts = at(point, how, act)
        host.password = SECRET
        if where == "tls":
            host.auth = "LOGIN" if point == "challenge" else "PLAIN"
        host.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        if len(self.hosts) % 2:
            host.offers.remove("PIPELINING")
        self.hosts[key] = host
        self.routes.append(f"{key}.example {host.route} {where}")

    def send(self):
        """Content that fills more than one buffer, where that is disturbed;
        more than all of the kernel's, where a reply must be seen to be early."""
        self.ids = {}
        for key in self.hosts:
            size = 20_000 if ".content." in key else 1
            size = 500_000 if key == "clear.content.early" else size
            content = b"Subject: t\r\n\r\n" + b"0123456789abcdef\r\n" * size
            (self.ids[key],) = put(self.stage, f"x@{key}.example", content=content)

    def check(self):
        for key, id_ in self.ids.items():
            where, point, act = key.split(".")
            self.stage.sender.log.position = 0
            line = self.stage.sender.log.wait_for(f"{id_}: (delivered|deferred|bounced) .*")
            outcome, reason = expected(point, where, act)
            reply = re.search('reply="([^"]*)"', line.group(0)).group(1)
            good = line.group(1) == outcome and re.search(reason, reply)
            if not ok(good, f"{act} at {point} in {where}: {outcome}"):
                diag(line.group(0))
            if len(self.hosts[key].log.grep("^message")) > 1:
                ok(False, f"{key}: it was sent twice")


resource.setrlimit(resource.RLIMIT_NOFILE, [resource.getrlimit(resource.RLIMIT_NOFILE)[1]] * 2)
with Stage() as stage:
    authority = Authority(stage.dir)
    good = authority.certificate("IP:127.0.0.1")
    sweep, waits = (Sweep(stage, good, acts) for acts in (ACTS, WAITS))

    def configure(reply_timeout):
        stage.write(
            settings=f"hostname mx.example\nlisten 127.0.0.1:{stage.port}\n"
            f"force-filesystem yes\ntls-ca-file {authority.file}\nsender-workers 1\n"
            f"reply-timeout {reply_timeout}\nidle-timeout 1s\n",
            profiles="default retry 1h retries 50\nclear tls none\ntls tls required auth relay",
            credentials=f"relay user {SECRET}",
            routes="\n".join(sweep.routes + waits.routes),
        )
        os.chmod(os.path.join(stage.tables, "credentials"), 0o600)

    configure("5m")
    stage.start("sender")
    workers = stage.sender.workers()
    sweep.send()
    sweep.check()
    is_(stage.sender.workers(), workers, "no worker dies of it")

    # what is not answered; after some seconds all of them are, whatever the load
    stage.stop("sender")
    configure("3s")
    stage.start("sender")
    workers = stage.sender.workers()
    waits.send()
    for key, host in waits.hosts.items():
        log = stage.sender.log
        wait_until(
            lambda: host.log.grep("^waiting") or log.grep(f"{waits.ids[key]}: "),
            [host.log.path, log.path],
            f"{key} to be where it waits",
        )
    before = cpu_seconds(workers)
    stage.sender.log.wait_for("no reply to .* in time")
    busy = cpu_seconds(workers) - before
    ok(busy < 0.5, "it is not busy while it waits") or diag(f"{busy} s")
    waits.check()
    is_(stage.sender.workers(), workers, "no worker dies of that")

    # none is lost
    ids = {*sweep.ids.values(), *waits.ids.values()}
    ended = {m.group(1) for m in stage.sender.log.grep("(\\w{18}): (?:delivered|bounced)")}
    kept = {name.rsplit(".", 1)[1] for name in stage.queue("deferred")["deferred"]}
    is_(kept, ids - ended, "what was neither delivered nor failed is there, and nothing else")
    is_(stage.queue("sending", "processed", "corrupt", "held"), {}, "and nowhere else")

done_testing()
