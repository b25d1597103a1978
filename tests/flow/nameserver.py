# SPDX-License-Identifier: ISC
"""A real DNS server, nsd from Debian, with zones that a test writes."""

import os
import select
import shutil
import socket
import tempfile

import dns.message
import dns.query

from follow import Deadline, Follower, Timeout
from process import Process

_CONF = """\
server:
    ip-address: {host}@{port}
    chroot: ""
    username: ""
    zonesdir: "{dir}"
    database: ""
    xfrdfile: "{dir}/xfrd"
    xfrdir: "{dir}"
    zonelistfile: "{dir}/zones"
    pidfile: ""
    logfile: "{dir}/nsd.log"
    server-count: 1
    rrl-ratelimit: 0
    round-robin: no
    reuseport: no
remote-control:
    control-enable: no
"""

_SOA = "@ 60 IN SOA ns host 1 3600 600 86400 60\n@ 60 NS ns\nns 60 A 127.0.0.1\n"


def free_port(host):
    """A port that is free for UDP and TCP alike."""
    while True:
        with socket.socket() as tcp:
            tcp.bind((host, 0))
            port = tcp.getsockname()[1]
            try:
                with socket.socket(type=socket.SOCK_DGRAM) as udp:
                    udp.bind((host, port))
                    return port
            except OSError:
                continue


class Nameserver:
    """
    Nameserver({"a.example": "@ MX 10 mx\\nmx A 192.0.2.1"})

    Each zone is text in zone file form; SOA and NS are added.  Names outside
    the zones are refused.
    """

    def __init__(self, zones, host="127.0.0.1"):
        self.host = host
        self.port = free_port(host)
        self.dir = tempfile.mkdtemp(prefix="stagepost-nsd.")
        conf = _CONF.format(host=host, port=self.port, dir=self.dir)
        for name, text in zones.items():
            self._write(name, f"$TTL 60\n{_SOA}{text}\n")
            conf += f'zone:\n    name: "{name}"\n    zonefile: "{name}."\n'
        path = self._write("nsd.conf", conf, dot="")
        argv = ["/usr/sbin/nsd", "-d", "-c", path]
        self.process = Process(argv, os.path.join(self.dir, "out"))
        self._wait(next(iter(zones)))

    def _write(self, name, text, dot="."):
        path = os.path.join(self.dir, name + dot)
        with open(path, "w") as f:
            f.write(text)
        return path

    def _wait(self, zone):
        """Until it answers: a query that waits for its answer is repeated only
        when the kernel says that nobody listens yet."""
        deadline = Deadline(None, lambda: f"nsd; it said: {self.said()}")
        query = dns.message.make_query(zone, "SOA").to_wire()
        log = Follower(os.path.join(self.dir, "nsd.log"))
        log.wait_for(r"nsd started")
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.connect((self.host, self.port))
            while True:
                s.send(query)
                select.select([s], [], [], deadline.left())
                try:
                    s.recv(4096)
                    return
                except ConnectionRefusedError:
                    deadline.left()

    def said(self):
        text = ""
        for name in ("out", "nsd.log"):
            with open(os.path.join(self.dir, name), errors="replace") as f:
                text += f.read()
        return text

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def stop(self):
        self.process.kill_all()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
