# SPDX-License-Identifier: ISC
"""
All of Stagepost in a private directory, for one test.  Tests are executable
files NN-name.t with "#!/usr/bin/python3 -B" in their first line:

    from stage import *

    with Stage(routes="*  smtp [127.0.0.1]:2600") as stage:
        stage.start()
        with stage.conversation() as c:
            ...
    done_testing()

STAGE_KEEP=1 leaves the directory; PATIENCE=3 makes all deadlines longer.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import tap
from conversation import Conversation, stuffed
from follow import DEADLINE, Deadline, Follower, Timeout, wait_until
from peer import Postfix, smtp_source
from process import BUILD, ROOT, Process, children, descendants, free_port, program
from sink import Letter, Sink
from tap import diag, done_testing, is_, like, ok, skip

DEFAULT_ROUTE = "maildir:mail/%d/%u"
DAEMONS = ("receiver", "engine", "sender")
OF_A_MESSAGE = r": [0-9a-z]{18}[0-9.]*: "  # in the log, behind its id
STATES = ("incoming", "split", "processed", "sending", "deferred", "held", "corrupt")


def _end(number, _frame):
    sys.exit(128 + number)  # an exception, so that everything is cleaned up


signal.signal(signal.SIGTERM, _end)


class Stage:
    """
    Keyword arguments are table files, by name, as text.  `settings` is added
    to what every test needs: a name, a listener, relaying from loopback.
    With users=True, as root, the daemons run as the users that setup made;
    else everything belongs to whoever runs the test.
    """

    def __init__(
        self,
        settings="",
        env=None,
        parent=None,
        spool=None,
        verbose=True,
        users=False,
        **tables,
    ):
        self.dir = tempfile.mkdtemp(prefix="stagepost-test.", dir=parent)
        os.chmod(self.dir, 0o755)  # the daemons' users pass through it
        self.spool = spool or os.path.join(self.dir, "spool")
        self.tables = os.path.join(self.dir, "tables")
        self.port = free_port()
        self.env = dict(env or {})
        self.daemons = {}
        self.started = []  # every process, also the killed ones
        self.sinks = []
        self.peers = []
        self.users = users
        self.flags = ([] if users else ["-U"]) + (["-v"] if verbose else [])
        os.mkdir(self.tables)
        if "local-route" not in settings:
            settings = f"local-route {DEFAULT_ROUTE}\n{settings}"
        self.write(
            settings=f"hostname mx.example\nlisten 127.0.0.1:{self.port}\n"
            f"relay-from 127.0.0.0/8\nforce-filesystem yes\n{settings}\n",
            **{"domains": "", "routes": "", "profiles": "", **tables},
        )
        self.env["QUEUE_TOOL"] = program("queue-tool")
        setup = [os.path.join(ROOT, "scripts", "setup")] + ([] if users else ["-U"])
        self.run(*setup, self.spool)

    # -- tables and programs that end

    def write(self, **tables):
        """Table files; routes get a default where they have none."""
        for name, text in tables.items():
            if name == "routes" and not re.search(r"(?m)^\*", text):
                text += f"\n*  {DEFAULT_ROUTE}\n"
            with open(os.path.join(self.tables, name), "w") as f:
                f.write(text if text.endswith("\n") or not text else text + "\n")

    def run(self, *argv, check=True, **kwargs):
        """A program that ends; what it said is kept in the answer."""
        done = subprocess.run(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.env},
            timeout=DEADLINE * 3,
            **{"text": True, **kwargs},
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: {done.returncode}\n{done.stdout}")
        return done

    def compile(self, check=True):
        cdbmaps = program("cdbmaps")
        return self.run(cdbmaps, "-f", self.tables, "-s", self.spool, check=check)

    def tool(self, *args, check=True, **kwargs):
        argv = [program("queue-tool"), "-s", self.spool, *args]
        return self.run(*argv, check=check, **kwargs)

    # -- daemons

    def start(self, *names, compile=True, preexec=None):
        """Start these (all three without names); they are ready on return."""
        if compile:
            self.compile()
        for name in names or DAEMONS:
            argv = [*self.wrap(name), program(name), "-s", self.spool, *self.flags]
            log = os.path.join(self.dir, f"{name}.log")
            self.daemons[name] = Process(argv, log, self.env, preexec)
            self.started.append(self.daemons[name])
        for name in names or DAEMONS:
            self.daemons[name].log.skip_to(r"\bready workers=\d+", but=OF_A_MESSAGE)

    def wrap(self, name):
        """What to start this daemon under, such as strace."""
        return []

    def start_with_fault(self, name, fault, says):
        """Start this daemon, with the map that there is, under a fault that
        strace(1) injects, "CALL:signal=KILL:when=N"; until its log says so."""
        call = fault.split(":")[0]
        self.wrap = lambda _: [
            *("strace", "-f", "-qq", "-o", "/dev/null"),
            *("-e", f"trace={call}", "-e", f"inject={fault}"),
        ]
        self.start(name, compile=False)
        del self.wrap
        self.daemons[name].log.rewind()  # it may have been before "ready"
        self.daemons[name].log.wait_for(says)

    def __getattr__(self, name):
        """stage.receiver, stage.engine, stage.sender"""
        try:
            return self.__dict__["daemons"][name]
        except KeyError:
            raise AttributeError(name) from None

    def stop(self, *names):
        """Exit statuses by name."""
        names = names or tuple(self.daemons)
        return {name: self.daemons[name].stop() for name in names}

    def turn_clock(self, seconds):
        """The daemons' wall clock is so far off, from now on; the stage must
        have been made with clock=... in env or by this before start()."""
        path = os.path.join(self.dir, "clock")
        self.env["STAGEPOST_CLOCK"] = path
        with open(path, "a+") as f:  # the same inode: it is kept open
            f.truncate(0)
            f.write(f"{seconds}\n")

    # -- mail

    def sink(self, **kwargs):
        self.sinks.append(Sink(self.dir, **kwargs))
        return self.sinks[-1]

    def postfix(self, next_hop):
        self.peers.append(Postfix(self.dir, next_hop))
        return self.peers[-1]

    def conversation(self):
        return Conversation(self.port)

    def submit(self, recipients, content, sender="sender@client.example"):
        """Send one message; the reply to it, or to what was refused."""
        if isinstance(recipients, str):
            recipients = [recipients]
        with self.conversation() as c:
            c.hello()
            reply = c.sends_message(sender, recipients, content)
            c.says("QUIT")
            return reply

    # -- the spool, seen from outside

    def queue(self, *states):
        """Entries by state, only the states that have some."""
        found = {}
        for state in states or STATES:
            for _, _, names in os.walk(os.path.join(self.spool, state)):
                found.setdefault(state, []).extend(names)
        return {state: sorted(names) for state, names in found.items() if names}

    def wait_queue(self, predicate, what, seconds=None):
        """Until predicate(self.queue()) is true."""
        paths = [os.path.join(self.spool, state) for state in STATES]
        return wait_until(
            lambda: predicate(self.queue()),
            paths,
            lambda: f"{what}; the queue is {self.queue()}",
            seconds,
        )

    def wait_in(self, state, n=1, seconds=None):
        """The names in a state, as soon as there are at least n."""
        self.wait_queue(
            lambda q: len(q.get(state, [])) >= n, f"{n} in {state}", seconds
        )
        return self.queue(state)[state]

    def assert_spool_empty(self, name="the spool is empty", seconds=None):
        try:
            self.wait_queue(lambda q: not q, "an empty spool", seconds)
            return ok(True, name)
        except Timeout as e:
            diag(e)
            return ok(False, name)

    # -- the end

    def close(self):
        for process in self.started + [sink.process for sink in self.sinks]:
            process.kill_all()
        for peer in self.peers:
            peer.stop()
        if "STAGE_KEEP" in os.environ:
            diag(f"kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def show_logs(self):
        for name in sorted(self.daemons):
            diag(f"--- the end of {name}.log")
            diag("\n".join(self.daemons[name].log.lines()[-25:]))
        diag(f"--- queue: {str(self.queue())[:2000]}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if tap.failed() or (kind is not None and kind is not SystemExit):
            self.show_logs()
        self.close()
        return False
