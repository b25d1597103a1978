# SPDX-License-Identifier: ISC
"""Next hops that speak TLS, and the certificates that they show."""

import base64
import hashlib
import hmac
import os
import re
import ssl
import subprocess
import tempfile

from follow import Follower
from wire import Listener


class Authority:
    """A certificate authority of a test; everything by openssl(1)."""

    def __init__(self, directory, name="authority"):
        self.dir = tempfile.mkdtemp(prefix=f"{name}.", dir=directory)
        self.file = self.path("ca.pem")
        self.count = 0
        self.key = self.path("ca.key")
        self._openssl(
            *("req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *self._new_key(False),
            *("-keyout", self.key, "-out", self.file),
        )

    def path(self, name):
        return os.path.join(self.dir, name)

    @staticmethod
    def _openssl(*args):
        argv = ["openssl", *args]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            raise RuntimeError(f"{argv}: {done.stderr.decode()}")
        return done.stdout

    @staticmethod
    def _new_key(rsa):
        if rsa:
            return ["-newkey", "rsa:2048"]
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]

    def certificate(self, names, days=1, signed=True, rsa=False):
        """"DNS:mx.example,IP:127.0.0.1": files of certificate and key; not
        signed by us, it is by its own key."""
        self.count += 1
        key, request, cert = (
            self.path(f"{self.count}.{end}") for end in ("key", "csr", "pem")
        )
        extensions = self.path(f"{self.count}.ext")
        with open(extensions, "w") as f:
            f.write(f"subjectAltName={names}\n")
        self._openssl(
            *("req", "-new", "-nodes", "-subj", "/CN=host", *self._new_key(rsa)),
            *("-keyout", key, "-out", request),
        )
        signer = ["-CA", self.file, "-CAkey", self.key] if signed else ["-signkey", key]
        self._openssl(
            *("x509", "-req", "-in", request, *signer),
            *("-days", str(days), "-extfile", extensions, "-out", cert),
        )
        return cert, key

    def certificate_and_key(self, names):
        """As certificate(), both in one file."""
        both = self.path("both.pem")
        with open(both, "w") as f:
            for path in self.certificate(names):
                with open(path) as part:
                    f.write(part.read())
        return both

    def pin_of_certificate(self, cert):
        out = self._openssl("x509", "-in", cert, "-noout", "-fingerprint", "-sha256")
        return "sha256:" + out.decode().strip().split("=")[1]

    def pin_of_key(self, cert):
        pem = self._openssl("x509", "-in", cert, "-noout", "-pubkey")
        key = os.path.join(self.dir, "public")
        with open(key, "wb") as f:
            f.write(pem)
        der = key + ".der"
        self._openssl("pkey", "-pubin", "-in", key, "-outform", "DER", "-out", der)
        out = self._openssl("dgst", "-sha256", "-r", der)
        return "sha256:" + out.decode().split()[0]


class Host(Listener):
    """
    An SMTP server in threads of the test.  What it does about STARTTLS may be
    changed at any time: "yes", "no" (not offered), "refuse" (454), "garbage"
    (agreed to and then no TLS), "inject" (a reply in clear behind the 220),
    "early" (the 220 and a reply behind it come with the one to EHLO).

    Its log has a line for each event: clear or tls and the command, "message"
    when it took one, "resumed" or "new" for a handshake, "sni NAME",
    "authenticated MECHANISM".

    It offers the mechanisms in auth, and takes messages only after one of them;
    iterations and signs are what SCRAM says.

    acts, if given, is asked acts(session, stage, text) before each reply, with
    what would be said; what it returns is said instead of it, None is nothing
    more to say.  Stages are greeting, starttls, handshake, content, dot, and
    the commands' names; challenge is AUTH's 334.
    """

    def __init__(
        self, directory, certificate=None, starttls="yes", port=0, auth="", clear=False
    ):
        self.starttls = starttls
        self.auth, self.auth_in_clear = auth, clear
        self.user, self.password = "user", "password"
        self.iterations = 4096
        self.signs = True
        self.offers = ["PIPELINING", "8BITMIME"]
        self.acts = None
        fd, path = tempfile.mkstemp(prefix="host.", dir=directory)
        self.log = Follower(path)
        self._out = open(fd, "a", buffering=1)
        if certificate:
            self.show(*certificate)
        super().__init__(port)

    def show(self, cert, key):
        """From the next handshake on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        context.sni_callback = lambda _s, name, _c: self._note(f"sni {name}")
        self.context = context

    def _note(self, line):
        self._out.write(line + "\n")

    def serve(self, connection):
        try:
            _Session(self, connection).run()
        except (OSError, Over) as e:
            self._note(f"broken {e}")


class Over(Exception):
    """Raised by acts: the connection ends here."""


class _Session:
    def __init__(self, host, connection):
        self.host = host
        self.authenticated = False
        self.stage = "greeting"
        self.said = []  # by the client, in AUTH
        self.take(connection, "clear")

    def take(self, connection, how):
        self.connection, self.how = connection, how
        self.file = connection.makefile("rb")

    def act(self, text):
        return self.host.acts(self, self.stage, text) if self.host.acts else text

    def reply(self, text):
        text = self.act(text)
        if text is not None:
            self.connection.sendall(text.encode() + b"\r\n")

    def run(self):
        self.reply("220 host.test ESMTP")
        for line in iter(lambda: self.file.readline(), b""):
            command = line.decode().strip()
            self.host._note(f"{self.how} {command}")
            self.command = command
            verb = re.split("[ :]", command)[0].upper()
            self.stage = verb.lower()
            if verb == "QUIT":
                return self.reply("221 2.0.0 bye")
            action = getattr(self, "on_" + verb.lower(), None)
            if action is None:
                self.reply("250 2.0.0 fine")
            elif action() is False:
                return None
        return None

    def on_ehlo(self):
        offers = ["host.test", *self.host.offers]
        if self.how == "clear" and self.host.starttls != "no":
            offers.append("STARTTLS")
        if self.host.auth and (self.how == "tls" or self.host.auth_in_clear):
            offers.append(f"AUTH {self.host.auth}")
        text = "\r\n".join(f"250-{o}" for o in offers[:-1]) + f"\r\n250 {offers[-1]}"
        if self.how == "clear" and self.host.starttls == "early":
            text += "\r\n220 go ahead\r\n250-host.test\r\n250 PIPELINING"
        self.reply(text)

    def on_mail(self):
        if self.host.auth and not self.authenticated:
            return self.reply("530 5.7.0 who are you?")
        return self.reply("250 2.1.0 fine")

    def on_auth(self):
        _, mechanism, *first = self.command.split(" ")
        self.said = [*first]
        try:
            good = getattr(self, mechanism.replace("-", "_").lower())(*first)
        except ValueError as e:
            good = False
            self.host._note(f"broken {e}")
        if not good:
            return self.reply("535 5.7.8 I do not know you")
        self.authenticated = True
        self.host._note(f"authenticated {mechanism}")
        return self.reply("235 2.7.0 welcome")

    def challenge(self, text):
        self.stage = "challenge"
        self.reply("334 " + base64.b64encode(text.encode()).decode())
        answer = self.file.readline()
        self.stage = "auth"
        self.said.append(answer.decode().strip())
        return base64.b64decode(answer)

    def plain(self, answer):
        who = f"\0{self.host.user}\0{self.host.password}"
        return base64.b64decode(answer) == who.encode()

    def login(self):
        user, password = self.challenge("Username:"), self.challenge("Password:")
        return [user.decode(), password.decode()] == [self.host.user, self.host.password]

    def scram_sha_256(self, answer):
        """RFC 5802, 3, with the hash of RFC 7677."""
        first = base64.b64decode(answer).decode().split(",", 2)[2]
        nonce = first.split("r=")[1] + "ours"
        salt = base64.b64encode(b"salt").decode()
        offer = f"r={nonce},s={salt},i={self.host.iterations}"
        final = self.challenge(offer).decode()
        unsigned, proof = final.rsplit(",p=", 1)
        secret = hashlib.pbkdf2_hmac(
            "sha256", self.host.password.encode(), b"salt", self.host.iterations
        )
        key = hmac.digest(secret, b"Client Key", "sha256")
        said = f"{first},{offer},{unsigned}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), said, "sha256")
        want = bytes(a ^ b for a, b in zip(key, signature))
        if base64.b64decode(proof) != want or f"n={self.host.user}," not in first:
            return False
        if self.host.signs:
            server = hmac.digest(secret, b"Server Key", "sha256")
            proof = hmac.digest(server, said, "sha256")
            self.challenge(f"v={base64.b64encode(proof).decode()}")
        return True

    def on_data(self):
        self.reply("354 go on")
        self.stage = "content"
        self.act("")
        for line in iter(lambda: self.file.readline(), b""):
            if line == b".\r\n":
                self.stage = "dot"
                self.host._note(f"message {self.how}")
                return self.reply("250 2.0.0 taken")
        return False

    def on_starttls(self):
        if self.host.starttls == "refuse":
            return self.reply("454 4.7.0 TLS is out of order")
        if self.host.starttls == "inject":
            return self.reply("220 go ahead\r\n250-host.test\r\n250 PIPELINING")
        self.reply("220 go ahead")
        self.stage = "handshake"
        self.act("")
        if self.host.starttls == "garbage":
            self.reply("500 there is no such thing as TLS")
            while self.connection.recv(4096):
                pass
            return False
        secured = self.host.context.wrap_socket(self.connection, server_side=True)
        self.host._note("resumed" if secured.session_reused else "new")
        self.take(secured, "tls")
        return None
