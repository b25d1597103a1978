# SPDX-License-Identifier: ISC
"""
The servers that are compared, all from the same mould: each is started with
an empty queue, relays everything to one port on loopback, and is durable.

A server is a context: `with Stagepost(directory, next_hop, group) as server`,
and then server.port takes mail.  `trace` is a file name prefix for strace -c.
"""

import glob
import os

from follow import wait_until
from peer import Postfix as PostfixPeer
from process import Process
from stage import Stage


def _strace(path):
    """Detached (-D), so that what is started is our child and not strace."""
    return ["strace", "-D", "-f", "-qq", "-c", "-U", "name,calls", "-o", path]


class Stagepost:
    name = "stagepost"

    class _Stage(Stage):
        trace = None

        def wrap(self, name):
            return _strace(f"{self.trace}.{name}") if self.trace else []

    def __init__(self, directory, next_hop, group, trace=None):
        self.group = group
        self.stage = self._Stage(
            parent=directory,
            verbose=False,
            routes=f"*  smtp [127.0.0.1]:{next_hop}  busy",
            profiles="busy  concurrency 100 lifetime 5d",
            settings="sessions-max 1000\nclient-sessions-max 1000",
        )
        self.stage.trace = trace
        self.port = self.stage.port

    def __enter__(self):
        self.stage.__enter__()
        self.stage.start(preexec=self.group.join)
        for daemon in self.stage.daemons.values():
            self.group.add(daemon.pid)
        return self

    def stop(self):
        self.stage.stop()

    def __exit__(self, *error):
        return self.stage.__exit__(*error)


class Postfix:
    name = "postfix"

    def __init__(self, directory, next_hop, group, trace=None):
        self.group = group
        # Without its log file and the process that writes it: in its favour.
        self.peer = lambda: PostfixPeer(
            directory,
            next_hop,
            under=_strace(f"{trace}.postfix") if trace else (),
            env={"NOLOG": "1"},
            preexec=group.join,
        )

    def __enter__(self):
        self.peer = self.peer()
        self.port = self.peer.port
        self.group.add(self.peer.pid())
        return self

    def stop(self):
        self.peer.stop()

    def __exit__(self, *_):
        self.stop()


class Nothing:
    """The client talks to the sink: what client and sink can do at most."""

    name = "none"

    def __init__(self, _directory, next_hop, _group, trace=None):
        self.port = next_hop

    def __enter__(self):
        return self

    def stop(self):
        pass

    def __exit__(self, *_):
        pass


SERVERS = {server.name: server for server in (Stagepost, Postfix, Nothing)}


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
