# SPDX-License-Identifier: ISC
"""
The servers that are compared, all from the same mould: each is started with
an empty queue, relays everything to one port on loopback, and is durable.

A server is a context: `with Stagepost(directory, next_hop, group) as server`,
and then server.port takes mail.  `trace` is a file name prefix for strace -c.
"""

import glob
import os
import socket
import tempfile
import time

from follow import Deadline, wait_until
from peer import Postfix as PostfixPeer
from process import ROOT, Process, free_port
from stage import Stage


def _strace(path):
    """Detached (-D), so that what is started is our child and not strace."""
    return ["strace", "-D", "-f", "-qq", "-c", "-U", "name,calls", "-o", path]


class Plan:
    """What a run wants of a server beside the plain relay."""

    def __init__(self, workers=0, hold=False, secure=False, delivery="reused"):
        self.workers = workers  # of each of our rooms; 0: as it comes
        self.hold = hold  # nothing is delivered before release()
        self.secure = secure  # mail goes out in TLS or not at all
        self.delivery = delivery  # "fresh": a connection for each message


class Stagepost:
    name = "stagepost"

    class _Stage(Stage):
        trace = None

        def wrap(self, name):
            return _strace(f"{self.trace}.{name}") if self.trace else []

    def __init__(self, directory, next_hop, group, plan=Plan(), trace=None):
        self.group, self.plan = group, plan
        self.stage = self._Stage(
            parent=directory,
            verbose=False,
            routes=f"*  smtp [127.0.0.1]:{next_hop}  busy",
            profiles="busy  concurrency 100 lifetime 5d "
            f"messages-per-connection {'1' if plan.delivery == 'fresh' else 'none'} "
            f"tls {'required' if plan.secure else 'opportunistic'}\n"
            "wait  retry 5h 5d retries 5\n",  # long.py defers for days
            settings="sessions-max 1000\nclient-sessions-max 1000\n"
            + "".join(
                f"{room}-workers {plan.workers}\n"
                for room in ("receiver", "engine", "sender")
                if plan.workers
            ),
        )
        self.stage.trace = trace
        self.port = self.stage.port

    def __enter__(self):
        self.stage.__enter__()
        self.start(*(("receiver", "engine") if self.plan.hold else ()))
        return self

    def start(self, *rooms, compile=True):
        self.stage.start(*rooms, compile=compile, preexec=self.group.join)
        for daemon in self.stage.daemons.values():
            self.group.add(daemon.pid)

    def release(self):
        self.start("sender", compile=False)

    def stop(self):
        self.stage.stop()

    def __exit__(self, *error):
        return self.stage.__exit__(*error)


class Postfix:
    name = "postfix"

    def __init__(self, directory, next_hop, group, plan=Plan(), trace=None):
        self.group = group
        # Without its log file and the process that writes it: in its favour.
        self.peer = lambda: PostfixPeer(
            directory,
            next_hop,
            under=_strace(f"{trace}.postfix") if trace else (),
            env={"NOLOG": "1"},
            main=self._settings(plan),
            master=self._services(plan),
            preexec=group.join,
        )

    @staticmethod
    def _settings(plan):
        lines = ["defer_transports = smtp"] if plan.hold else []
        if plan.secure:
            lines += [
                "smtp_tls_security_level = encrypt",
                "smtp_tls_session_cache_database = btree:${data_directory}/sessions",
            ]
        if plan.delivery == "fresh":
            lines += ["smtp_connection_cache_on_demand = no"]
        elif plan.secure:  # the connections are then held by tlsproxy(8)
            lines += ["smtp_tls_connection_reuse = yes"]
        return "\n".join(lines) + "\n"

    @staticmethod
    def _services(plan):
        return "tlsproxy unix - - n - 0 tlsproxy\n" if plan.secure else ""

    def release(self):
        self.peer.release()

    def __enter__(self):
        self.peer = self.peer()
        self.port = self.peer.port
        self.group.add(self.peer.pid())
        return self

    def stop(self):
        self.peer.stop()

    def __exit__(self, *_):
        self.stop()


class _Packaged:
    """One of Debian's, by tests/peers/installed; its queue is on the disk."""

    def __init__(self, directory, next_hop, group, plan=Plan(), trace=None):
        self.directory = tempfile.mkdtemp(prefix=f"{self.name}.", dir=directory)
        os.chmod(self.directory, 0o755)
        os.mkdir(os.path.join(self.directory, "spool"))
        self.port, self.next_hop, self.group = free_port(), next_hop, group
        with open(os.path.join(self.directory, self.file), "w") as f:
            f.write(self.text.format_map(vars(self)))
        os.chmod(os.path.join(self.directory, self.file), 0o600)
        installed = os.path.join(ROOT, "tests", "peers", "installed")
        self.argv = _strace(f"{trace}.{self.name}") if trace else []
        self.argv += [installed, self.name, self.directory]
        self.argv += [word.format_map(vars(self)) for word in self.command]

    def __enter__(self):
        log = os.path.join(self.directory, "log")
        self.process = Process(self.argv, log, preexec=self.group.join)
        self.group.add(self.process.pid)
        deadline = Deadline(None, f"{self.name} to greet")
        while not self._answers():
            time.sleep(min(0.05, deadline.left()))
        return self

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                return s.recv(3) == b"220"
        except OSError:
            return False

    def stop(self):
        self.group.kill()  # also those that left its group of processes

    def __exit__(self, *_):
        self.stop()
        self.process.kill_all()


class Exim(_Packaged):
    """It spools at once and leaves delivery to queue runners: twice as fast as
    with a process for each delivery.  Flushes by itself."""

    name = "exim"
    command = ["exim4", "-bdf", "-q1s"]
    file = "exim.conf"
    text = """
primary_hostname = peer.example.test
log_file_path = {directory}/%slog
pid_file_path = /run/exim.pid
local_interfaces = 127.0.0.1.{port}
acl_smtp_rcpt = accept
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
disable_ipv6 = true
split_spool_directory = true
smtp_accept_max = 500
smtp_connect_backlog = 500
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
remote_max_parallel = 20
message_size_limit = 100M
queue_only
queue_run_max = 10
keep_environment =

begin routers
all:
  driver = manualroute
  domains = *
  transport = next
  route_list = * 127.0.0.1
  self = send

begin transports
next:
  driver = smtp
  port = {next_hop}
  allow_localhost
  connection_max_messages = 500
  hosts_try_fastopen =

begin retry
* * F,2h,15m; G,16h,1h,1.5; F,4d,6h
"""


class Opensmtpd(_Packaged):
    """It does not flush, and nothing makes it."""

    name = "opensmtpd"
    command = ["smtpd", "-d", "-f", "{directory}/smtpd.conf"]
    file = "smtpd.conf"
    text = """
smtp limit max-mails 1000000
smtp limit max-rcpt 1000
smtp max-message-size 100M
scheduler limit max-inflight 20000
mta limit max-conn-per-host 100
mta limit max-conn-per-route 100
mta limit max-conn-per-source 200
mta limit max-conn-per-connector 100
mta limit max-conn-per-relay 200
mta limit max-conn-per-domain 200
mta limit session-mail-max 500
mta limit session-transaction-delay 0
mta limit conn-delay-route 0
mta limit conn-delay-relay 0
mta limit conn-delay-domain 0
mta limit task-hiwat 5000
mta limit task-lowat 2500
mta limit task-release 2500
listen on 127.0.0.1 port {port} hostname peer.example.test
action "next" relay host smtp+notls://127.0.0.1:{next_hop}
match from any for any action "next"
"""


class Nothing:
    """The client talks to the sink: what client and sink can do at most."""

    name = "none"

    def __init__(self, _directory, next_hop, _group, plan=Plan(), trace=None):
        self.port = next_hop

    def __enter__(self):
        return self

    def stop(self):
        pass

    def __exit__(self, *_):
        pass


ALL = (Stagepost, Postfix, Exim, Opensmtpd, Nothing)
SERVERS = {server.name: server for server in ALL}


def system_calls(trace):
    """Sums over the strace -c files of a run, by name of the call."""
    sums = {}
    for path in glob.glob(f"{trace}.*"):
        # strace writes when the last process that it follows has ended
        wait_until(lambda: os.path.getsize(path), [path], path)
        with open(path) as f:
            for words in map(str.split, f):
                if len(words) == 2 and words[1].isdigit() and words[0] != "total":
                    sums[words[0]] = sums.get(words[0], 0) + int(words[1])
    return sums
