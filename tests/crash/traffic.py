# SPDX-License-Identifier: ISC
"""
Mail of every kind through all three rooms, and who can witness what of it:
the client what was acknowledged, the next hops what was delivered, and when.
"""

import collections
import os
import re
import time

from follow import Follower, wait_until
from process import Process, program
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

Ack = collections.namedtuple("Ack", "time queue_id")
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


class LazyStage(Stage):
    """lazy: {"receiver": "directory"}, which flushes that daemon leaves out
    (lazy-flush.c)."""

    def __init__(self, lazy, **kwargs):
        super().__init__(**kwargs)
        self.lazy = lazy

    def wrap(self, name):
        if name not in self.lazy:
            return []
        preload = f"LD_PRELOAD={program('lazy-flush.so')}"
        return ["env", preload, f"LAZY={self.lazy[name]}", *super().wrap(name)]


class Traffic:
    """One run of it, over a spool that is on a recorded disk."""

    def __init__(self, disk, messages, sessions, syncfs_at, workers=2, lazy=None):
        self.messages, self.sessions = messages, sessions
        self.disk = disk
        self.stage = LazyStage(
            lazy or {},
            spool=os.path.join(disk.at, "spool"),
            settings=f"commit-syncfs-at {syncfs_at}\nreserve-space 1m\n"
            f"receiver-workers {workers}\n"
            "reserve-inodes 10",
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

    # -- the run

    def send(self):
        """Start the clients."""
        clients = []
        for name, kind in KINDS.items():
            log = os.path.join(self.stage.dir, f"{name}.load")
            self.logs[name] = Follower(log)
            argv = [program("smtp-load"), "-i", name, "-f", f"{name}@load.example"]
            argv += ["-s", str(max(1, kind.sessions * self.sessions // 50))]
            argv += ["-m", str(max(1, kind.share * self.messages // 1000))]
            argv += ["-l", str(kind.size), "-o", log]
            for to in kind.to:
                argv += ["-t", to]
            clients.append(
                Process([*argv, f"127.0.0.1:{self.stage.port}"], log + ".out")
            )
            self.stage.started.append(clients[-1])
        return clients

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
        """Until everything is delivered; the spool is empty then."""
        stage = self.stage
        stage.start()
        self.disk.mark("begin")
        clients = self.send()
        paths = [log.path for log in self.logs.values()]
        for step in range(1, 5):
            goal = step * self.messages // 6
            wait_until(lambda: self.progress() >= goal, paths, f"{goal} acks", 120)
            self.order()
            if step == 2:
                self.sinks["late.example"].rules("")
        statuses = [client.wait(120) for client in clients]
        if statuses != [0] * len(clients):
            raise RuntimeError(f"not everything was taken: {statuses}")
        stage.tool("release", "--state", "held", check=False)
        stage.wait_queue(lambda q: not q, "an empty spool", 120)
        self.disk.mark("end")
        self.stop()

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

    # -- after a power cut

    def go_on(self, spool):
        """Start the daemons on that spool, until it is empty."""
        stage = self.stage
        stage.spool = spool
        stage.start()
        stage.tool("release", "--state", "held", check=False)
        stage.wait_queue(lambda q: not q, "an empty spool", 60)
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
            daemon.kill_all()

    def close(self):
        self.stage.close()
