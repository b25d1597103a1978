#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""A disk without space, without inodes, over its quota, or suddenly read-only:
mail is refused for now, what was taken is delivered and makes space, nothing is
half there.  Each on a small file system of its own."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "flow"))

from disk import MKFS, Image, missing, own_mounts, run, unmount_all
from stage import *

MIB = 1 << 20
SETTINGS = "reserve-space 4m\nreserve-inodes 50"
FAR = "you@far.example"
LATE = "late@far.example"

if missing():
    print(f"1..0 # SKIP this machine has no {missing()}")
    sys.exit(0)


class Small:
    """A file system of this kind, with a stage whose spool is on it."""

    def __init__(self, kind, mkfs, mib=320):
        self.kind, self.mkfs, self.mib = kind, mkfs, mib

    def __enter__(self):
        # The stage's other files are elsewhere: they need space, too.
        self.outer = tempfile.mkdtemp(prefix="stagepost-full.")
        self.image = os.path.join(self.outer, "image")
        self.at = os.path.join(self.outer, "disk")
        with open(self.image, "wb") as f:
            f.truncate(self.mib * MIB)
        run(*self.mkfs, self.image)
        self.mounted = Image(self.image, self.at, self.kind)
        self.top = self.prepare()
        self.stage = Stage(
            settings=SETTINGS, spool=os.path.join(self.top, "spool"), profiles="slow retry 5h"
        )
        self.sink = self.stage.sink(rules="rcpt late@* 451 4.3.0 later")
        self.stage.write(routes=f"* {self.sink.route} slow")
        self.ballast = os.path.join(self.top, "ballast")
        return self

    def prepare(self):
        return self.at

    def __exit__(self, kind, *rest):
        self.stage.__exit__(kind, *rest)
        unmount_all(self.at)
        shutil.rmtree(self.outer, ignore_errors=True)

    def space(self):
        fs = os.statvfs(self.at)
        return fs.f_bavail * fs.f_frsize

    def fill(self, leave):
        """All but so many bytes are taken."""
        with open(self.ballast, "ab") as f:
            while self.space() > leave + MIB // 4:
                f.flush()
                n = min(self.space() - leave, 64 * MIB) // 4096 * 4096
                try:
                    os.posix_fallocate(f.fileno(), os.path.getsize(self.ballast), n)
                except OSError:
                    leave = max(leave, self.space())

    def fill_wholly(self):
        with open(self.ballast, "ab", buffering=0) as f:
            for size in (MIB, 4096, 512):
                try:
                    while True:
                        f.write(b"x" * size)
                except OSError:
                    pass

    def trigger_error(self):
        """As if its metadata were damaged."""
        device = os.stat(self.at).st_dev
        path = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
        name = os.path.basename(os.path.realpath(path))
        with open(f"/sys/fs/ext4/{name}/trigger_fs_error", "w") as f:
            f.write("a test")

    def space_again(self):
        os.unlink(self.ballast)


def text(size):
    line = b"x" * 76 + b"\r\n"
    return b"Subject: t\r\n\r\n" + line * (size // len(line))


def submit_until_refused(stage, recipients, content, most):
    """How many were taken, and the refusal."""
    for taken in range(most):
        reply = stage.submit(recipients, content)
        if not reply.startswith("250"):
            return taken, reply
    return most, reply


def nothing_half(stage, what):
    """No drafts, and every file of the spool is whole."""
    drafts = [n for n in stage.queue("tmp").get("tmp", []) if not n.endswith(".lock")]
    is_(drafts, [], f"{what}: no draft is left")
    verify = stage.tool("verify", check=False)
    is_(verify.returncode, 0, f"{what}: verify is content")


def goes_out(stage, sink, taken, what):
    """Everything that was taken goes out, late ones too, and once."""
    sink.rules("")
    stage.tool("flush")
    sink.wait_letters(taken)
    stage.assert_spool_empty(f"{what}: all of it is delivered")
    is_(len(sink.names()), taken, f"{what}: each once")
    deaths = [line for d in stage.daemons.values() for line in d.log.grep("died|signal")]
    is_(deaths, [], f"{what}: no worker has died")


def the_reserve(disk):
    """Below it mail is refused, and delivery makes space."""
    stage, what = disk.stage, f"{disk.kind}, the reserve"
    stage.start()
    disk.fill(10 * MIB)
    taken, reply = submit_until_refused(stage, LATE, text(300000), 60)
    like(reply, "^452 4.3.1", f"{what}: {taken} messages, then 452")
    ok(taken > 0, f"{what}: not the first")
    ok(disk.space() > 3 * MIB, f"{what}: {disk.space() // 1024} KiB are kept")
    stage.wait_queue(lambda q: list(q) == ["deferred"], "all of them to wait")
    nothing_half(stage, what)
    goes_out(stage, disk.sink, taken, what)
    # the measure of free space is a second old at most
    wait_until(
        lambda: stage.submit(FAR, text(3000)).startswith("250"),
        [disk.sink.kept],
        f"{what}: new mail to be taken",
    )
    disk.sink.wait_letters(taken + 1)
    stage.assert_spool_empty(f"{what}: the space that it made is used")
    disk.space_again()


def not_a_byte(disk):
    """Marks, orders and maps need space; what needs none goes on."""
    stage, sink, what = disk.stage, disk.sink, f"{disk.kind}, not a byte"
    before = len(sink.names())
    sink.rules("rcpt late@* 451 4.3.0 later")
    reply = stage.submit(LATE, text(3000))
    (waiting,) = stage.wait_in("deferred")
    stage.wait_queue(lambda q: list(q) == ["deferred"], "it to wait")
    stage.stop("engine", "sender")
    like(stage.submit(FAR, text(60000)), "^250", f"{what}: one is taken before")
    disk.fill_wholly()
    like(stage.submit(FAR, text(3000)), "^452 4.3.1", f"{what}: 452")

    map_path = os.path.join(stage.spool, "map", "stagepost.cdb")
    generation = os.stat(map_path)
    rows = "".join(f"d{i}.example smtp [192.0.2.1]:{i + 1}\n" for i in range(9000))
    with open(os.path.join(stage.tables, "routes"), "a") as f:
        f.write(rows)
    done = stage.compile(check=False)
    ok(done.returncode != 0, f"{what}: cdbmaps fails")
    like(done.stdout, "No space left", f"{what}: and says why")
    is_(os.stat(map_path), generation, f"{what}: the old map stays")
    ok(not os.path.exists(map_path + ".new"), f"{what}: and nothing beside it")

    stage.start("engine", "sender", compile=False)
    sink.wait_letters(before + 1)
    ok(True, f"{what}: what needs no mark is delivered")
    id = waiting.split(".", 2)[2]
    held = stage.tool("hold", "--why", "x" * 5000, id, check=False)
    where = list(stage.queue())
    ok(
        (held.returncode == 0, where) in ((True, ["held"]), (False, ["deferred"])),
        f"{what}: an order is carried out or refused, as it says ({held.returncode})",
    )
    disk.space_again()
    if where == ["held"]:
        stage.tool("release", id)
        stage.wait_in("deferred")
    nothing_half(stage, what)
    stage.compile()
    goes_out(stage, sink, before + 2, what)


def no_inode(disk):
    stage, sink, what = disk.stage, disk.sink, f"{disk.kind}, no inode"
    before = len(sink.names())
    sink.rules("rcpt late@* 451 4.3.0 later")
    litter = os.path.join(disk.top, "litter")
    os.mkdir(litter)
    made = 0
    while os.statvfs(disk.at).f_favail > 70:
        open(os.path.join(litter, str(made)), "w").close()
        made += 1
    taken, reply = submit_until_refused(stage, LATE, text(3000), 200)
    like(reply, "^452 4.3.1", f"{what}: {taken} messages, then 452")
    ok(os.statvfs(disk.at).f_favail >= 30, f"{what}: the reserve is kept")
    try:  # and now it is eaten by others
        while True:
            open(os.path.join(litter, str(made)), "w").close()
            made += 1
    except OSError:
        pass
    like(stage.submit(FAR, text(3000)), "^452 4.3.1", f"{what}: none at all: 452")
    stage.wait_queue(lambda q: list(q) == ["deferred"], "all of them to wait")
    done = stage.compile(check=False)
    ok(done.returncode != 0, f"{what}: cdbmaps fails, and the old map stays")
    paused = stage.tool("pause", "all", check=False)
    ok(paused.returncode != 0, f"{what}: so does a pause, and says so")
    sink.rules("")
    for name in os.listdir(litter)[:1]:  # an order is a file
        os.unlink(os.path.join(litter, name))
    goes_out(stage, sink, before + taken, what)
    shutil.rmtree(litter)
    nothing_half(stage, what)


def over_quota(disk):
    """The disk has space, but not for us: EDQUOT."""
    stage, sink, what = disk.stage, disk.sink, f"{disk.kind}, quota"
    stage.start()
    taken, reply = submit_until_refused(stage, LATE, text(300000), 100)
    like(reply, "^452 4.3.1", f"{what}: {taken} messages, then 452")
    ok(taken > 0, f"{what}: not the first")
    ok(disk.space() > 8 * MIB, f"{what}: though the disk has space")
    stage.wait_queue(lambda q: list(q) == ["deferred"], "all of them to wait")
    run("btrfs", "qgroup", "limit", "none", disk.top)
    nothing_half(stage, what)
    goes_out(stage, sink, taken, what)


def read_only(disk):
    """The file system has met an error and refuses all writes."""
    stage, sink, what = disk.stage, disk.sink, f"{disk.kind}, read-only"
    sink.rules("rcpt late@* 451 4.3.0 later")
    before = len(sink.names())
    like(stage.submit(LATE, text(3000)), "^250", f"{what}: one is taken before")
    stage.wait_queue(lambda q: list(q) == ["deferred"], "it to wait")
    disk.trigger_error()
    for i in range(3):
        like(stage.submit(FAR, text(3000)), "^4|^$", f"{what}: nothing is taken, {i}")
    for name in DAEMONS:
        ok(len(stage.daemons[name].log.lines()) < 500, f"{what}: {name} is not in a circle")
    for name in DAEMONS:
        stage.daemons[name].stop_whole()
    disk.mounted.close()
    subprocess.run(["e2fsck", "-p", disk.image], stdout=subprocess.DEVNULL)
    disk.mounted = Image(disk.image, disk.at, disk.kind)
    stage.start(compile=False)
    nothing_half(stage, f"{what}, mended")
    goes_out(stage, sink, before + 1, f"{what}, mended")


class Quota(Small):
    def prepare(self):
        top = os.path.join(self.at, "limited")
        run("btrfs", "quota", "enable", self.at)
        run("btrfs", "subvolume", "create", top)
        run("btrfs", "qgroup", "limit", "8M", top)
        return top


def has_btrfs():
    subprocess.run("modprobe -q btrfs 2>/dev/null", shell=True)
    with open("/proc/filesystems") as f:
        return "btrfs" in f.read().split()


own_mounts()
with Small("ext4", (*MKFS["ext4"], "-N", "1500", "-e", "remount-ro"), mib=64) as disk:
    the_reserve(disk)
    not_a_byte(disk)
    no_inode(disk)
    read_only(disk)
with Small("xfs", MKFS["xfs"]) as disk:
    the_reserve(disk)
    not_a_byte(disk)
if has_btrfs():
    with Quota("btrfs", ("mkfs.btrfs", "-q"), mib=120) as disk:
        over_quota(disk)
else:
    skip("a quota", "the kernel has no btrfs")
done_testing()
