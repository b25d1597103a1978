#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Walls and limits of the receiver."""

import os
import resource
import signal

from stage import *

SETTINGS = """
message-size-max 100000
recipients-max 3
errors-max 5
sessions-max 8
client-sessions-max 3
command-timeout 1s
data-timeout 1s
receiver-workers 1
"""

LISTENS = "0A"  # a state in /proc/net/tcp


def in_tmp(stage):
    found = os.walk(os.path.join(stage.spool, "tmp"))
    names = [name for _, _, names in found for name in names]
    return [name for name in names if not name.endswith(".lock")]


def relaying(stage):
    """127.0.0.1 may send anywhere, 127.0.0.3 to local domains only."""
    with Conversation(stage.port, source="127.0.0.3") as c:
        c.hello()
        c.asks("MAIL FROM:<a@home.example>", 250)
        c.asks("RCPT TO:<b@far.example>", "550 5.7.1")
        c.asks("RCPT TO:<b@sub.home.example>", "550 5.7.1")
        c.asks("RCPT TO:<b@[127.0.0.1]>", "550 5.7.1")
        c.asks("RCPT TO:<@home.example:b@far.example>", "550 5.7.1")
        c.asks("RSET", 250)
    with Conversation(stage.port, source="127.0.0.3") as c:
        c.hello()
        c.asks("MAIL FROM:<a@far.example>", 250)
        c.asks("RCPT TO:<b%far.example@HOME.example>", 250)
        c.asks("RCPT TO:<postmaster>", 250)
    with Conversation(stage.port, source="127.0.0.1") as c:
        c.hello()
        c.asks("MAIL FROM:<a@far.example>", 250)
        c.asks("RCPT TO:<b@far.example>", 250)


def sizes(stage):
    with stage.conversation() as c:
        c.hello()
        c.asks("MAIL FROM:<a@b.example> SIZE=100001", "552 5.3.4")
        c.asks("MAIL FROM:<a@b.example> SIZE=99999999999999999999", "552 5.3.4")
        body = b"x" * 98 + b"\r\n"
        is_(
            c.sends_message("a@b.example", ["c@d.example"], body * 1000)[:9],
            "250 2.0.0",
            "just as big as it may be",
        )
        stuffed = b".x\r\n" + body * 999 + b"x" * 94 + b"\r\n"
        is_(
            c.sends_message("a@b.example", ["c@d.example"], stuffed)[:9],
            "250 2.0.0",
            "stuffed dots do not count",
        )
        is_(
            c.sends_message("a@b.example", ["c@d.example"], body * 1000 + b"\r\n")[:9],
            "552 5.3.4",
            "two octets too many, told at the end",
        )
        c.asks("NOOP", 250)
    is_(in_tmp(stage), [], "nothing is left of it")
    with stage.conversation() as c:
        c.hello()
        for command in ("MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"):
            c.asks(command, "")
        try:
            for _ in range(500):
                c.sends(body * 1000)
        except OSError:
            pass
        else:
            ok(False, "50 MB were read")
        like(c.reply(), "^(552 5.3.4|$)", "nobody is read from without end")


def lines(stage):
    with stage.conversation() as c:
        c.hello()
        c.asks("NOOP " + "x" * 2041, 250)
        c.says("NOOP " + "x" * 2042, "NOOP")
        c.gets("500 5.5.2", "a command line over the limit")
        c.gets("250", "the rest of it is skipped")
        c.says("NOOP " + "x" * 300000, "NOOP")
        c.gets("500 5.5.2", "one far over the limit")
        c.gets("250", "the rest of it is skipped")


def long_content_lines(stage):
    with stage.conversation() as c:
        c.hello()
        text = b"x" * 65537 + b"\r\n"
        reply = c.sends_message("a@b.example", ["c@d.example"], text)
        is_(reply[:9], "550 5.6.0", "a line of content over the limit")


def recipients(stage):
    with stage.conversation() as c:
        c.hello()
        c.asks("MAIL FROM:<a@b.example>", 250)
        for i in range(3):
            c.asks(f"RCPT TO:<{i}@d.example>", 250)
        for i in range(6):
            c.asks(f"RCPT TO:<more{i}@d.example>", "452 4.5.3")
        c.asks("DATA", 354)
        c.sends(b".\r\n")
        c.gets("250 2.0.0", "the others are served")


def errors(stage):
    with stage.conversation() as c:
        c.hello()
        c.says(*("FOO",) * 20)
        for _ in range(5):
            c.gets("500 5.5.1")
        c.gets("421 4.7.0", "then it is enough")
        c.ends()


def timeouts(stage):
    with stage.conversation() as c:
        c.gets(220)
        c.gets("421 4.4.2", "no command for a second")
        c.ends()
    with stage.conversation() as c:
        c.hello()
        for command in ("MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"):
            c.asks(command, "")
        c.sends(b"x" * 10)
        c.gets("421 4.4.2", "no content for a second")
        c.ends()
    is_(in_tmp(stage), [], "nothing is left of it")


def trickling(stage):
    """A byte now and then: each comes in time, the line does not."""
    with stage.conversation() as c:
        c.reply()
        c.socket.settimeout(0.1)
        got = b""
        for _ in range(300):
            try:
                c.sends(b"N")
                got += c.socket.recv(100)
            except TimeoutError:
                continue
            except OSError:
                pass
            break
        like(got.decode(), r"^421 4\.4\.2", "a slow line has its time, no more")


def sessions(stage):
    def come(source):
        c = Conversation(stage.port, source=source)
        return c, c.reply()[:9]

    mine = [come("127.0.0.1") for _ in range(4)]
    is_([r[:3] for _, r in mine], ["220"] * 3 + ["421"], "three of one client")
    is_(mine[3][1], "421 4.7.0", "the fourth is told so")
    others = [come(f"127.0.0.{i}") for i in range(10, 16)]
    is_([r[:3] for _, r in others], ["220"] * 5 + ["421"], "eight in all")
    is_(others[5][1], "421 4.3.2", "the ninth is told so")
    mine[0][0].asks("QUIT", 221)
    mine[0][0].ends()
    c, reply = come("127.0.0.1")
    is_(reply[:3], "220", "one has gone, one may come")
    for gone, _ in [*mine, *others, (c, "")]:
        gone.close()


def sessions_of_all_workers():
    """Connections are dealt to workers; the limit is one for all.

    They come one after the other: of those that come at the same moment, each
    may be counted before the other is turned away.
    """
    with Stage(settings="receiver-workers 4\nclient-sessions-max 120") as stage:
        stage.start("receiver")
        mine = [greeted(stage.port) for _ in range(10)]
        is_(spread(stage), [10, 0, 0, 0], "ten sessions are one worker's")
        leave(mine, stage)
        came, codes = [], []
        for _ in range(130):
            came.append(Conversation(stage.port))
            codes.append(came[-1].reply()[:3])
        is_(codes, ["220"] * 120 + ["421"] * 10, "120 of one client")
        ok(min(spread(stage)) >= 25, f"in four workers: {spread(stage)}")
        leave(came, stage)
        came = [greeted(stage.port) for _ in range(10)]
        is_(spread(stage), [10, 0, 0, 0], "after that they are one worker's again")
        first = max(stage.receiver.workers(), key=lambda w: sessions_of(w, stage))
        os.kill(first, signal.SIGKILL)
        for c in came:
            c.close()
        came = [greeted(stage.port) for _ in range(10)]
        is_(sum(spread(stage)), 10, "when that one dies, others are served")
        for c in came:
            c.close()


def addresses():
    """The client is known to the worker that serves it, whoever accepted it."""
    with Stage(settings="receiver-workers 4") as stage:
        stage.start("receiver")
        for i in range(1, 13):
            with Conversation(stage.port, source=f"127.0.0.{i}") as c:
                c.hello()
                c.asks("MAIL FROM:<a@b.example>", 250)
                c.asks("RCPT TO:<c@d.example>", 250)
                c.asks("DATA", 354)
                c.sends(b".\r\n")
                c.gets("250 2.0.0")
            found = stage.receiver.log.wait_for(r"accepted .* client=(\S+)").group(1)
            is_(found, f"127.0.0.{i}", "one of four workers knows the client")


def greeted(port):
    """Connected and greeted."""
    c = Conversation(port)
    c.gets(220)
    return c


def leave(conversations, stage):
    for c in conversations:
        c.close()
    deadline = Deadline(None, "the end of all sessions")
    while sum(spread(stage)) > 0:
        deadline.left()


def sessions_of(worker, stage):
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f][1:]
    at = f":{stage.port:04X}"
    connected = {r[9] for r in rows if r[1].endswith(at) and r[3] != LISTENS}
    return len(sockets(worker) & connected)


def spread(stage):
    """How many sessions the workers have, the most first."""
    workers = stage.receiver.workers()
    return sorted((sessions_of(w, stage) for w in workers), reverse=True)


def descriptors(stage):
    """Without a descriptor for more, clients wait; they are not lost."""
    (worker,) = [
        pid
        for pid in stage.receiver.workers()
        if any(
            os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
            and stage.port in listening(pid)
            for fd in os.listdir(f"/proc/{pid}/fd")
        )
    ]
    used = max(int(fd) for fd in os.listdir(f"/proc/{worker}/fd")) + 1
    soft, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (used, hard))
    waiting = [Conversation(stage.port, source=f"127.0.0.{i}") for i in (20, 21)]
    stage.receiver.log.wait_for("accept: pausing")
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (soft, hard))
    for c in waiting:
        c.gets(220, "served as soon as there are descriptors")
        c.close()


def space(stage):
    stage.write(settings=stage.settings + "reserve-space 1024g\n")
    stage.compile()
    stage.receiver.log.wait_for("map generation=")
    with stage.conversation() as c:
        c.hello()
        c.asks("MAIL FROM:<a@b.example>", "452 4.3.1")
        c.asks("NOOP", 250)


def sockets(pid):
    """The inodes of a process's sockets."""
    inodes = set()
    try:
        fds = os.listdir(f"/proc/{pid}/fd")
    except OSError:  # it has died
        return inodes
    for fd in fds:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:  # closed meanwhile
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    return inodes


def listening(pid):
    """Ports that a process listens on, by its socket inodes."""
    inodes = sockets(pid)
    with open(f"/proc/{pid}/net/tcp") as f:
        rows = [line.split() for line in f][1:]
    return {int(r[1].split(":")[1], 16) for r in rows if r[9] in inodes}


with Stage(domains="home.example  maildir:mail/%d/%u") as stage:
    stage.settings = f"""hostname mx.example
listen 127.0.0.1:{stage.port}
relay-from 127.0.0.1
force-filesystem yes
{SETTINGS}"""
    stage.write(settings=stage.settings)
    stage.start("receiver")
    relaying(stage)
    sizes(stage)
    lines(stage)
    long_content_lines(stage)
    recipients(stage)
    errors(stage)
    timeouts(stage)
    trickling(stage)
    sessions(stage)
    sessions_of_all_workers()
    addresses()
    descriptors(stage)
    space(stage)
done_testing()
