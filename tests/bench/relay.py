# SPDX-License-Identifier: ISC
"""
Runs of a server between a client and a sink: each gives a row.

A part is a generator of rows for one round; PARTS at the end names them.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import types

import meter
import servers
from peer import smtp_source
from process import Process, program
from secure import Authority
from servers import Plan

PATIENCE_S = 300


COUNTS = "messages octets connections first last secured handshakes resumed"


class Sink:
    def __init__(self, directory, group, rules=None, tls=None):
        self.counters = os.path.join(directory, f"counters.{id(self)}")
        argv = [program("smtp-sink"), "-c", self.counters]
        if rules:
            argv += ["-r", rules]
        if tls:
            argv += ["-t", tls]
        self.process = Process(
            [*argv, "127.0.0.1:0"],
            os.path.join(directory, f"sink.{id(self)}.log"),
            preexec=group.join,
        )
        group.add(self.process.pid)
        self.port = int(self.process.log.wait_for(r"listening (\d+)").group(1))

    def wait(self, messages, seconds=PATIENCE_S):
        """(messages there, time of the last)"""
        counts = self._read("wait", str(messages), str(seconds))
        return int(counts["messages"]), counts["last"]

    def counts(self):
        return self._read("show")

    def _read(self, what, *args):
        argv = [program("sink-count"), what, self.counters, *args]
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True)
        return dict(zip(COUNTS.split(), map(float, done.stdout.split())))

    def reset(self):
        subprocess.run([program("sink-count"), "reset", self.counters], check=True)


def send(port, sessions, size, messages, connections, preexec=None):
    argv = ["-s", str(sessions), "-m", str(messages), "-l", str(size)]
    argv += ["-d"] if connections == "reused" else []
    argv += ["-f", "from@example.org", "-t", "to@example.test", f"127.0.0.1:{port}"]
    smtp_source(*argv, check=True, timeout=PATIENCE_S, preexec_fn=preexec)


# About how many messages of 1 KiB a second: one session, more; for the length
# of a run alone.  A fresh connection to Exim takes 0.2 s, because it holds its
# last reply back; OpenSMTPD's backlog of connections is five.
PACE = {
    ("stagepost", "fresh"): (1500, 4000),
    ("stagepost", "reused"): (1500, 5000),
    ("postfix", "fresh"): (800, 800),
    ("postfix", "reused"): (800, 800),
    ("exim", "fresh"): (5, 50),
    ("exim", "reused"): (150, 200),
    ("opensmtpd", "fresh"): (100, 20),
    ("opensmtpd", "reused"): (150, 300),
    ("stagepost", "TLS, fresh"): (500, 1000),
    ("stagepost", "TLS, reused"): (1000, 3000),
    ("postfix", "TLS, fresh"): (200, 250),
    ("postfix", "TLS, reused"): (300, 500),
    ("none", "fresh"): (5000, 9000),
    ("none", "reused"): (12000, 20000),
}


def count_for(opt, server, connections, size, sessions):
    if opt.messages:
        return opt.messages
    pace = PACE[server, connections][sessions > 1]
    slower = 1 + size / 20000  # than those of 1 KiB
    return max(2 * sessions, 10, int(pace * opt.seconds / slower))


@contextlib.contextmanager
def bench(opt, name, plan=Plan(), trace=None):
    """A server in front of a sink, in a directory of its own: the server, the
    sink, and the groups of the server's and of all other processes."""
    with (
        tempfile.TemporaryDirectory(prefix="bench.", dir=opt.directory) as directory,
        meter.Group("bench-server") as ours,
        meter.Group("bench-harness") as harness,
    ):
        os.chmod(directory, 0o755)  # the servers' users pass through it
        pem = None
        if plan.secure:
            pem = Authority(directory).certificate_and_key("IP:127.0.0.1")
        sink = Sink(directory, harness, tls=pem)
        trace = os.path.join(directory, trace) if trace else None
        make = servers.SERVERS[name]
        try:
            with make(directory, sink.port, ours, plan, trace) as server:
                yield types.SimpleNamespace(
                    server=server, sink=sink, ours=ours, harness=harness,
                    disk=meter.Disk(directory), directory=directory, trace=trace,
                )  # fmt: skip
        finally:
            sink.process.kill_all()


def snapshot(b):
    writes, kib, flushes = b.disk.counts()
    return {
        "time": time.time(), "machine": meter.machine_seconds(),
        "ours": b.ours.seconds(), "harness": b.harness.seconds(),
        "writes": writes, "kib": kib, "flushes": flushes,
    }  # fmt: skip


def costs(b, before, messages, last):
    """What it took since the snapshot until the last message, as a row."""
    after = snapshot(b)
    cost = {key: after[key] - before[key] for key in before}
    others = cost["machine"] - cost["ours"] - cost["harness"]
    return {
        "messages": messages,
        "end_to_end_per_s": messages / max(last - before["time"], 1e-6),
        "cpu_us": cost["ours"] * 1e6 / messages,
        "flushes": cost["flushes"] / messages,
        "writes": cost["writes"] / messages,
        "kib": cost["kib"] / messages,
        "memory_mib": b.ours.memory_mib(),
        "others_percent": max(0, 100 * others / cost["time"]),
    }


def through(b, name, connections, size, sessions, messages):
    """Send, and wait until all has arrived; its row, or None."""
    meter.sync()
    before = snapshot(b)
    send(b.server.port, sessions, size, messages, connections, b.harness.join)
    accepted = time.time() - before["time"]
    arrived, last = b.sink.wait(messages)
    if arrived < messages:
        print(f"{name}: only {arrived} of {messages} arrived", file=sys.stderr)
        return None
    return {
        "server": name, "connections": connections, "size": size,
        "sessions": sessions, "accepted_per_s": messages / accepted,
        **costs(b, before, messages, last),
    }  # fmt: skip


def in_turn(opt, names, connections, sizes, sessions, plan=Plan()):
    for size in sizes:
        for how in connections:
            for many in sessions:
                for name in names:
                    messages = count_for(opt, name, how, size, many)
                    with bench(opt, name, plan) as b:
                        row = through(b, name, how, size, many, messages)
                    if row:
                        yield row


# ---- parts ----


def disk_ceiling(opt, size, processes):
    """create, write, fsync, rename, unlink"""
    argv = [program("disk-ceiling"), "-p", str(processes), "-l", str(size)]
    argv += ["-t", str(opt.seconds), opt.directory]
    disk = meter.Disk(opt.directory)
    before = disk.counts()
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    files, seconds = map(float, done.stdout.split())
    writes, kib, flushes = (x - y for x, y in zip(disk.counts(), before))
    return {
        "server": "file system", "connections": "-", "size": size,
        "sessions": processes, "messages": int(files),
        "end_to_end_per_s": files / seconds, "flushes": flushes / files,
        "writes": writes / files, "kib": kib / files,
    }  # fmt: skip


def relay(opt):
    yield from in_turn(
        opt, [*opt.servers, "none"], opt.connections, [1024], opt.sessions
    )
    for processes in opt.sessions:
        yield disk_ceiling(opt, 1024, processes)


def sizes(opt):
    names = [*opt.servers, "none"]
    few = [n for n in names if n in ("stagepost", "postfix", "none")]
    yield from in_turn(opt, names, ["reused"], [10240, 102400], [10])
    yield from in_turn(opt, few, ["reused"], [10 << 20], [10])
    for size in (10240, 102400, 10 << 20):
        yield disk_ceiling(opt, size, 10)


def _in_tls(opt, name, delivery, sessions):
    """A run's row, or None when not all of it went as it was to go."""
    plan = Plan(secure=True, delivery=delivery)
    messages = count_for(opt, name, f"TLS, {delivery}", 1024, sessions)
    with bench(opt, name, plan) as b:
        row = through(b, name, "reused", 1024, sessions, messages)
        counts = b.sink.counts()
    if row is None:
        return None
    if counts["secured"] != messages:
        print(f"{name}: {counts['secured']:.0f} of {messages} in TLS", file=sys.stderr)
        return None
    if delivery == "fresh" and counts["handshakes"] < messages:
        print(f"{name}: connections were reused", file=sys.stderr)
        return None
    return {
        **row, "delivery": delivery,
        "handshakes": counts["handshakes"] / messages,
        "resumed": counts["resumed"] / max(counts["handshakes"], 1),
    }  # fmt: skip


def tls(opt):
    names = [n for n in opt.servers if n in ("stagepost", "postfix")]
    for delivery in ("fresh", "reused"):
        for sessions in [n for n in opt.sessions if n > 1]:
            for name in names:
                row = _in_tls(opt, name, delivery, sessions)
                if row:
                    yield row


def workers(opt):
    """Each round begins with another number."""
    numbers = [1, 2, 4]
    first = opt.round % len(numbers)
    for number in numbers[first:] + numbers[:first]:
        plan = Plan(workers=number)
        for row in in_turn(opt, ["stagepost"], ["reused"], [1024], [100], plan):
            yield {**row, "workers": number}


def _calls_of_a_run(opt, name, messages):
    with bench(opt, name, trace="trace") as b:
        send(b.server.port, 1, 1024, messages, "reused")
        b.sink.wait(messages)
        b.server.stop()
        return servers.system_calls(b.trace)


def calls(opt, few=200, many=1000):
    """The difference of two runs: starting and stopping cancel out."""
    for name in [n for n in opt.servers if n in ("stagepost", "postfix")]:
        less, more = (_calls_of_a_run(opt, name, n) for n in (few, many))
        yield {
            "server": name,
            "calls": {c: (more[c] - less.get(c, 0)) / (many - few) for c in more},
        }


PARTS = {
    "relay": relay, "calls": calls, "sizes": sizes, "tls": tls,
    "workers": workers,
}  # fmt: skip
