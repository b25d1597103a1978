# SPDX-License-Identifier: ISC
"""Other people's mail software, to talk to."""

import os
import subprocess
import tempfile

from follow import Follower
from process import ROOT, free_port

SCRIPT = os.path.join(ROOT, "tests", "peers", "postfix")


def smtp_source(*args, **kwargs):
    """Postfix's load generator; the finished process."""
    return subprocess.run([SCRIPT, "source", *args], **kwargs)


class Postfix:
    """A Postfix that relays everything to next_hop, a port on loopback."""

    def __init__(self, directory, next_hop, under=(), env=None, preexec=None):
        self.dir = tempfile.mkdtemp(prefix="postfix.", dir=directory)
        self.port = free_port()
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

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.dir], check=True)

    @property
    def route(self):
        return f"smtp [127.0.0.1]:{self.port}"
