# SPDX-License-Identifier: ISC
"""
Trials: a room is killed at its N-th call, or that call fails, while a message
of some kind goes through; then the crash contract is checked.

    acknowledged   everything that had its 250 arrives, in the end
    not stuck      the queue becomes empty by what the daemons do, and by
                   queue-tool flush, which a person would wait for
    once           only a killed sender may send something again, once
    recovered      (killed) of the spool as it was found: whole, all that was
                   acknowledged is in it, and recovery run twice is as run once
    refused        (failed) the client gets 451, 452 or 421, and what was
                   refused does not arrive
    served         (many clients at once) so are those that come afterwards
    quiet          (failed, held) few calls and little time while it lasts
    failed         a flush that ended with EIO is told, and nothing more taken
"""

import collections
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from callfault import EXIT_KILLED, Fault, FaultStage
from contract import census, repeated
from follow import DEADLINE, Deadline, Timeout, Watch
from mails import CROWD, KINDS, Mail, Witnesses
from stage import DAEMONS, STATES, Process, program

Trial = collections.namedtuple("Trial", "room kind fault")

HOLD_S = 0.5
LATE = {"deferral", "divert", "hold", "release", "requeue", "flush", "delete", "pause", "verify"}
CALLS_MAX = 10000  # in that time: a loop makes many more
DIED = r"worker \d+ (ended|was killed)"
FLUSHES = ("fsync(", "fdatasync(", "syncfs(")
# what is done with a held or deferred message, by the room queue-tool
ORDERS = {
    "hold": ("hold", "--state", "deferred"),
    "release": ("release", "--state", "held"),
    "requeue": ("requeue", "--state", "deferred"),
    "flush": ("flush",),
    "delete": ("delete", "--destination", "late.example"),
    "pause": ("pause", "left.example"),
    "verify": ("verify",),
}


class Problems(list):
    def check(self, condition, text):
        if not condition:
            self.append(text)
        return condition


class Bench:
    """A stage, used for many trials of one room."""

    def __init__(self, room, **kwargs):
        self.room = room
        self.stage = FaultStage(room, **kwargs)
        self.control = self.stage.control
        self.witnesses = Witnesses(self.stage)
        self.stage.start()
        paths = [os.path.join(self.stage.spool, state) for state in STATES]
        paths += [d for path in paths for d, _, _ in os.walk(path)]
        self.watch = Watch(*paths, *self.witnesses.logs())
        self.watch.add(*(os.path.join(self.stage.dir, f"{n}.log") for n in DAEMONS))

    def close(self):
        self.watch.close()
        self.stage.close()

    # -- waiting

    def until(self, predicate, what, nudge=None):
        """Until it is true, or the room is dead; nudge() now and then."""
        deadline = Deadline(None, what)
        while not (answer := predicate()):
            self.watch.wait(min(0.2, deadline.left()))
            if nudge:
                nudge()
        return answer

    def dead(self):
        daemon = self.stage.daemons.get(self.room)
        return daemon is not None and not daemon.running()

    def flush(self):
        """What is deferred, far in the future, is due now."""
        queue = self.stage.queue()
        if "held" in queue:
            self.stage.tool("release", "--state", "held", check=False)
        if "deferred" in queue:
            self.stage.tool("flush", check=False)

    # -- logs

    def mark(self):
        self.marks = {
            name: daemon.log.path for name, daemon in self.stage.daemons.items()
        }
        self.marks = {p: os.path.getsize(p) for p in self.marks.values()}

    def log(self, name):
        """What the daemon has said since mark()."""
        path = self.stage.daemons[name].log.path
        with open(path, errors="replace") as f:
            f.seek(self.marks.get(path, 0))
            return f.read()

    # -- the daemons

    def restart(self):
        if not self.dead():
            self.stage.daemons[self.room].kill_all()
        self.stage.start(self.room, compile=False)

    def end(self):
        """Everything that runs, stands: True while they do."""
        for name in DAEMONS:
            if name != self.room or not self.dead():
                freeze(self.stage.processes(name))

    def go_on(self):
        for name in DAEMONS:
            if name != self.room or not self.dead():
                for pid in self.stage.processes(name):
                    os.kill(pid, signal.SIGCONT)


def freeze(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            pass
    for pid in pids:
        while state_of(pid) not in "TtZX":
            time.sleep(0)


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


class Run:
    """One trial on a bench; problems says what was wrong."""

    def __init__(self, bench, trial):
        self.bench, self.trial = bench, trial
        self.stage, self.control = bench.stage, bench.control
        self.problems = Problems()
        self.mails = []
        self.what = ""
        self.retrying = False  # of the kind "retry"
        self.company = None  # another client, so that commits are shared

    def possible(self, action):
        """After Fault("count"): how many calls it might have happened to."""
        return self.control.possible(action)

    # -- the scenario

    def submit(self, kind):
        mail = Mail(kind)
        self.mails.append(mail)
        mail.send(self.stage.port)
        return mail

    def answered(self):
        return all(mail.reply is not None for mail in self.mails)

    def settled(self):
        """Has the scenario ended by itself?"""
        if not self.answered():
            return False
        queue = self.stage.queue()
        if self.trial.kind in LATE:
            late = [mail for mail in self.mails if mail.acked]
            return list(queue) in (["deferred"], ["held"]) or not late
        return not queue

    def over(self):
        if self.bench.dead() or self.settled():
            return True
        return self.has_failed() and self.answered()

    def has_failed(self):
        return "spool: FAILED" in self.bench.log(self.trial.room)

    def play(self):
        """The scenario, until it ends or the room does."""
        bench = self.bench
        bench.witnesses.late(True)
        if self.trial.kind == "beside":
            self.company = socket.create_connection(("127.0.0.1", self.stage.port))
            self.submit(self.trial.kind)
        for _ in range(CROWD if self.trial.kind == "crowd" else 1):
            self.submit(self.trial.kind)
        if self.trial.fault.hold:
            self.hold()
        if self.trial.kind == "retry":
            self.wait_for_retry()
            if self.trial.fault.hold and not self.what:
                self.hold()  # it was not reached before
        nudge = None if self.trial.kind in (*LATE, "retry") else bench.flush
        if self.trial.fault.action == "kill":
            nudge = None
        bench.until(self.over, lambda: f"the end of it; {self.stage.queue()}", nudge)
        if self.trial.kind == "hold" and not bench.dead():
            self.stage.tool("hold", "--destination", "late.example", check=False)
            self.stage.tool("release", "--state", "held", check=False)
            if self.trial.fault.hold and not self.what:
                self.hold()  # it was not reached before
            bench.until(self.over, "the end of the release", nudge)

    def wait_for_retry(self):
        """By the calendar alone; nobody orders a flush."""
        bench = self.bench
        bench.until(
            lambda: bench.dead() or self.has_failed() or "deferred" in self.stage.queue()
            or self.answered() and not self.mails[0].acked,
            "a deferred message",
        )
        bench.witnesses.late(False)
        self.retrying = True

    def is_put_off(self):
        """By the one who takes it later: as far as it goes by itself."""
        late = self.trial.kind == "retry" and not self.retrying
        return late and "deferred" in self.stage.queue()

    def hold(self):
        """It fails and goes on failing; then no more."""
        bench = self.bench
        bench.until(
            lambda: self.control.hits or self.over() or self.is_put_off(),
            "the call that is to fail",
            None if self.trial.kind == "retry" else bench.flush,
        )
        if not self.control.hits or bench.dead():
            return
        before = self.control.calls, self.stage.processor_time()
        time.sleep(HOLD_S)  # this is how long it lasts
        calls = self.control.calls - before[0]
        busy_s = self.stage.processor_time() - before[1]
        self.problems.check(calls < CALLS_MAX, f"a busy loop: {calls} calls")
        self.problems.check(busy_s < HOLD_S * 0.7, f"a busy loop: {busy_s} s")
        self.lift()

    def lift(self):
        """Nothing happens any more; a room that was to die is dead."""
        self.control.lift()
        self.what = self.control.what
        if self.trial.fault.action == "kill" and self.control.hits:
            self.stage.daemons[self.trial.room].wait()

    def start(self):
        """A room was killed in the midst of its work, and starts again."""
        bench, trial = self.bench, self.trial
        self.control.arm(Fault("kill", 1 + trial.fault.at % 7))
        self.submit("two")
        self.submit("bounce")
        bench.until(lambda: bench.dead() or self.settled(), "the first death")
        self.stage.daemons[trial.room].kill_all()
        bench.until(self.answered, "an answer to the client")
        self.control.arm(trial.fault)
        self.started_at = len(self.bench.log(trial.room))
        self.stage.launch()
        bench.until(
            lambda: bench.dead() or "ready workers=" in self.since_start() and self.over(),
            "the end of what was begun", bench.flush,
        )

    def since_start(self):
        log = self.bench.log(self.trial.room)
        return log[self.started_at :]

    def order(self):
        """An operator's order; the room is queue-tool."""
        order = ORDERS[self.trial.kind]
        self.bench.witnesses.late(True)
        mail = self.submit("deferral")
        self.bench.until(lambda: self.settled(), "a deferred message")
        if self.trial.kind == "release":
            self.stage.tool("hold", "--state", "deferred")
        self.control.arm(self.trial.fault)
        done = self.stage.faulty_tool(*order)
        self.control.lift()
        self.what = self.control.what
        self.said = done.stdout
        if self.trial.fault.action == "kill":
            wanted = EXIT_KILLED if self.control.hits else 0
            self.problems.check(done.returncode == wanted, f"status {done.returncode}")
            self.look_at_spool()
        elif done.returncode == 0 and self.trial.kind == "hold":
            self.problems.check("held" in self.stage.queue(), "no error, and not held")
        if self.trial.kind == "delete":
            self.stage.tool(*order, check=False)  # what is left of it
            self.mails.remove(mail)
            self.problems.check(not self.stage.queue(), "deleted, and there")
        if self.trial.kind == "pause":
            self.submit("small")
            self.stage.tool("resume", "left.example", check=False)

    # -- what must be true

    def look_at_spool(self):
        """The spool as the death has left it, and recovery twice."""
        bench = self.bench
        copy = os.path.join(self.stage.dir, "copy")
        bench.end()
        try:
            subprocess.run(["cp", "-a", self.stage.spool, copy], check=True)
            arrived = bench.witnesses.arrived()
        finally:
            bench.go_on()
        self.check_copy(copy, arrived)
        shutil.rmtree(copy)

    def check_copy(self, copy, arrived):
        found = census(copy)[0]
        recovered = census(copy, "-r")
        entries, leftovers = recovered
        check = self.problems.check
        for moment, some in (("found", found), ("recovered", entries)):
            twice = repeated(e.id for e in some)
            check(not twice, f"{moment}: in two states: {twice}")
        for e in entries:
            check(e.damage == "-", f"damaged: {e}")
            check(e.state not in ("corrupt", "split", "sending"), f"not recovered: {e}")
        left = [name for name in leftovers if not name[0].startswith("engine")]
        check(not left, f"left over: {left}")
        check(census(copy, "-r") == recovered, "a second recovery changed something")
        queued = collections.Counter(e.test_id for e in entries)
        for mail in self.mails:
            if mail.acked and not queued[mail.id] and self.trial.kind != "delete":
                missing = mail.expected - set(arrived)
                check(not missing, f"LOST in the crash: {missing}")

    def check_reply(self, mail):
        """Of a room that went on: no answer is one that tells nothing."""
        log = self.bench.log("receiver")
        if mail.reply == "":
            excuse = re.search(DIED, log) or "socket:" in self.what
            self.problems.check(excuse, "the client was hung up on")
        elif not mail.acked:
            clear = re.match(r"(451|452|421) [4-5]\.\d+\.\d+ |421 ", mail.reply)
            self.problems.check(clear, f"no clear answer: {mail.reply!r}")

    def flush_failed(self):
        """Of the spool; a maildir is another's."""
        return (
            self.trial.fault.action == "EIO"
            and any(f": {flush}{self.stage.spool}/" in self.what for flush in FLUSHES)
            and f"({self.stage.spool}/mail/" not in self.what
        )

    def check_failed(self):
        """It takes no more mail, and says so."""
        self.problems.check(
            self.has_failed(),
            "a flush has failed, and nothing says so",
        )
        if self.trial.room == "receiver":
            mail = Mail("small")
            mail.send(self.stage.port)
            mail.thread.join()
            self.problems.check(
                mail.reply.startswith("421"), f"it goes on: {mail.reply!r}"
            )

    def check_served(self):
        """Who was turned away or hung up on comes again, and others with them."""
        again = sum(not mail.acked for mail in self.mails)
        new = [self.submit("crowd") for _ in range(max(again, CROWD // 2))]
        self.bench.until(self.answered, "an answer to each new client")
        replies = {mail.reply for mail in new if not mail.acked}
        self.problems.check(not replies, f"new clients are not served: {replies}")

    def drained(self):
        wanted = set().union(*(m.expected for m in self.mails if m.acked), set())
        return wanted <= set(self.bench.witnesses.arrived()) and not self.stage.queue()

    def drain(self):
        """Everything arrives, and nothing is left."""
        bench = self.bench
        bench.witnesses.late(False)
        bench.flush()
        bench.until(
            lambda: self.drained(),
            lambda: f"everything to arrive; the queue is {self.stage.queue()}, "
            f"arrived {self.arrived()}",
            bench.flush,
        )
        verified = self.stage.tool("verify", check=False)
        self.problems.check(verified.returncode == 0, f"verify: {verified.stdout}")
        self.check_once()

    def arrived(self):
        ids = {mail.id for mail in self.mails}
        return {k: n for k, n in self.bench.witnesses.arrived().items() if k[1] in ids}

    def check_once(self):
        """The queue is empty: what has not arrived will not."""
        arrived = self.arrived()
        most = 3 if self.trial.room == "sender" else 1
        for key, times in arrived.items():
            self.problems.check(times <= most, f"{times} times: {key}")
        flush = any(name in self.what for name in FLUSHES)
        for mail in self.mails:
            if mail.reply and not mail.acked and not flush:
                came = mail.expected & set(arrived)
                self.problems.check(not came, f"refused, and came: {came}")

    # -- all of it

    def run(self):
        try:
            self.bench.mark()
            if self.trial.room == "queue-tool":
                self.order()
            else:
                self.run_daemon()
            if self.trial.kind == "crowd":
                self.check_served()
            self.drain()
        except Timeout as e:
            self.problems.append(f"STUCK: {e}")
        except (subprocess.SubprocessError, RuntimeError) as e:
            self.problems.append(str(e))
        finally:
            if self.company:
                self.company.close()
        return self.problems

    def run_daemon(self):
        if self.trial.kind == "start":
            self.start()
        else:
            self.control.arm(self.trial.fault)
            self.play()
        self.lift()
        if self.bench.dead():
            self.after_death()
        else:
            self.after_failure()

    def after_death(self):
        status = self.stage.daemons[self.trial.room].popen.returncode
        self.bench.until(self.answered, "an answer to the client")
        if self.trial.fault.action == "kill":
            self.problems.check(status == EXIT_KILLED, f"ended by itself: {status}")
            self.look_at_spool()
        elif self.trial.kind == "start":
            self.problems.check(self.bench.log(self.trial.room), "it ended and said nothing")
        else:
            self.problems.append(f"the daemon has ended: {status}")
        self.bench.restart()

    def after_failure(self):
        if self.trial.room == "receiver" and self.trial.kind != "start":
            for mail in self.mails:
                self.check_reply(mail)
        if self.flush_failed():
            self.check_failed()
            self.bench.restart()
            return
        may = "close in tmp/" in self.bench.log(self.trial.room)  # it tells the same
        self.problems.check(may or not self.has_failed(), "no flush, but a failed spool")
        if self.has_failed() or re.search(DIED, self.bench.log(self.trial.room)):
            self.bench.restart()  # it has a back-off, from death to death
