# SPDX-License-Identifier: ISC
"""
One recording of one kind of file system, and many power cuts of it.
"""

import collections
import contextlib
import os
import pickle
import tempfile
import time
import traceback

from contract import Contract, in_boxes
from disk import SIZE_MIB, Image, RecordedDisk, mount, run, unmount_all
from process import die_with_parent
from recording import FLUSH, WRITE, Cut, Disk, Recording
from tap import diag
from traffic import Traffic

PROCESSES = 2
REPAIRED = ("ext4-fast-commit",)


class Trial:
    """
    with Trial("ext4", 400, sessions=8, syncfs_at=2) as trial:
        trial.cut(trial.sample(rng, 100))   after each, the contract is checked
        trial.drain(rng, 2)                 after each, the daemons are started
    """

    def __init__(self, kind, messages, still=False, **options):
        self.kind = kind
        self.cuts = 0
        self.unmountable = []  # (cut, why)
        self.broken = {}  # problems by cut
        self.duplicates = []  # ages
        self.seen = collections.Counter()  # what the cuts have caught, by name
        self.seconds = {}  # by what took them
        self.directory = tempfile.mkdtemp(prefix="stagepost-cut.")
        self.stack = contextlib.ExitStack()
        self.stack.callback(os.rmdir, self.directory)
        mount("none", self.directory, "tmpfs")
        self.stack.callback(unmount_all, self.directory)
        with self._measured("recording"):
            self._record(messages, still, options)
        self.begin = self.recording.mark("begin")
        self.end = self.recording.mark("end")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    @contextlib.contextmanager
    def _measured(self, what):
        began = time.monotonic()
        yield
        self.seconds[what] = self.seconds.get(what, 0) + time.monotonic() - began

    def _record(self, messages, still, options):
        """Mail flows.  The sinks stay, for drain()."""
        try:
            with contextlib.ExitStack() as disk_open:
                disk = RecordedDisk(self.directory, self.kind, still)
                disk_open.callback(disk.close)
                self.traffic = Traffic(disk, messages, **options)
                self.stack.callback(self.traffic.close)
                try:
                    self.traffic.run()
                except BaseException:
                    self.traffic.stage.show_logs()
                    raise
                finally:
                    self.traffic.kill_daemons()
                self.contract = Contract(self.traffic)
                self.seen.update(self.traffic.events())
        except BaseException:
            self.stack.close()
            raise
        self.recording = Recording(disk.log)

    # -- checks

    def sample(self, rng, n):
        return self.recording.sample(rng, n, self.begin, self.end)

    def every_state(self):
        return self.recording.after_flushes(self.begin, self.end)

    def every_ack(self):
        return self.recording.after(ack.time for ack in self.contract.acks.values())

    def at_end(self):
        return [Cut(self.end, "flushed", 0)]

    @property
    def mounted(self):
        return self.cuts - len(self.unmountable)

    def problems(self):
        return [problem for some in self.broken.values() for problem in some]

    def cut(self, cuts, until_broken=False):
        """In two processes, each with a disk of its own."""
        cuts = sorted(set(cuts))
        shares = [(cuts[i::PROCESSES], until_broken) for i in range(PROCESSES)]
        with self._measured("cuts"):
            for result in in_processes(self._cut_share, shares):
                self.cuts += result.cuts
                self.unmountable += result.unmountable
                self.broken.update(result.broken)
                self.duplicates += result.duplicates
                self.seen.update(result.seen)

    def _cut_share(self, cuts, until_broken):
        result = Result()
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            disk = Disk(self.recording, directory + "/base", SIZE_MIB << 20)
            for cut in cuts:
                if until_broken and os.path.exists(self.directory + "/found"):
                    break
                result.cuts += 1
                self._cut_one(disk, cut, directory, result)
        result.duplicates = self.contract.duplicates
        result.seen = self.contract.seen
        return result

    @contextlib.contextmanager
    def _image(self, disk, cut, directory, result):
        """The spool as the cut left it, or None."""
        disk.cut(cut, directory + "/image")
        try:
            image = self._mount(directory)
        except OSError as e:
            result.unmountable.append((cut, str(e)))
            image = self._mount_repaired(directory)
        if not image:
            yield None
            return
        with image as at:
            yield os.path.join(at, "spool")

    def _mount(self, directory):
        return Image(directory + "/image", directory + "/mnt", self.kind)

    def _mount_repaired(self, directory):
        """What fsck makes of it by itself, as at boot; or None.  Of kinds that
        Stagepost takes that is not asked: they mount."""
        if self.kind not in REPAIRED:
            return None
        try:
            run("e2fsck", "-p", directory + "/image", good=(0, 1, 2))
            return self._mount(directory)
        except OSError:
            return None

    def _cut_one(self, disk, cut, directory, result):
        when = self.recording.time(cut.position)
        with self._image(disk, cut, directory, result) as spool:
            problems = spool and self._problems(spool, when)
        if problems:
            result.broken[cut] = problems
            open(self.directory + "/found", "w").close()

    def _problems(self, spool, when):
        try:
            return self.contract.check(spool, when)
        except RuntimeError as e:
            return [f"LOST: {e}"]

    def drain(self, rng, n):
        """The real daemons recover, and deliver what was promised."""
        cuts = self.sample(rng, n)
        directory = os.path.join(self.directory, "drain")
        os.mkdir(directory)
        disk = Disk(self.recording, directory + "/base", SIZE_MIB << 20)
        with self._measured("drains"):
            for cut in cuts:
                with self._image(disk, cut, directory, self) as spool:
                    if spool and (problems := self._drain_one(spool, cut)):
                        self.broken[cut] = problems

    def _drain_one(self, spool, cut):
        restarted = time.time()
        statuses = self.traffic.go_on(spool)
        problems = [f"{name}: {rc}" for name, rc in statuses.items() if rc != 0]
        found = self.traffic.arrived_since(restarted)
        found |= {("box", test_id) for test_id in in_boxes(spool)}
        when = self.recording.time(cut.position)
        return problems + self.contract.lost(found, when)

    # -- what came out

    def report(self, name):
        between = self.begin, self.end
        windows = self.contract.windows()
        took = ", ".join(f"{what} {s:.1f} s" for what, s in self.seconds.items())
        diag(
            f"{name}: {len(self.contract.acks)} acknowledged, "
            f"{len(self.recording.positions(WRITE, *between))} writes, "
            f"{len(self.recording.positions(FLUSH, *between))} flushes; "
            f"{self.cuts} cuts: {len(self.broken)} broken, "
            f"{len(self.unmountable)} not mountable{self._after_repair()}; "
            f"{len(self.duplicates)} would come again, the oldest "
            f"{max(self.duplicates, default=0):.3f} s after it was delivered; "
            f"deliveries were noted after {windows[len(windows) // 2]:.3f} s "
            f"(median), {windows[-1]:.3f} s (all); {took}"
        )
        diag("; ".join(f"{name}: {n}" for name, n in sorted(self.seen.items())))
        for cut, problems in list(self.broken.items())[:5]:
            diag(f"{cut}: {len(problems)} problems")
            diag("\n".join(f"    {problem}" for problem in problems[:5]))
        for cut, why in self.unmountable[:3]:
            diag(f"{cut}: {why}")


    def _after_repair(self):
        if self.kind not in REPAIRED:
            return ""
        broken = [cut for cut, _ in self.unmountable if cut in self.broken]
        return f" (and {len(broken)} of them broken after e2fsck -p)"


class Result:
    """Of one process."""

    def __init__(self):
        self.cuts = 0
        self.unmountable = []
        self.broken = {}
        self.duplicates = []


def in_processes(function, arguments):
    """What the function returns for each, called in a process for each."""
    pipes = []
    for some in arguments:
        read, write = os.pipe()
        if os.fork() == 0:
            die_with_parent()
            with open(write, "wb") as f:
                os._exit(answer(f, function, some))
        os.close(write)
        pipes.append(read)
    for read in pipes:
        with open(read, "rb") as f:
            yield pickle.load(f)  # EOFError: it has failed, and said why
        os.wait()


def answer(file, function, arguments):
    try:
        pickle.dump(function(*arguments), file)
        file.flush()
        return 0
    except BaseException:
        traceback.print_exc()
        return 1
