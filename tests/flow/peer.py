# SPDX-License-Identifier: ISC
"""Other people's mail software, to talk to."""

import os
import shutil
import socket
import subprocess
import tempfile
import time

from follow import Deadline, Follower
from process import ROOT, Process, free_port

PEERS = os.path.join(ROOT, "tests", "peers")
SCRIPT = os.path.join(PEERS, "postfix")


def smtp_source(*args, **kwargs):
    """Postfix's load generator; the finished process."""
    return subprocess.run([SCRIPT, "source", *args], **kwargs)


class Postfix:
    """
    A Postfix that relays everything to next_hop, a port on loopback; with these
    lines added to main.cf and master.cf, where PORT is its port.
    """

    def __init__(
        self, directory, next_hop, under=(), env=None, preexec=None, main="", master=""
    ):
        self.dir = tempfile.mkdtemp(prefix="postfix.", dir=directory)
        self.port = free_port()
        for name, text in ("main.cf", main), ("master.cf", master):
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(text.replace("PORT", str(self.port)))
        argv = [SCRIPT, "start", self.dir, str(self.port), f"[127.0.0.1]:{next_hop}"]
        try:
            subprocess.run(
                [*under, *argv],
                check=True,
                env={**os.environ, **(env or {})},
                preexec_fn=preexec,
            )
        except BaseException:
            self.stop()
            raise
        self.log = Follower(os.path.join(self.dir, "log", "maillog"))

    def pid(self):
        argv = [SCRIPT, "pid", self.dir]
        return int(subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout)

    def release(self):
        """Deliver what defer_transports had held back."""
        subprocess.run([SCRIPT, "release", self.dir], check=True)

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.dir], check=True)

    @property
    def route(self):
        return f"smtp [127.0.0.1]:{self.port}"


class Packaged:
    """
    A server as Debian packages it, in namespaces of its own, that relays
    everything to next_hop, a port on loopback; certificate is that of secure.py.
    """

    name = ""
    host = "127.0.0.1"
    files = {}  # of its directory, with places for what a subclass gives

    def __init__(self, directory, next_hop, certificate):
        self.dir = tempfile.mkdtemp(prefix=f"{self.name}.", dir=directory)
        os.chmod(self.dir, 0o755)  # its users pass through it
        for file, place in zip(certificate, ("cert.pem", "key.pem")):
            shutil.copy(file, os.path.join(self.dir, place))
            os.chmod(os.path.join(self.dir, place), 0o600)
        self.next_hop = next_hop
        self._begin(3)

    def _begin(self, tries):
        """Its ports may be taken meanwhile by somebody else: then others."""
        self.port, self.second_port = free_port(), free_port()
        for name, text in self.files.items():
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(text.format_map(vars(self)))
            os.chmod(os.path.join(self.dir, name), 0o600)
        argv = [os.path.join(PEERS, "installed"), self.name, self.dir]
        argv += [word.format_map(vars(self)) for word in self.command]
        self.process = Process(argv, os.path.join(self.dir, "output"))
        deadline = Deadline(None, f"{self.name} to greet")
        while not self._greets():
            if not self.process.running():
                if tries == 1:
                    raise RuntimeError(f"{self.name}: {self.process.log.text()}")
                return self._begin(tries - 1)
            time.sleep(min(0.05, deadline.left()))
        return None

    def _greets(self):
        try:
            with socket.create_connection((self.host, self.port), 5) as s:
                return f"220 {self.name}.test " in s.makefile("r").readline()
        except OSError:
            return False

    @property
    def log(self):
        return Follower(os.path.join(self.dir, "log"))

    def stop(self):
        self.process.kill_all()

    @property
    def route(self):
        return f"smtp [{self.host}]:{self.port}"


class Exim(Packaged):
    name = "exim"
    command = ["exim4", "-bdf"]
    files = {
        "exim.conf": """
primary_hostname = exim.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
daemon_startup_retries = 0
log_file_path = {dir}/%slog
log_selector = +tls_sni +tls_resumption +smtp_connection
pid_file_path = {dir}/pid
rfc1413_query_timeout = 0s
host_lookup =
tls_advertise_hosts = *
tls_certificate = {dir}/cert.pem
tls_privatekey = {dir}/key.pem
tls_resumption_hosts = *
acl_smtp_rcpt = accept_all
begin acl
accept_all:
  accept
begin routers
next_hop:
  driver = manualroute
  route_list = * 127.0.0.1::{next_hop} byname
  self = send
  transport = smtp
begin transports
smtp:
  driver = smtp
  allow_localhost
  hosts_avoid_tls = *
begin retry
* * F,1h,1s
"""
    }

    @property
    def log(self):
        return Follower(os.path.join(self.dir, "mainlog"))


class OpenSMTPD(Packaged):
    name = "opensmtpd"
    command = ["smtpd", "-d", "-f", "{dir}/smtpd.conf"]
    files = {
        "smtpd.conf": """
pki peer cert "{dir}/cert.pem"
pki peer key "{dir}/key.pem"
listen on 127.0.0.1 port {port} tls pki peer hostname opensmtpd.test
action "out" relay host smtp://127.0.0.1:{next_hop}
match from any for any action "out"
"""
    }

    @property
    def log(self):
        return self.process.log


class Dovecot(Packaged):
    """
    Submission, and at second_port SASL for a Postfix; user "user".  It is at an
    address that is not its clients', or they would be as good as in TLS.
    """

    name = "dovecot"
    host = "127.0.0.2"
    command = ["dovecot", "-F", "-c", "{dir}/dovecot.conf"]
    files = {
        "dovecot.conf": """
protocols = submission
hostname = dovecot.test
listen = 127.0.0.2
log_path = {dir}/log
ssl = required
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
auth_mechanisms = plain login scram-sha-256
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid=vmail gid=vmail home=/run/vmail
}}
first_valid_uid = 1
mail_location = maildir:/run/vmail/mail
login_greeting = of a test
submission_relay_host = 127.0.0.1
submission_relay_port = {next_hop}
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {second_port}
  }}
}}
""",
        "users": "user:{password}\n",
    }

    def __init__(self, directory, next_hop, certificate, password):
        self.password = "{PLAIN}" + password
        super().__init__(directory, next_hop, certificate)
