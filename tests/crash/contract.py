# SPDX-License-Identifier: ISC
"""
The crash contract, held against the spool that one power cut has left.

    acknowledged   what the client was told 250 for is in the spool, for each
                   recipient that has it not yet, or was delivered
    one place      no entry in two states, no recipient of two entries
    whole          nothing damaged, nothing left half-way, after recovery
    idempotent     a second recovery changes nothing
    deleted        what an operator was told is deleted does not come back
    duplicates     what comes again was delivered just before the cut, and
                   the flush after its delivery had not ended
"""

import bisect
import collections
import os
import re
import subprocess

from process import program
from traffic import recipients_of

INFINITE = float("inf")

Entry = collections.namedtuple("Entry", "state id kind test_id damage todo")


def census(spool, *flags):
    """(entries, leftovers of writing)"""
    done = subprocess.run(
        [program("spool-census"), *flags, spool],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
    )
    if done.returncode != 0:
        raise RuntimeError(f"spool-census: {done.stderr}")
    entries, leftovers = [], []
    for line in done.stdout.splitlines():
        word, *words = line.split()
        if word == "leftover":
            leftovers.append(words)
            continue
        todo = {}
        if words[5] != "-":
            todo = dict(item.split("=") for item in words[5].split(","))
        entries.append(Entry(*words[:5], todo))
    return entries, leftovers


def repeated(things):
    return [thing for thing, n in collections.Counter(things).items() if n > 1]


class Contract:
    """All that the witnesses know of one run; check() one cut of it."""

    def __init__(self, traffic):
        self.acks = traffic.acks()
        self.arrivals = traffic.arrivals()
        self.reports = traffic.reports()
        self.deletions = traffic.deletions
        self.left = collections.defaultdict(dict)  # times by id, by message
        for ident, when in traffic.left():
            whole = ident.split(".")[0]
            self.left[whole].setdefault(ident, []).append(when)
        self.flushes = traffic.flushes()
        self.problems = []
        self.duplicates = []  # ages of all that were seen
        self.seen = collections.Counter()  # pictures, as they were found

    # -- of one cut

    def check(self, spool, when):
        """What is broken, as text; nothing when all is well."""
        self.problems = []
        found, leftovers = census(spool)
        self._one_state(found, "as found")
        self._look(spool, found, leftovers)
        recovered = census(spool, "-r")
        entries, leftovers = recovered
        self._one_state(entries, "recovered")
        self._whole(entries, leftovers)
        if census(spool, "-r") != recovered:
            self.problems.append("a second recovery changed something")
        self._acknowledged(spool, entries, when)
        self._deleted(entries, when)
        self._duplicates(entries, when)
        return self.problems

    def _one_state(self, entries, moment):
        for ident in repeated(entry.id for entry in entries):
            states = [e.state for e in entries if e.id == ident]
            self.problems.append(f"{moment}: {ident} is in {' and '.join(states)}")

    def _whole(self, entries, leftovers):
        for entry in entries:
            if entry.damage != "-":
                self.problems.append(f"damaged: {entry}")
            if entry.state in ("corrupt", "split", "sending"):
                self.problems.append(f"not recovered: {entry}")
        for leftover in leftovers:
            self.problems.append(f"left over: {leftover}")
        mine = [(e.test_id, to) for e in entries if e.kind == "mail" for to in e.todo]
        for test_id, to in repeated(mine):
            self.problems.append(f"twice in the spool: {test_id} for {to}")

    def _acknowledged(self, spool, entries, when):
        queued = {(e.kind, e.test_id, to) for e in entries for to in e.todo}
        queued |= {("report", e.test_id) for e in entries if e.kind == "report"}
        queued |= {("box", test_id) for test_id in in_boxes(spool)}
        self.problems += self.lost(queued, when)

    def lost(self, found, when):
        """What was promised before `when`, and is neither among what was found
        after it nor had arrived before."""
        return [
            f"LOST: {test_id} for {to}, acknowledged as {ack.queue_id} "
            f"{when - ack.time:.6f} s before"
            for test_id, ack in self.acks.items()
            if ack.time < when and not self._may_be_deleted(ack, when)
            for to in recipients_of(test_id)
            if not found
            & {("mail", test_id, to), ("box", test_id), ("report", test_id)}
            and not self._arrived(test_id, to, when)
        ]

    def _arrived(self, test_id, to, when):
        """At its next hop; what was refused there, at who sent it."""
        arrival = self.arrivals.get((to.split("@")[1], test_id))
        if arrival and arrival.eod < when:
            return True
        return self.reports.get(test_id, when) < when

    def _may_be_deleted(self, ack, when):
        return any(
            d.begun < when and ack.queue_id in d.named for d in self.deletions
        )

    def _deleted(self, entries, when):
        for deletion in self.deletions:
            for entry in entries:
                if deletion.ended < when and entry.id in deletion.deleted:
                    self.problems.append(f"deleted, and back: {entry}")

    def _duplicates(self, entries, when):
        for entry in entries:
            for to in entry.todo:
                arrival = self.arrivals.get((to.split("@")[1], entry.test_id))
                if entry.kind != "mail" or not arrival or arrival.ok >= when:
                    continue
                age = when - arrival.ok
                self.duplicates.append(age)
                noted = self.noted(entry.id, arrival)
                if noted < when:
                    self.problems.append(
                        f"{entry.test_id} for {to} comes again, {age:.3f} s after "
                        f"its delivery, {when - noted:.6f} s after it was noted"
                    )

    # -- how long a delivery may come again

    def noted(self, ident, arrival):
        """When the first flush had ended that began after it, or one of its
        parts, was out of sending/ again."""
        left = [
            min(t for t in times if t >= arrival.eod)
            for name, times in self.left[ident.split(".")[0]].items()
            if f"{name}.".startswith(f"{ident}.") and max(times) >= arrival.eod
        ]
        first = bisect.bisect_left(self.flushes, (max(left, default=INFINITE),))
        return min((f.ended for f in self.flushes[first:]), default=INFINITE)

    def windows(self):
        """Of each delivery, how long after its 250 that was."""
        return sorted(
            self.noted(self.acks[test_id].queue_id, arrival) - arrival.ok
            for test_id in self.acks
            for to in recipients_of(test_id)
            if (arrival := self.arrivals.get((to.split("@")[1], test_id)))
        )

    # -- what a cut has caught

    def _look(self, spool, entries, leftovers):
        names = {(e.state, e.id) for e in entries}
        for entry in entries:
            self.seen[f"in {entry.state}/"] += 1
            whole, _, number = entry.id.rpartition(".")
            if entry.state == "split" and number == "0":
                self.seen["a split that goes on"] += 1
            elif entry.state == "split" and ("incoming", whole) in names:
                self.seen["a split that is undone"] += 1
        self.seen["in tmp/"] += len(leftovers)
        for path, directories, files in os.walk(os.path.join(spool, "deferred")):
            if path.count("/") - spool.count("/") == 3 and not files:
                self.seen["a bucket that is empty"] += 1


def in_boxes(spool):
    """Test ids of what lies in a maildir's new/."""
    found = set()
    for path, _, names in os.walk(os.path.join(spool, "mail")):
        for name in names if os.path.basename(path) == "new" else ():
            with open(os.path.join(path, name), "rb") as f:
                match = re.search(rb"X-Test-Id: (\S+)", f.read())
            if match:
                found.add(match.group(1).decode())
    return found
