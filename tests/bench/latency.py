# SPDX-License-Identifier: ISC
"""One session, one message after the other: how long until the 250."""

import socket
import statistics
import subprocess
import tempfile
import time

import meter
import relay
from process import program

WARM = 50  # messages that are not counted
SIZES = (1024, 10240)
LINE = b"Stage by stage the coach went on, and at each post the horses rest.\r\n"


class _Client:
    """Over one connection; each message is timed from its end to the reply."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), relay.PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._expect(b"220")
        self._ask(b"EHLO client.example", b"250")

    def _expect(self, code):
        reply = b""
        while not reply.endswith(b"\r\n") or reply.split(b"\r\n")[-2][3:4] == b"-":
            got = self.socket.recv(4096)
            if not got:
                raise RuntimeError(f"the connection has ended, after {reply!r}")
            reply += got
        if not reply.startswith(code):
            raise RuntimeError(f"{reply!r} instead of {code!r}")

    def _ask(self, command, code):
        self.socket.sendall(command + b"\r\n")
        self._expect(code)

    def send(self, content):
        """The content and its final dot are one write; microseconds to the 250."""
        self._ask(b"MAIL FROM:<from@example.org>", b"250")
        self._ask(b"RCPT TO:<to@example.test>", b"250")
        self._ask(b"DATA", b"354")
        begin = time.perf_counter()
        self.socket.sendall(content)
        self._expect(b"250")
        return (time.perf_counter() - begin) * 1e6

    def quit(self):
        self._ask(b"QUIT", b"221")
        self.socket.close()


def _content(size):
    lines = b"Subject: one of many\r\n\r\n" + LINE * (size // len(LINE) + 1)
    return lines[: size - 2] + b"\r\n.\r\n"


def _row(name, size, times):
    return {
        "server": name, "size": size, "sessions": 1, "messages": len(times),
        "latency_us": statistics.median(times),
        "latency90_us": statistics.quantiles(times, n=10)[8],
    }  # fmt: skip


def _of_server(opt, name, size, messages):
    with relay.bench(opt, name) as b:
        meter.sync()
        client = _Client(b.server.port)
        content = _content(size)
        times = [client.send(content) for _ in range(WARM + messages)][WARM:]
        client.quit()
        arrived, _ = b.sink.wait(WARM + messages)
        if arrived < WARM + messages:
            raise RuntimeError(f"{name}: only {arrived} arrived")
    return _row(name, size, times)


def _of_disk(opt, size, messages):
    """write, fsync, rename, fsync of the directory"""
    meter.sync()
    with tempfile.TemporaryDirectory(prefix="bench.", dir=opt.directory) as directory:
        argv = [program("disk-ceiling"), "-d", "-l", str(size)]
        argv += ["-n", str(WARM + messages), directory]
        done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
    return _row("file system", size, [float(x) for x in done.stdout.split()][WARM:])


def latency(opt):
    messages = opt.messages or int(200 * opt.seconds)
    names = [n for n in opt.servers if n in ("stagepost", "postfix")]
    for size in SIZES:
        for name in [*names, "none"]:
            yield _of_disk(opt, size, messages)
            yield _of_server(opt, name, size, messages)


PARTS = {"latency": latency}
