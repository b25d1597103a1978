# SPDX-License-Identifier: ISC
"""Long queues: draining one, and living with one.  Each run gives a row."""

import contextlib
import os
import sys
import threading
import time

import meter
import relay
from many import LINKS, entries, make_deferred
from servers import Plan

SEEDS = 64  # files for each destination: all shards get some


def backlog(opt):
    """From the moment that held mail may go until the sink has all of it."""
    for name in [n for n in opt.servers if n in ("stagepost", "postfix")]:
        with relay.bench(opt, name, Plan(hold=True)) as b:
            relay.send(
                b.server.port, 20, 1024, opt.backlog, "reused", b.harness.join
            )
            meter.sync()
            before = relay.snapshot(b)
            b.server.release()
            arrived, last = b.sink.wait(opt.backlog, 120 + opt.backlog // 100)
            if arrived < opt.backlog:
                print(f"{name}: {arrived} of the backlog", file=sys.stderr)
                continue
            yield {"server": name, **relay.costs(b, before, opt.backlog, last)}


def _memory_mib(daemon):
    total = 0
    for pid in meter.tree(daemon.pid):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += sum(int(x.split()[1]) for x in f if x.startswith("Pss:"))
    return total / 1024


@contextlib.contextmanager
def _peak(daemon):
    """The most memory that a daemon has while this lasts, in a list."""
    peak, over = [_memory_mib(daemon)], threading.Event()

    def watch():
        while not over.wait(0.5):
            peak[0] = max(peak[0], _memory_mib(daemon))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _routes(sinks):
    return "\n".join(
        f"{domain}  smtp [127.0.0.1]:{sink.port}  {profile}"
        for domain, sink, profile in sinks
    )


@contextlib.contextmanager
def _ours(opt, rules):
    """Stagepost before a fast sink and, for slow.test, another by these rules."""
    with relay.bench(opt, "stagepost") as b:
        path = os.path.join(b.directory, "rules")
        with open(path, "w") as f:
            f.write(rules)
        slow = relay.Sink(b.directory, b.harness, rules=path)
        try:
            stage = b.server.stage
            profile = "wait" if "451" in rules else "busy"
            sinks = [("slow.test", slow, profile), ("*", b.sink, "busy")]
            stage.write(routes=_routes(sinks))
            stage.compile()
            yield b, stage, slow
        finally:
            slow.process.kill_all()


def _submit(stage, recipient, n):
    for _ in range(n):
        stage.submit(recipient, b"Subject: seed\r\n\r\n" + b"x" * 900 + b"\r\n")


def _first_delivery(b, stage):
    """Start the sender; seconds until a message that waits is delivered."""
    b.sink.reset()
    stage.stop("engine")
    _submit(stage, "first@fast.test", 1)
    stage.start("engine", compile=False)
    stage.wait_in("processed")
    begin = time.time()
    b.server.release()
    _, last = b.sink.wait(1)
    return last - begin


def _new_mail(opt, b, messages):
    b.sink.reset()
    return relay.through(b, "stagepost", "reused", 1024, 10, messages)


def _new_mail_in_turn(opt, beside):
    """Pairs of runs, at a server with a queue of this length and at one with
    another, each the first in every other pair: rows."""
    messages = relay.count_for(opt, "stagepost", "reused", 1024, 10)
    for _, b in beside:
        _new_mail(opt, b, messages // 4 + 1)  # to warm it up
    for pair in range(opt.pairs):
        for waiting, b in beside if pair % 2 == 0 else beside[::-1]:
            row = _new_mail(opt, b, messages)
            if row:
                yield {**row, "deferred": waiting, "pair": pair + 1}


def _defer(opt, stage):
    """Fill the queue, due in two hours and later; the sender is stopped."""
    seeds = opt.deferred // LINKS + SEEDS
    _submit(stage, "later@slow.test", seeds)
    stage.wait_in("deferred", seeds)
    stage.stop("sender")
    now = int(time.time())
    make_deferred(
        stage,
        entries(stage, "deferred"),
        opt.deferred,
        lambda number: now + 7200 + number * 360000 // opt.deferred,
    )


def deferred(opt):
    """A start in front of a long deferred queue, and new mail beside it and at
    another server that has none."""
    rules = "rcpt * 451 4.3.0 later\n"
    with _ours(opt, rules) as (b, stage, _), _ours(opt, rules) as (empty, _, _):
        _defer(opt, stage)
        meter.sync()
        seconds = _first_delivery(b, stage)
        with _peak(stage.sender) as peak:
            yield from _new_mail_in_turn(opt, [(opt.deferred, b), (0, empty)])
        waiting = len(entries(stage, "deferred"))
        if waiting < opt.deferred:
            raise RuntimeError(f"only {waiting} of {opt.deferred} are still deferred")
        yield {
            "server": "stagepost", "deferred": opt.deferred,
            "first_s": seconds, "sender_mib": peak[0],
        }  # fmt: skip


def _all_due(b, stage, domains, each):
    """Fill the queue for these domains, then start the sender."""
    stage.stop("sender")
    for domain in domains:
        _submit(stage, f"due@{domain}", SEEDS)
    stage.wait_in("processed", SEEDS * len(domains))
    now = int(time.time()) - 60
    seeds = {}  # by destination, which is in their names
    for path in entries(stage, "processed"):
        seeds.setdefault(os.path.basename(path).split(".")[0], []).append(path)
    for paths in seeds.values():
        make_deferred(stage, paths, each, lambda _number: now)
    b.sink.reset()
    meter.sync()
    before = relay.snapshot(b)
    b.server.release()
    with _peak(stage.sender) as peak:
        arrived, last = b.sink.wait(each + SEEDS, 120 + each // 200)
    if arrived < each + SEEDS:
        raise RuntimeError(f"only {arrived} of {each + SEEDS} arrived")
    row = relay.costs(b, before, arrived, last)
    return {**row, "sender_mib": peak[0]}


def due(opt):
    """The fast one alone, then the fast one beside one that takes a second for
    each message."""
    for domains in (["fast.test"], ["fast.test", "slow.test"]):
        with _ours(opt, "delay eod 1000ms\n") as (b, stage, _):
            row = _all_due(b, stage, domains, opt.due // 2)
        yield {
            "server": "stagepost", "due": opt.due // 2 * len(domains),
            "to": " and ".join(d.split(".")[0] for d in domains), **row,
        }  # fmt: skip


PARTS = {"backlog": backlog, "deferred": deferred, "due": due}
