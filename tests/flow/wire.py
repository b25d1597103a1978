# SPDX-License-Identifier: ISC
"""What passes between a sender and its next hop, as anybody between sees it."""

import os
import re
import socket
import subprocess
import tempfile
import threading

from follow import Follower
from process import die_with_parent


def _copy(source, target, keep=None):
    """Until the source ends or either breaks; what passes goes to keep()."""
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            if keep:
                keep(data)
            target.sendall(data)
    except OSError:
        pass
    for s in source, target:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Listener:
    """A port; each connection is served in a thread of its own."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port), backlog=100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            args = [connection]
            threading.Thread(target=self._guard, args=args, daemon=True).start()

    def _guard(self, connection):
        try:
            with connection:
                self.serve(connection)
        except OSError:
            pass

    def stop(self):
        self.listener.close()

    @property
    def route(self):
        return f"smtp [127.0.0.1]:{self.port}"


class Wire(Listener):
    """A port before another one; `said` is what clients said, per connection."""

    def __init__(self, port, host="127.0.0.1"):
        self.to = host, port
        self.said = []
        super().__init__()

    def serve(self, connection):
        said = bytearray()
        self.said.append(said)
        with socket.create_connection(self.to) as peer:
            back = threading.Thread(target=_copy, args=[peer, connection], daemon=True)
            back.start()
            _copy(connection, peer, said.extend)
            back.join()

    def saw(self, pattern):
        return [m for said in self.said for m in re.findall(pattern, bytes(said))]


class OpensslServer(Listener):
    """
    An SMTP server whose TLS is openssl s_server with these arguments: it speaks
    in clear by itself and hands the stream over after STARTTLS.  As s_server
    does, it serves one connection in TLS after the other.

    Its log has "clear" or "tls" and the command, "message clear|tls", and what
    s_server says of each handshake.
    """

    def __init__(self, directory, *args):
        self.dir = tempfile.mkdtemp(prefix="s_server.", dir=directory)
        self.log = Follower(os.path.join(self.dir, "log"))
        self._out = open(self.log.path, "a", buffering=1)
        self.lock = threading.Lock()
        self.openssl = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            preexec_fn=die_with_parent,
        )
        lines = iter(self.openssl.stdout.readline, b"")
        for line in lines:
            accept = re.match(rb"ACCEPT .*:(\d+)$", line)
            if accept:
                self.inner = int(accept.group(1))
                break
        args = ["tls", lines, self.openssl.stdin.write]
        threading.Thread(target=self._talk, args=args, daemon=True).start()
        super().__init__()

    def stop(self):
        super().stop()
        self.openssl.kill()
        self.openssl.wait()

    def serve(self, connection):
        lines = iter(connection.makefile("rb", buffering=0).readline, b"")
        connection.sendall(b"220 s_server.test ESMTP\r\n")
        if not self._talk("clear", lines, connection.sendall):
            return
        with self.lock, socket.create_connection(("127.0.0.1", self.inner)) as inner:
            connection.sendall(b"220 go ahead\r\n")
            back = threading.Thread(target=_copy, args=[inner, connection], daemon=True)
            back.start()
            _copy(connection, inner)
            back.join()

    def _talk(self, how, lines, write):
        """True after STARTTLS.  QUIT has no answer: nobody would read it."""
        for line in lines:
            command = line.decode("latin-1").strip()
            self._out.write(f"{how} {command}\n")
            verb = command.split(" ")[0].upper()
            if verb == "STARTTLS":
                return True
            if verb == "DATA":
                write(b"354 go on\r\n")
                for line in lines:
                    if line == b".\r\n":
                        break
                self._out.write(f"message {how}\n")
            if verb == "EHLO" and how == "clear":
                write(b"250-s_server.test\r\n250 STARTTLS\r\n")
            elif verb in ("EHLO", "MAIL", "RCPT", "DATA", "RSET"):
                write(b"250 2.0.0 fine\r\n")
        return False
