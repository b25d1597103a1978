#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
The corpus of routing, tests/letters/routing.tsv: each of its maps compiled, each
address asked for a hundred times, so that shares of the load are seen.
"""

import os
import re

from stage import *

LETTERS = os.path.join(ROOT, "tests", "letters")
TIMES = 100
SPREAD = 25  # percent: five standard deviations of a half in a hundred


def cases():
    """Rows by map."""
    found = {}
    with open(os.path.join(LETTERS, "routing.tsv")) as f:
        for line in f:
            if not line.startswith("#"):
                row = line.rstrip("\n").split("\t")
                found.setdefault(row[0], []).append(row[1:])
    return found


def compile(stage, *args):
    return stage.run(program("cdbmaps"), "-s", stage.spool, *args)


def hops_of(answer):
    """Host, rank and share of each, as they are told."""
    line = r"(?m)^  next hop +\d+ \[?([^\] \n]+?)\]?(?: port \d+)?: rank (\d+), share (\d+)%$"
    return re.findall(line, answer)


def shares(answers, first, n):
    """How often each host stands among the n from `first`, in percent of its place."""
    counts = {}
    for answer in answers:
        for host, _, _ in hops_of(answer)[first : first + n]:
            counts[host] = counts.get(host, 0) + 1
    return {host: count * 100 / len(answers) / n for host, count in counts.items()}


def hops_are(answers, want):
    first = 0
    for rank, text in enumerate(want.split(" then "), 1):
        expected = dict(word.rsplit(" ", 1) for word in text.split(", "))
        n = len(expected)
        if set(shares(answers, first, n)) != set(expected):
            return f"{text}: {shares(answers, first, n)}"
        for host, percent in shares(answers, first, 1).items():
            if abs(percent - int(expected[host])) > SPREAD * (int(expected[host]) < 100):
                return f"{host} {percent}%"
        told = {(host, r, share) for host, r, share in hops_of(answers[0])[first : first + n]}
        if told != {(host, str(rank), percent) for host, percent in expected.items()}:
            return f"{text}: told as {told}"
        first += n
    total = len(re.findall(r"(?m)^  next hop ", answers[0]))
    return want if total == first else f"{total} hops"


def answer_of(answers, want):
    """Behind "fallback" what route prints of that."""
    if " fallback " in want:
        first, second = want.split(" fallback ")
        parts = [re.split(r"(?m)^  fallback ", answer) for answer in answers]
        if {len(part) for part in parts} != {2}:
            return "no fallback"
        return " fallback ".join(
            (answer_of([p[0] for p in parts], first), hops_are([p[1] for p in parts], second))
        )
    route = re.search(r"(?m)^  route +(.*)$", answers[0]).group(1)
    destination = re.search(r"(?m)^  destination +(.*) default \(", answers[0])
    if want.startswith("maildir "):
        return route.replace("maildir:", "maildir ", 1)
    if want.startswith("mx "):
        return destination.group(1)
    return hops_are(answers, want)


def ask(stage, sender, recipient, line, want):
    limit = [] if sender == "-" else ["--from", sender]
    text = stage.tool("route", *limit, "--", *[recipient] * TIMES).stdout
    answers = re.split(r"(?m)^(?=\S)", text)[1:]
    where = re.search(r"because +\S+?:(\d+) (says|orders)", answers[0]).group(1)
    got = (len(answers), where, answer_of(answers, want))
    is_(got, (TIMES, line, want), f"{recipient} from {sender}: line {line}, {want}")


with Stage() as stage:
    count = 0
    for name, rows in cases().items():
        compile(stage, "-f", os.path.join(LETTERS, "routing", name))
        for row in rows:
            ask(stage, *row)
            count += 1
    ok(count >= 150, f"{count} cases")
done_testing()
