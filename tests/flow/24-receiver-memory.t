#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""What an idle session costs: below 10 KiB, also after it has sent mail."""

import resource

from stage import *

SESSIONS = 5000
SPARE = 100  # descriptors, beside the sessions

SETTINGS = """
sessions-max 20000
client-sessions-max 20000
receiver-workers 1
"""


def resident_kib(stage):
    total = 0
    for pid in stage.receiver.workers():
        with open(f"/proc/{pid}/status") as f:
            total += sum(int(x.split()[1]) for x in f if x.startswith("VmRSS:"))
    return total


def sanitized(stage):
    """Its shadow memory counts as ours."""
    with open(f"/proc/{stage.receiver.pid}/maps") as f:
        return "asan" in f.read()


def cost(stage, before, what):
    each = (resident_kib(stage) - before) * 1024 / SESSIONS
    limit = 30720 if sanitized(stage) else 10240
    diag(f"{what}: {each:.0f} bytes a session")
    ok(each < limit, f"{what}: less than {limit} bytes a session")


def idle(stage):
    """One session has been there before: what a worker needs once is there."""
    is_(stage.submit("c@d.example", b"x\r\n")[:3], "250", "a first message")
    before = resident_kib(stage)
    sessions = [stage.conversation() for _ in range(SESSIONS)]
    greeted = sum(c.reply()[:3] == "220" for c in sessions)
    is_(greeted, SESSIONS, f"{SESSIONS} sessions at once")
    cost(stage, before, "greeted")
    for c in sessions:
        c.says("EHLO client.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>")
    taken = sum([c.reply()[:3] for _ in range(3)] == ["250"] * 3 for c in sessions)
    is_(taken, SESSIONS, "each with a recipient")
    cost(stage, before, "in a transaction")
    for c in sessions:
        c.says("DATA")
    is_(sum(c.reply()[:3] == "354" for c in sessions), SESSIONS, "each in DATA")
    cost(stage, before, "waiting for content")
    for c in sessions:
        c.sends(b"x" * 900 + b"\r\n.\r\n")
    is_(sum(c.reply()[:3] == "250" for c in sessions), SESSIONS, "each has sent")
    cost(stage, before, "idle after a message")
    for c in sessions:
        c.close()


need = SESSIONS + SPARE
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if hard < need:
    SESSIONS = hard - SPARE
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

with Stage(settings=SETTINGS) as stage:
    stage.start("receiver")
    idle(stage)
done_testing()
