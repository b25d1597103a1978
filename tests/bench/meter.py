# SPDX-License-Identifier: ISC
"""What a run costs: processor time of a group of processes, disk flushes."""

import contextlib
import itertools
import os
import select
import signal
import subprocess

_CGROUP = "/sys/fs/cgroup"
_TICK = os.sysconf("SC_CLK_TCK")


def _read(path):
    with open(path) as f:
        return f.read()


def _write(path, text):
    with open(path, "w") as f:
        f.write(text)


class Group:
    """
    Processes that are counted together, their dead children too.

    A control group where one can be made (version 1 or 2), else sums over
    /proc, in ticks of the system's clock.  join() is for preexec_fn.
    """

    _numbers = itertools.count()

    def __init__(self, name):
        name = f"{name}.{os.getpid()}.{next(self._numbers)}"
        self.pids = []
        self.dir = None
        version2 = os.path.exists(f"{_CGROUP}/cgroup.controllers")
        self.file = "cpu.stat" if version2 else "cpuacct.usage"
        directory = f"{_CGROUP}/{'' if version2 else 'cpuacct/'}{name}"
        try:
            os.mkdir(directory)
            self.dir = directory
        except OSError:
            pass

    @property
    def exact(self):
        return self.dir is not None

    def join(self):
        if self.dir:
            _write(f"{self.dir}/cgroup.procs", str(os.getpid()))

    def add(self, pid):
        """The root of a tree that counts, for the case of no control group."""
        self.pids.append(pid)

    def seconds(self):
        if not self.dir:
            return sum(_tree_seconds(pid) for pid in self.pids)
        text = _read(f"{self.dir}/{self.file}")
        if self.file == "cpu.stat":
            return int(text.split()[1]) / 1e6
        return int(text) / 1e9

    def _members(self):
        if not self.dir:
            return [p for root in self.pids for p in tree(root)]
        return [int(p) for p in _read(f"{self.dir}/cgroup.procs").split()]

    def kill(self):
        for pid in self._members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def memory_mib(self):
        """Proportional set size of all members now."""
        total = 0
        for pid in self._members():
            try:
                text = _read(f"/proc/{pid}/smaps_rollup")
            except OSError:  # it has ended
                continue
            total += sum(int(x.split()[1]) for x in text.split("\n") if x[:4] == "Pss:")
        return total / 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Once the last member, killed by now, is really gone."""
        while self.dir and (members := self._members()):
            for pid in members:
                _wait_for_end(pid)
        if self.dir:
            os.rmdir(self.dir)


def _wait_for_end(pid):
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([fd], [], [], 10)
    os.close(fd)


def _children(pid):
    try:
        return [int(p) for p in _read(f"/proc/{pid}/task/{pid}/children").split()]
    except OSError:
        return []


def tree(pid):
    found = [pid]
    for child in _children(pid):
        found += tree(child)
    return found


def _tree_seconds(root):
    total = 0
    for pid in tree(root):
        try:
            fields = _read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(x) for x in fields[11:15])  # own and reaped children's
    return total / _TICK


def machine_seconds():
    """Processor time used by anything since the machine started."""
    fields = [int(x) for x in _read("/proc/stat").split("\n")[0].split()[1:]]
    user, nice, system, _idle, _wait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / _TICK


class Disk:
    """Flushes and writes of the disk that holds a directory."""

    def __init__(self, directory):
        device = os.stat(directory).st_dev
        link = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
        path = os.path.realpath(link)
        if os.path.exists(f"{path}/partition"):
            path = os.path.dirname(path)  # flushes are the whole disk's
        self.stat = f"{path}/stat"
        self.name = os.path.basename(path)

    def counts(self):
        """(writes, KiB written, flushes), zeros where the kernel has none."""
        if not os.path.exists(self.stat):
            return (0, 0, 0)
        fields = [int(x) for x in _read(self.stat).split()] + [0] * 17
        return (fields[4], fields[6] / 2, fields[15])


def sync():
    subprocess.run(["sync"], check=True)
