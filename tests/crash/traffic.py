# SPDX-License-Identifier: ISC
"""
Mail of every kind through all three rooms, and who can witness what of it:
the client what was acknowledged, the next hops what was delivered, and when.
"""

import collections
import os
import re
import signal
import time

from follow import DEADLINE, Deadline, Follower, wait_until
from process import Process, descendants, program, wait_for_ends
from sink import Letter
from stage import Stage

# A kind of mail: how many of 1000, in how many of 50 sessions, to whom.
Kind = collections.namedtuple("Kind", "share sessions to size")
KINDS = {
    "one": Kind(440, 20, ["one%@left.example"], 1000),
    "two": Kind(200, 10, ["two%@left.example", "two%@right.example"], 3000),
    "late": Kind(120, 6, ["late%@late.example"], 1000),
    "bad": Kind(60, 3, ["bad%@bad.example"], 1000),
    "box": Kind(80, 4, ["box%4@box.example"], 1000),
    "large": Kind(20, 2, ["large%@right.example"], 600000),
    "gone": Kind(80, 5, ["gone%@late.example"], 1000),
}
WINDOW_S = 0.1  # the default duplicate-window
LONG = 6 * DEADLINE

Ack = collections.namedtuple("Ack", "time queue_id")
Flush = collections.namedtuple("Flush", "begun ended")
Arrival = collections.namedtuple("Arrival", "eod ok")
Deletion = collections.namedtuple("Deletion", "begun ended named deleted")


def kind_of(test_id):
    return test_id.split("-")[0]


def recipients_of(test_id):
    """As smtp-load made them."""
    kind, number, _ = test_id.split("-")
    number = int(number)
    return [
        to.replace("%4", str(number % 4)).replace("%", str(number))
        for to in KINDS[kind].to
    ]


class Tallied(Stage):
    """meddle: {"receiver": "LAZY=directory"}, what is bent in which daemon
    (meddle.c); all of them write down what they do to the disk."""

    def __init__(self, meddle, **kwargs):
        super().__init__(**kwargs)
        self.meddle = meddle

    def wrap(self, name):
        preload = f"LD_PRELOAD={program('meddle.so')}"
        tally = f"TALLY={self.tally(name)}"
        return ["env", preload, tally, *self.meddle.get(name, "").split()]

    def tally(self, name):
        return os.path.join(self.dir, f"{name}.tally")

    def tallied(self, name, kinds):
        """What this daemon did of these kinds, in words."""
        return Follower(self.tally(name)).words(kinds)


class Traffic:
    """One run of it, over a spool that is on a recorded disk."""

    def __init__(
        self,
        disk,
        messages,
        sessions,
        syncfs_at,
        workers=2,
        kinds=None,
        meddle=None,
        window=WINDOW_S,
    ):
        self.messages, self.sessions = messages, sessions
        self.kinds = {k: KINDS[k] for k in kinds or KINDS}
        self.disk, self.window = disk, window
        self.stage = Tallied(
            meddle or {},
            spool=os.path.join(disk.at, "spool"),
            settings=f"commit-syncfs-at {syncfs_at}\nreserve-space 1m\n"
            f"receiver-workers {workers}\n"
            f"reserve-inodes 10\nduplicate-window {window * 1000:.0f}ms",
        )
        self.sinks = {
            "left.example": self.stage.sink(rules="rcpt *@bad.example 550 5.1.1 no"),
            "right.example": self.stage.sink(),
            "late.example": self.stage.sink(rules="rcpt * 451 4.3.0 later"),
        }
        left = self.sinks["left.example"].route
        routes = [f"{d}  {s.route}  quick" for d, s in self.sinks.items()]
        routes += [f"bad.example  {left}  quick", f"load.example  {left}  quick"]
        self.stage.write(
            routes="\n".join(routes), profiles="quick  retry 1s retries 1000"
        )
        self.logs = {}
        self.deletions = []
        self.at_once = 0  # sessions that were open together

    # -- the run

    def send(self):
        """Start the clients; nobody is greeted before all are there."""
        receivers = [self.stage.receiver.pid, *descendants(self.stage.receiver.pid)]
        for pid in receivers:
            os.kill(pid, signal.SIGSTOP)
        try:
            total = sum(map(self.sessions_of, self.kinds.values()))
            clients = [self._client(*item) for item in self.kinds.items()]
            deadline = Deadline(LONG, f"{total} connections")
            while self.at_once < total and deadline.left():
                self.at_once = self._connected()
                time.sleep(0.005)
        finally:
            for pid in receivers:
                os.kill(pid, signal.SIGCONT)
        return clients

    def messages_of(self, kind):
        return max(1, kind.share * self.messages // self.shares)

    @property
    def shares(self):
        return sum(kind.share for kind in self.kinds.values())

    def sessions_of(self, kind):
        all_of_them = sum(k.sessions for k in self.kinds.values())
        wanted = max(1, kind.sessions * self.sessions // all_of_them)
        return min(wanted, self.messages_of(kind))

    def _client(self, name, kind):
        log = os.path.join(self.stage.dir, f"{name}.load")
        self.logs[name] = Follower(log)
        argv = [program("smtp-load"), "-i", name, "-f", f"{name}@load.example"]
        argv += ["-s", str(self.sessions_of(kind)), "-m", str(self.messages_of(kind))]
        argv += ["-l", str(kind.size), "-o", log]
        for to in kind.to:
            argv += ["-t", to]
        client = Process([*argv, f"127.0.0.1:{self.stage.port}"], log + ".out")
        self.stage.started.append(client)
        return client

    def _connected(self):
        """Connections to the receiver."""
        with open("/proc/net/tcp") as f:
            lines = [line.split() for line in f.readlines()[1:]]
        port = f":{self.stage.port:04X}"
        return sum(1 for w in lines if w[2].endswith(port) and w[3] == "01")

    def progress(self):
        """Acknowledged so far."""
        return sum(log.text().count("\nacked ") for log in self.logs.values())

    def order(self):
        """What an operator does in between."""
        self.stage.tool("hold", "--destination", "right.example", check=False)
        self.stage.tool("release", "--state", "held", check=False)
        self.stage.tool("requeue", "--destination", "late.example", check=False)
        begun = time.time()
        done = self.stage.tool("delete", "--sender", "gone@load.example", check=False)
        named, deleted = set(), set()
        for ident, *words in (line.split() for line in done.stdout.splitlines()):
            named.add(ident)
            if words[0] == "deleted":  # else its sender will
                deleted.add(ident)
        self.deletions.append(Deletion(begun, time.time(), named, deleted))

    def run(self):
        """Until everything is delivered, and that is flushed; the spool is
        empty then."""
        stage = self.stage
        stage.start()
        self.disk.mark("begin")
        clients = self.send()
        paths = [log.path for log in self.logs.values()]
        for step in range(1, 5):
            goal = step * self.messages // 6
            wait_until(lambda: self.progress() >= goal, paths, f"{goal} acks", LONG)
            self.order()
            if step == 2:
                self._await_deferral()
                self.sinks["late.example"].rules("")
        statuses = [client.wait(LONG) for client in clients]
        if statuses != [0] * len(clients):
            raise RuntimeError(f"not everything was taken: {statuses}")
        self.empty_spool()
        if self.window == WINDOW_S:
            wait_until(
                self._all_flushed,
                [stage.tally("sender")],
                "the flush of the last deliveries",
                LONG,
            )
        self.disk.mark("end")
        self.stop()

    def _await_deferral(self):
        log = self.stage.sender.log
        if "late" in self.kinds:
            wait_until(
                lambda: log.grep("deferred to=<late"), [log.path], "a deferral", LONG
            )

    def empty_spool(self):
        """Wait for that.  What is held is released, also what is held only
        now, by an order that waited for the end of an attempt.  A name may
        move to where one has looked already, so it is looked at twice."""
        stage = self.stage
        while stage.wait_queue(
            lambda q: "held" in q or not (q or stage.queue()),
            "an empty spool",
            LONG,
        ) and "held" in stage.queue():
            stage.tool("release", "--state", "held", check=False)

    def _all_flushed(self):
        flushes = self.flushes()
        return flushes and flushes[-1].begun > max(t for _, t in self.left("gone"))

    # -- the witnesses

    def acks(self):
        found = {}
        for log in self.logs.values():
            for _, test_id, when, *reply in log.words("acked"):
                # "250 2.0.0 ID accepted"
                found[test_id] = Ack(float(when), reply[2])
        return found

    def arrivals(self):
        """{(domain, test id): Arrival}; of several the first."""
        found = {}
        for domain, sink in self.sinks.items():
            eod = {}
            for word, test_id, when, *_ in sink.log.words("eod|ok"):
                if word == "eod":
                    eod.setdefault(test_id, float(when))
                elif (domain, test_id) not in found:
                    found[domain, test_id] = Arrival(eod[test_id], float(when))
        return found

    def reports(self, since=0):
        """{test id: time} of the reports that the client's side was sent."""
        found = {}
        sink = self.sinks["left.example"]
        for name in sink.names():
            path = os.path.join(sink.kept, name)
            letter = Letter(path)
            if letter.sender == "":
                match = re.search(rb"X-Test-Id: (\S+)", letter.content)
                when = os.stat(path).st_mtime
                if when >= since:
                    found.setdefault(match.group(1).decode(), when)
        return found

    def left(self, how="moved|gone"):
        """(queue id, time) of what the sender has taken out of sending/."""
        found = []
        for _, path, when in self.stage.tallied("sender", how):
            if "/sending/" in path:
                name = os.path.basename(path)
                found.append((name.split(".", 1)[1], float(when)))
        return found

    def flushes(self):
        """The sender's, of everything, in the order of their beginnings."""
        return sorted(
            Flush(float(begun), float(ended))
            for _, _, begun, ended in self.stage.tallied("sender", "filesystem")
        )

    def events(self):
        """What has happened that a test may be made for, by name."""
        seen = collections.Counter(sessions=self.at_once)
        unflushed = set()
        for _, path, what in self.stage.tallied("receiver", "onward"):
            seen["went on before the flush of its name"] += 1
            unflushed.add(os.path.basename(path))
        for _, path, *_ in self.stage.tallied("engine", "file"):
            if os.path.basename(path) in unflushed:
                seen["its split recorded before the flush of its name"] += 1
        for _ in self.stage.tallied("receiver", "filesystem"):
            seen["flushed together"] += 1
        return seen

    # -- after a power cut

    def go_on(self, spool):
        """Start the daemons on that spool, until it is empty."""
        stage = self.stage
        stage.spool = spool
        stage.start()
        self.empty_spool()
        return self.stop()

    def stop(self):
        """Exit statuses by name; nobody holds the spool any more."""
        return {n: d.stop_whole() for n, d in self.stage.daemons.items()}

    def arrived_since(self, when):
        """As Contract.lost() wants it."""
        found = set()
        for domain, sink in self.sinks.items():
            for _, test_id, time_s, *_ in sink.log.words("ok"):
                if float(time_s) >= when and test_id != "-":
                    found |= {
                        ("mail", test_id, to)
                        for to in recipients_of(test_id)
                        if to.endswith(domain)
                    }
        return found | {("report", test_id) for test_id in self.reports(when)}

    def kill_daemons(self):
        for daemon in self.stage.daemons.values():
            family = daemon.family()
            daemon.kill_all()
            wait_for_ends(family, f"the end of {daemon.name}")

    def close(self):
        self.stage.close()
