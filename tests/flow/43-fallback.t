#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
A domain that is split between two providers: whom the first does not know goes
to the second, once, and nobody hears of it.
"""

import json
import os
import signal
from datetime import datetime

from stage import *

HOUR = 3600
TEXT = b"From: <clerk@home.example>\r\nSubject: a question\r\n\r\nWhen?\r\n"
UNKNOWN = "550 5.1.1 no such person here"


class Providers:
    """old, the first; new, the fallback; home, where reports go."""

    def __init__(self, stage):
        self.stage = stage
        self.old, self.new, self.home = stage.sink(), stage.sink(), stage.sink()

    def table(self, old, new=None):
        fallback = f" fallback {new.route} slow" if new else ""
        self.stage.write(
            routes=f"split.example  {old.route} quick{fallback}\n"
            f"plain.example  {old.route} quick\n"
            f"home.example   {self.home.route}\n"
        )

    def rules(self, old="", new=""):
        self.old.rules(old)
        self.new.rules(new)

    def seen(self):
        return [len(s.letters()) for s in (self.old, self.new, self.home)]

    def send(self, *to):
        like(self.stage.submit(list(to), TEXT, "clerk@home.example"), "^250", f"to {to}")


    def wait(self, old, new, home, name):
        """So many letters at each, nothing more on its way, and no other came."""
        self.old.wait_letters(old)
        self.new.wait_letters(new)
        self.home.wait_letters(home)
        self.stage.assert_spool_empty(f"{name}: the spool is empty")
        is_(self.seen(), [old, new, home], name)


def said(stage, pattern):
    return len(stage.sender.log.grep(pattern))


def unknown_by_the_first(stage, p):
    p.rules(f"rcpt moved@* {UNKNOWN}")
    p.send("stays@split.example", "moved@split.example")
    p.wait(1, 1, 0, "a letter at each, and no report")
    is_(p.old.letters()[0].recipients, ["stays@split.example"], "who is known to the first")
    is_(p.new.letters()[0].recipients, ["moved@split.example"], "who has moved")
    is_(said(stage, "diverted to=<moved@split.example> host="), 1, "the log says so once")


def unknown_by_both(stage, p):
    p.rules(f"rcpt nobody@* {UNKNOWN}", "rcpt nobody@* 550 5.1.1 not here either")
    old, new, home = p.seen()
    p.send("nobody@split.example")
    p.wait(old, new, home + 1, "one report")
    like(p.home.letters()[-1].content.decode(), "not here either", "with the words of the second")
    is_(said(stage, "diverted to=<nobody@"), 1, "diverted once, not in circles")
    is_(said(stage, "bounced to=<nobody@"), 1, "failed once")


def what_means_unknown(stage, p):
    refused = {
        "550 no": "diverted",
        "551 user not local": "diverted",
        "553 not allowed": "diverted",
        "554 5.1.6 moved": "diverted",
        "550 5.1.10 no": "diverted",
        "550 5.4.1 Recipient address rejected: Access denied": "diverted",
        "554 5.4.1 no": "bounced",
        "550 5.4.4 no": "bounced",
        "550 5.7.1 policy": "bounced",
        "550 5.2.1 disabled": "bounced",
        "553 5.1.8 your domain": "bounced",
        "554 no": "bounced",
        "552 5.2.2 full": "bounced",
    }
    old, new, home = p.seen()
    p.rules("\n".join(f"rcpt n{i}@* {reply}" for i, reply in enumerate(refused)))
    for i, (reply, what) in enumerate(refused.items()):
        p.send(f"n{i}@split.example")
        line = stage.sender.log.wait_for(rf"(\w+) to=<n{i}@split.example> host=\S+ reply=")
        is_(line.group(1), what, reply)
    p.wait(old, new + 6, home + 7, "six letters, seven reports")
    p.rules("mail * 550 5.1.1 you are unknown")
    p.send("any@split.example")
    p.wait(old, new + 6, home + 8, "a refused sender is no unknown recipient")
    p.rules(f"rcpt nobody@* {UNKNOWN}")
    p.send("nobody@plain.example")
    p.wait(old, new + 6, home + 9, "a row without a fallback")


def with_others_that_wait(stage, p):
    """Who has moved does not wait for them, and they are not tried too early."""
    p.rules(f"rcpt moved@* {UNKNOWN}\nrcpt late@* 451 4.2.1 later")
    old, new, home = p.seen()
    p.send("late@split.example", "moved@split.example")
    moved = p.new.wait_letters(new + 1)[-1]
    is_(moved.recipients, ["moved@split.example"], "who has moved has it from the second at once")
    stage.wait_queue(lambda q: set(q) == {"deferred"}, "nothing but what waits")
    (name,) = stage.queue("deferred")["deferred"]
    due, _, id = name.split(".", 2)
    tried = stage.sender.log.grep(r"deferred to=<late@split.example> .* due=(\S+) attempt=(\d+)")
    is_([m.group(2) for m in tried], ["1"], "who is late was tried once")
    stamp = datetime.fromisoformat(tried[0].group(1).replace("Z", "+00:00")).timestamp()
    is_(int(due), int(stamp), "and is due when he was")
    shown = stage.tool("show", id).stdout
    like(shown, r"late@split.example", "show tells of him")
    p.rules("")
    stage.turn_clock(HOUR)
    p.wait(old + 1, new + 1, home, "an hour later he has it, and there is no report")
    is_(p.old.letters()[-1].recipients, ["late@split.example"], "from the first")

    p.rules(f"rcpt moved@* {UNKNOWN}\nrcpt late@* 451 4.2.1 later")
    p.send("late@split.example", "moved@split.example")
    p.new.wait_letters(new + 2)
    stage.wait_queue(lambda q: set(q) == {"deferred"}, "nothing but what waits")
    p.rules("")
    stage.tool("flush")
    p.wait(old + 2, new + 2, home, "an operator can have him tried sooner")


def killed_while_it_is_divided(stage, p):
    """As in killed_at_each_move(): nobody is lost, nobody has it twice."""
    for n in range(1, 6):
        stage.stop("sender")
        p.rules(f"rcpt moved@* {UNKNOWN}\nrcpt late@* 451 4.2.1 later")
        old, new, home = p.seen()
        p.send("late@split.example", "moved@split.example")
        kill_at_move(stage, n)
        p.new.wait_letters(new + 1)
        stage.wait_queue(lambda q: set(q) == {"deferred"}, "nothing but what waits")
        p.rules("")
        stage.tool("flush")
        p.wait(old + 1, new + 1, home, f"killed at its move {n}")


def kept_over_a_crash(stage, p):
    p.rules(f"rcpt moved@* {UNKNOWN}", "rcpt moved@* 450 4.2.1 later")
    old, new, home = p.seen()
    p.send("moved@split.example")
    name = stage.wait_in("deferred")[0]
    shown = stage.tool("show", name.split(".")[2]).stdout
    like(shown, r"diverted to=<moved@split.example> host=.*no such person here", "show tells")
    stage.sender.kill_all()
    p.rules("")  # the first would take it now
    stage.start("sender", compile=False)
    stage.tool("flush")
    p.wait(old, new + 1, home, "killed and started again, it goes to the second")


def the_engine_decides_again(stage, p):
    """Killed on its way between the two: nothing but the journal says where."""
    p.rules(f"rcpt moved@* {UNKNOWN}")
    old, new, home = p.seen()
    stage.tool("pause", "slow")
    p.send("moved@split.example")
    stage.sender.log.wait_for("diverted to=<moved@split.example>")
    stage.wait_in("processed")
    for name in DAEMONS[1:]:
        stage.daemons[name].kill_all()
    p.rules("")
    stage.start("engine", "sender", compile=False)
    stage.tool("resume", "slow")
    p.wait(old, new + 1, home, "both were killed, and it goes to the second")


def kill_at_move(stage, n):
    """A worker dies before its n-th rename, the others end by themselves; then the
    sender is started again."""
    stage.start_with_fault("sender", f"renameat2:signal=KILL:when={n}",
                           "was killed by SIGKILL|delivered to=<moved@")
    (parent,) = stage.sender.workers()  # of strace
    os.kill(parent, signal.SIGTERM)
    stage.sender.wait()
    stage.start("sender", compile=False)


def killed_at_each_move(stage, p):
    """
    Claimed, sent back to be routed, claimed again: the second has it once.  Only
    before these moves a worker is killed, and the rest ends by itself: never
    between the second's answer and the removal.
    """
    for n in range(1, 4):
        stage.stop("sender")
        p.rules(f"rcpt moved@* {UNKNOWN}")
        old, new, home = p.seen()
        p.send("moved@split.example")
        kill_at_move(stage, n)
        p.wait(old, new + 1, home, f"killed at its move {n}")


def the_map_decides(stage, p):
    other = stage.sink()
    p.rules(f"rcpt m* {UNKNOWN}", "rcpt m* 450 4.2.1 later")
    old, new, home = p.seen()
    p.send("m1@split.example")
    first = stage.wait_in("deferred")[0]
    p.table(p.old, other)
    stage.compile()
    stage.tool("flush")
    other.wait_letters(1)
    p.wait(old, new, home, "another fallback in the table is where it goes")

    p.table(p.old, p.new)
    stage.compile()
    p.send("m2@split.example")
    second = stage.wait_in("deferred")[0]
    p.table(p.old)
    stage.compile()
    stage.tool("flush")
    p.wait(old, new, home + 1, "no fallback any more: the first is asked, and a report")
    p.table(p.old, p.new)
    stage.compile()


def explained(stage, p):
    text = stage.tool("route", "moved@split.example").stdout
    like(text, rf"(?m)^  fallback       smtp \[127.0.0.1\]:{p.new.port} slow, ", "route prints it")
    like(text, rf"(?m)^  next hop       0 127.0.0.1 port {p.new.port}: rank 1, share 100%$", "with its hops")
    answer = json.loads(stage.tool("route", "--json", "moved@split.example").stdout)
    is_(answer["fallback"], f"{p.new.route} slow", "and in JSON")
    is_(answer["route"], f"{p.old.route} quick", "beside the route")


with Stage(profiles="quick  retry 15m retries 5\nslow retry 30m retries 5\n") as stage:
    p = Providers(stage)
    stage.turn_clock(0)
    p.table(p.old, p.new)
    stage.start()
    unknown_by_the_first(stage, p)
    unknown_by_both(stage, p)
    what_means_unknown(stage, p)
    with_others_that_wait(stage, p)
    kept_over_a_crash(stage, p)
    the_engine_decides_again(stage, p)
    killed_at_each_move(stage, p)
    killed_while_it_is_divided(stage, p)
    the_map_decides(stage, p)
    explained(stage, p)
done_testing()
