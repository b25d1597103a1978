#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Daemons are killed with SIGKILL, again and again, while mail flows through:
their workers, the workers' helpers, their parents, and whole daemons at once.

What was acknowledged arrives.  What arrives twice had its first end of data on
a connection that its sender's death cut off, and after the last flush that this
sender logged.  In the end nothing is left in the spool.

Every message has two recipients with different next hops, so each is split.
KILL_MESSAGES and KILLS make it shorter or longer; KILL_SEED repeats a run's
choices, as far as processes can be made to repeat anything.
"""

import collections
import ctypes
import os
import random
import re
import select
import signal
import socket
import stat
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from stage import *

MESSAGES = int(os.environ.get("KILL_MESSAGES", "20000"))
KILLS = int(os.environ.get("KILLS", "100"))
SEED = int(os.environ.get("KILL_SEED", str(time.time_ns() % 1000000)))
KINDS = ("worker", "worker", "helper", "parent", "all")

SYS_PIDFD_GETFD = 438
libc = ctypes.CDLL(None, use_errno=True)

# A worker of the sender that was killed, and the local ports of the connections
# that it had then.
Death = collections.namedtuple("Death", "pid born died ports")


class Counter:
    """How many lines of a growing file match, read once each."""

    def __init__(self, path, pattern):
        self.path, self.pattern = path, re.compile(pattern)
        self.position = self.count = 0

    def value(self):
        with open(self.path, "rb") as f:
            f.seek(self.position)
            for line in f:
                if line.endswith(b"\n"):
                    self.position += len(line)
                    self.count += bool(self.pattern.match(line))
        return self.count


def born(pid):
    """Wall time at which a process was forked, a tick early."""
    ticks = os.sysconf("SC_CLK_TCK")
    with open(f"/proc/{pid}/stat") as f:
        start = int(f.read().rsplit(")", 1)[1].split()[19])
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return boot + (start - 1) / ticks


def ports_of(pid, pidfd):
    """Local ports of a process's TCP connections.  Its sockets themselves are
    asked: /proc/net/tcp may leave some out while others come and go."""
    ports = set()
    for number in os.listdir(f"/proc/{pid}/fd"):
        fd = libc.syscall(SYS_PIDFD_GETFD, pidfd, int(number), 0)
        if fd == -1:
            continue
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            os.close(fd)
            continue
        with socket.socket(fileno=fd) as s:
            if s.family == socket.AF_INET:
                ports.add(s.getsockname()[1])
    return ports


class Doomed:
    """A process that stands still, was looked at, and is to be killed."""

    def __init__(self, pid):
        self.pid = pid
        self.fd = os.pidfd_open(pid)
        os.kill(pid, signal.SIGSTOP)
        self.born, self.ports = born(pid), ports_of(pid, self.fd)

    def death(self):
        """When it is over."""
        select.select([self.fd], [], [])
        os.close(self.fd)
        return Death(self.pid, self.born, time.time(), self.ports)


class Killer:
    def __init__(self, stage):
        self.stage = stage
        self.random = random.Random(SEED)
        self.kills = collections.Counter()
        self.sender_deaths = []

    def strike(self):
        """Kill something, and start it again if nobody else does."""
        name = self.random.choice(DAEMONS)
        kind = self.random.choice(KINDS)
        daemon = self.stage.daemons[name]
        try:
            deaths = getattr(self, f"kill_{kind}")(daemon)
        except (ProcessLookupError, FileNotFoundError, IndexError):
            return  # nobody there: it waits to be started anew
        self.kills[name, kind] += 1
        if name == "sender":
            self.sender_deaths += deaths
        if not daemon.running():
            self.stage.start(name, compile=False)

    def kill_worker(self, daemon):
        doomed = Doomed(self.random.choice(daemon.workers()))
        os.kill(doomed.pid, signal.SIGKILL)
        return [doomed.death()]

    def kill_helper(self, daemon):
        """Its worker sees it, and does not go on without it."""
        doomed = Doomed(self.random.choice(daemon.workers()))
        try:
            os.kill(self.random.choice(children(doomed.pid)), signal.SIGKILL)
        finally:
            os.kill(doomed.pid, signal.SIGCONT)
        return [doomed.death()]

    def kill_parent(self, daemon):
        """Its workers finish what they have begun: nothing is cut off."""
        daemon.kill()
        return []

    def kill_all(self, daemon):
        doomed = [Doomed(pid) for pid in daemon.workers()]
        daemon.kill_all()
        return [one.death() for one in doomed]

    def total(self):
        return sum(self.kills.values())


def run(stage, sinks):
    """Send everything, strike at even distances; returns killer and client."""
    log = os.path.join(stage.dir, "load.log")
    argv = [program("smtp-load"), "-r", "-s", "50", "-m", str(MESSAGES)]
    argv += ["-T", "120", "-o", log, "-t", "a%@left.example", "-t", "b%@right.example"]
    open(log, "w").close()
    counters = [Counter(log, rb"acked ")]
    counters += [Counter(sink.log.path, rb"ok ") for sink in sinks]
    paths = [counter.path for counter in counters]
    progress = lambda: sum(counter.value() for counter in counters)
    client = Process([*argv, f"127.0.0.1:{stage.port}"], stage.dir + "/load.out")
    stage.started.append(client)
    killer = Killer(stage)
    step = 3 * MESSAGES / (KILLS + 1)
    while killer.total() < KILLS:
        goal = step * (killer.total() + 1)
        wait_until(lambda: progress() >= goal, paths, lambda: f"progress to {goal}", 120)
        killer.strike()
    return killer, client


def flush_marks(stage):
    """For each process of the sender, the times up to which it had flushed."""
    marks = collections.defaultdict(list)
    pattern = r"sender\[(\d+)\]: flushed until=(\d+\.\d+)"
    for match in stage.sender.log.grep(pattern):
        marks[int(match.group(1))].append(float(match.group(2)))
    return marks


def last_flushes(stage, deaths):
    """(death, time up to which it had flushed what it had delivered)"""
    marks = flush_marks(stage)
    for death in deaths:
        own = [m for m in marks[death.pid] if death.born <= m <= death.died]
        yield death, max(own, default=death.born)


Arrival = collections.namedtuple("Arrival", "time port opened")


def arrivals(sink):
    """By id, each end of data, and which connection it came on."""
    found = collections.defaultdict(list)
    opened = {}
    for kind, ident, when, port in sink.log.words("open|eod"):
        if kind == "open":
            opened[port] = float(when)
        else:
            found[ident].append(Arrival(float(when), int(port), opened[port]))
    return found


def explained(arrival, flushed):
    return any(
        since <= arrival.time
        and arrival.opened <= death.died
        and arrival.port in death.ports
        for death, since in flushed
    )


def judge(stage, sink, acked, deaths, name):
    """Nothing lost; each repetition explained by a death of the sender."""
    arrived = arrivals(sink)
    lost = acked - set(sink.accepted())
    if not is_(len(lost), 0, f"{name}: all {len(acked)} acknowledged ones arrived"):
        diag("lost: " + " ".join(sorted(lost)[:20]))
    flushed = list(last_flushes(stage, deaths))
    repeated = {i: times[:-1] for i, times in arrived.items() if len(times) > 1}
    unexplained = {
        ident: times
        for ident, times in repeated.items()
        if not all(explained(one, flushed) for one in times)
    }
    diag(f"{name}: {len(repeated)} duplicates, {len(arrived)} ids")
    if not is_(len(unexplained), 0, f"{name}: each duplicate has its death"):
        diag(f"{list(unexplained.items())[:10]}\ndeaths: {flushed}")


with Stage() as stage:
    sinks = stage.sink(keep=False), stage.sink(keep=False)
    stage.write(
        routes=f"left.example   {sinks[0].route}  quick\n"
        f"right.example  {sinks[1].route}  quick\n",
        profiles="quick  retry 1s retries 10000",
    )
    stage.start()
    diag(f"KILL_SEED={SEED}")
    began = time.monotonic()
    killer, client = run(stage, sinks)
    is_(client.wait(300), 0, f"{MESSAGES} messages were taken in the end")
    stage.assert_spool_empty(seconds=120)
    diag(f"{time.monotonic() - began:.1f} s; kills: {dict(killer.kills)}")
    is_(killer.total(), KILLS, f"{KILLS} kills")
    log = Follower(stage.dir + "/load.log")
    acked = {words[1] for words in log.words("acked")}
    is_(len(acked), MESSAGES, "each message has its one acknowledgement")
    for sink, name in zip(sinks, ("left", "right")):
        judge(stage, sink, acked, killer.sender_deaths, name)
    for name, status in stage.stop().items():
        is_(status, 0, f"{name} still stops when it is told to")
    left = [n for n in stage.queue("tmp").get("tmp", []) if not n.endswith(".lock")]
    is_(left, [], "no leftovers of writing")
done_testing()
