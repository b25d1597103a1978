#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Which next hop is tried, and which is tried after it."""

from put import put
from stage import *

PROFILES = """
quick  retry 1s retries 20 messages-per-connection 1
next   retry 1s retries 20 messages-per-connection 1 greeting-5xx next
"""

DOMAINS = {
    "order.example": "smtp 10=[127.0.0.1]:{a} 20=[127.0.0.1]:{b} quick",
    "share.example": "smtp 10=[127.0.0.1]:{a} 10=[127.0.0.1]:{b} quick",
    "dead.example": "smtp 10=[127.0.0.1]:{none} 20=[127.0.0.1]:{b} quick",
    "next.example": "smtp 10=[127.0.0.1]:{a} 20=[127.0.0.1]:{b} next",
    "alone.example": "smtp [127.0.0.1]:{a} quick",
}


def host_of(stage, id, word="delivered"):
    """The port that the outcome came from."""
    match = stage.sender.log.wait_for(rf"{id}: {word} .*host=\S*:(\d+) reply=")
    return int(match.group(1))


with Stage(profiles=PROFILES, settings="connect-timeout 2s\n") as stage:
    once = "close-after 1\n"
    a, b = stage.sink(rules=once), stage.sink(rules=once)
    ports = {"a": a.port, "b": b.port, "none": free_port()}
    stage.write(routes="\n".join(f"{d} {r.format(**ports)}" for d, r in DOMAINS.items()))
    stage.start("sender")

    (id,) = put(stage, "x@order.example")
    is_(host_of(stage, id), a.port, "the lower weight first")
    (id,) = put(stage, "x@dead.example")
    is_(host_of(stage, id), b.port, "a dead host is passed over")
    ok(not stage.sender.log.grep(f"{id}: deferred"), "in the same attempt")

    n = len(a.letters())
    put(stage, "x@share.example", n=40)
    b.wait_letters(2)
    a.wait_letters(n + 1)
    stage.assert_spool_empty("equal weights share the load")

    a.rules(once + "rcpt * 451 4.2.0 later")
    (id,) = put(stage, "x@order.example", "y@order.example")
    is_(host_of(stage, id), b.port, "a 4xx to RCPT: the next host")
    a.rules(once + "rcpt y* 451 4.2.0 later")
    (id,) = put(stage, "x@order.example", "y@order.example")
    is_(host_of(stage, id), a.port, "what one host took")
    is_(host_of(stage, id), b.port, "is not given to the next with the rest")
    is_(b.letters()[-1].recipients, ["y@order.example"], "only the rest is")
    a.rules(once + "greeting 421 4.3.2 busy")
    (id,) = put(stage, "x@order.example")
    is_(host_of(stage, id), b.port, "a 4xx greeting: the next host")
    a.rules(once + "close-at mail")
    (id,) = put(stage, "x@order.example")
    is_(host_of(stage, id), b.port, "a connection that breaks: the next host")

    for step in ("greeting", "ehlo", "rcpt *"):
        a.rules(once + f"{step} 550 5.7.1 never")
        (id,) = put(stage, "x@order.example", sender="")
        is_(host_of(stage, id, "bounced"), a.port, f"a 5xx to {step}: no other host")
    for step in ("greeting", "ehlo"):
        a.rules(once + f"{step} 550 5.7.1 never")
        (id,) = put(stage, "x@next.example")
        is_(host_of(stage, id), b.port, f"but with greeting-5xx next ({step})")

    a.rules(once + "close-at eod")
    (id,) = put(stage, "x@order.example")
    is_(
        host_of(stage, id, "deferred"),
        a.port,
        "no answer to the end of data: it may have been taken, so not the next",
    )
    a.rules(once)
    host_of(stage, id)

    # nobody there: one message finds out, the others wait where they are
    a.stop()
    (first,) = put(stage, "x@alone.example")
    stage.sender.log.wait_for("suspended for=1s")
    host_of(stage, first, "deferred")
    others = put(stage, "x@alone.example", n=300)
    stage.sender.log.wait_for("suspended for=1s failures=2")
    waiting = stage.queue("processed").get("processed", [])
    ok(len(waiting) > 250, f"{len(waiting)} of 300 wait while it is suspended")
    a.start()
    stage.assert_spool_empty("all arrive when it is back")
    attempts = [len(stage.sender.log.grep(f"{id}: deferred")) for id in others]
    ok(sum(attempts) < 60, f"{sum(attempts)} retries were used up by 300 messages")

done_testing()
