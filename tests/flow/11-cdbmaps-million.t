#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""cdbmaps: a million domains and as many aliases compile in seconds, none is lost,
and each is found in microseconds."""

import os
import re
import shutil
import signal
import subprocess
import tempfile

from follow import wait_until
from process import program
from tap import *

N = 1_000_000
DIR = tempfile.mkdtemp(prefix="stagepost-test.")
TABLES = os.path.join(DIR, "tables")
SPOOL = os.path.join(DIR, "spool")
MAP = os.path.join(SPOOL, "map")


def cdbmaps(*args):
    """Exit status, what it said, seconds and KiB that it took."""
    argv = [program("cdbmaps"), "-f", TABLES, "-s", SPOOL, *args]
    log = os.path.join(DIR, "log")
    with open(log, "w") as out:
        child = subprocess.Popen(argv, stdout=out, stderr=out)
        _, status, usage = os.wait4(child.pid, 0)
    with open(log) as f:
        seconds = usage.ru_utime + usage.ru_stime
        return os.waitstatus_to_exitcode(status), f.read(), seconds, usage.ru_maxrss


def ask(key):
    argv = [program("cdbmaps"), "-s", SPOOL, "-q", key]
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True).stdout


def table(name, lines):
    with open(os.path.join(TABLES, name), "w") as f:
        f.writelines(lines)


def domains(n):
    for i in range(n):
        if i % 10 == 0:
            yield f"domain{i}.customer.example  smtp 10=[192.0.2.{i % 250}] 20=[192.0.2.{i % 250 + 1}]:2525\n"
        else:
            yield f"domain{i}.customer.example\n"


def aliases(n):
    for i in range(n):
        yield f"user{i}@alias.example  box{i}@far.example\n"


def look(what, before, behind):
    """Microseconds of processor time, and how many of them are found."""
    argv = [program("map-look"), SPOOL, what, before, behind, str(N)]
    said = subprocess.run(argv, stdout=subprocess.PIPE, text=True).stdout
    diag(f"{what}: {said.strip()}")
    found = re.match(r"([\d.]+) us found=(\d+) of (\d+)$", said)
    return float(found.group(1)), found.group(2) == found.group(3)


def looked_up_in_microseconds():
    """Below five, of processor time; a sanitizer costs more."""
    most = 50 if "san" in program("cdbmaps") else 5
    for what, before, behind in (
        ("route", "jo@domain", ".customer.example"),
        ("alias", "user", "@alias.example"),
    ):
        us, all_found = look(what, before, behind)
        ok(all_found, f"{what}: each that is looked up is found")
        ok(us < most, f"{what}: in less than {most} us")


def both_at_once():
    table("aliases", aliases(N))
    status, said, seconds, kib = cdbmaps()
    is_((status, said), (0, ""), f"{N} domains and {N} aliases")
    diag(f"{seconds:.2f} s of processor time, {kib / 1024:.0f} MiB")
    ok(seconds < (60 if "san" in program("cdbmaps") else 10), "in seconds")
    looked_up_in_microseconds()
    os.unlink(os.path.join(TABLES, "aliases"))


def one_that_is_stopped_while_it_writes():
    """A process, and the map is as before and it has the lock."""
    argv = [program("cdbmaps"), "-f", TABLES, "-s", SPOOL]
    child = subprocess.Popen(argv)
    new = os.path.join(MAP, "stagepost.cdb.new")
    wait_until(
        lambda: os.path.exists(new) and os.path.getsize(new) > 1_000_000,
        [MAP],
        lambda: "a new map being written",
    )
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return child


def dying_leaves_the_old_map():
    before = os.stat(os.path.join(MAP, "stagepost.cdb")).st_ino
    writer = one_that_is_stopped_while_it_writes()
    status, said, _, _ = cdbmaps()
    is_(
        (status, said),
        (2, "cdbmaps: write credentials.cdb: another cdbmaps is writing it\n"),
        "two cannot write at once",
    )
    writer.kill()
    writer.wait()
    after = os.stat(os.path.join(MAP, "stagepost.cdb")).st_ino
    is_(after, before, "killed while it writes, it leaves the old map")
    like(ask("domain:domain1.customer.example"), "^domains:2\t", "which answers")
    status, said, _, _ = cdbmaps()
    is_((status, said), (0, ""), "the next one compiles over what it left")
    ok(os.stat(os.path.join(MAP, "stagepost.cdb")).st_ino != before, "a new map")


os.makedirs(TABLES)
os.mkdir(SPOOL)
try:
    table("settings", ["local-route lmtp unix:/run/lmtp\n"])
    table("routes", ["* mx query=192.0.2.53\n"])
    table("domains", domains(N))
    both_at_once()
    status, said, seconds, kib = cdbmaps()
    is_((status, said), (0, ""), f"{N} domains")
    diag(f"{seconds:.2f} s of processor time, {kib / 1024:.0f} MiB")
    # A sanitizer costs more than ten times; what is tested is that it is O(n).
    ok(seconds < (60 if "san" in program("cdbmaps") else 10), "in seconds")
    size = os.path.getsize(os.path.join(SPOOL, "map", "stagepost.cdb"))
    diag(f"a map of {size / 1e6:.0f} MB")
    for i in (0, 1, 10, N // 2, N - 1):
        like(
            ask(f"domain:domain{i}.customer.example"),
            rf"^domains:{i + 1}\t(local-route|smtp 10=)",
            f"number {i} is there, and where it is written",
        )
    is_(ask(f"domain:domain{N}.customer.example"), "", "no other is")
    dying_leaves_the_old_map()

    table("domains", [*domains(N), "Domain77.customer.example\n", "no..domain\n"])
    status, said, seconds, _ = cdbmaps("-n")
    diag(f"{seconds:.2f} s")
    is_(
        (status, said.splitlines()),
        (
            1,
            [
                f"{TABLES}/domains:{N + 1}:1: expected each domain once; "
                f"domain77.customer.example is already at {TABLES}/domains:78",
                f"{TABLES}/domains:{N + 2}:1: expected a domain name without empty "
                'labels, not "no..domain"',
            ],
        ),
        "one duplicate among them is found",
    )
finally:
    shutil.rmtree(DIR)
done_testing()
