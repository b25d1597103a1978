# SPDX-License-Identifier: ISC
"""Rows of runs become tables for people: median (least-most) of each cell."""

import statistics

# What a row may say of itself, and what was measured: heading, field, digits.
WHAT = {
    "connections": "connections", "delivery": "delivery", "size": "bytes", "sessions": "sessions",
    "workers": "workers", "deferred": "deferred",
    "due": "due", "to": "to", "server": "server",
}  # fmt: skip
COLUMNS = (
    ("accepted/s", "accepted_per_s", 0),
    ("end to end/s", "end_to_end_per_s", 0),
    ("median us to 250", "latency_us", 0),
    ("90th percentile", "latency90_us", 0),
    ("CPU us/msg", "cpu_us", 0),
    ("flushes/msg", "flushes", 2),
    ("writes/msg", "writes", 1),
    ("TLS handshakes/msg", "handshakes", 2),
    ("of them resumed", "resumed", 2),
    ("memory MiB", "memory_mib", 0),
    ("first delivery s", "first_s", 2),
    ("sender MiB", "sender_mib", 1),
    ("others' CPU %", "others_percent", 0),
)
CALLS = ("fsync", "fdatasync", "syncfs", "openat", "renameat2", "rename",
         "unlink", "unlinkat", "clone", "execve")  # fmt: skip
OURS, THEIRS = "stagepost", "postfix"


def median(rows, field):
    return statistics.median(row[field] for row in rows if field in row)


def groups(rows, fields):
    """{the values of these fields: rows}, in the order of the values."""
    found = {}
    for row in rows:
        found.setdefault(tuple(row.get(f) for f in fields), []).append(row)
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


def _order(key):
    return [(v is not None, isinstance(v, str), v if v is not None else 0) for v in key]


def _cell(rows, field, digits):
    values = [row[field] for row in rows if field in row]
    if not values:
        return ""
    low, high = min(values), max(values)
    text = f"{statistics.median(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ({low:.{digits}f}-{high:.{digits}f})"


def lines_of(heads, lines):
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for cells in lines:
        yield "| " + " | ".join(str(c) for c in cells) + " |"


def _fields_of(rows):
    return [f for f in WHAT if any(f in row for row in rows)]


def runs(rows):
    fields = _fields_of(rows)
    columns = [c for c in COLUMNS if any(c[1] in row for row in rows)]
    heads = [WHAT[f] for f in fields] + ["runs"] + [c[0] for c in columns]
    cells = (
        ["" if v is None else v for v in key]
        + [len(group)]
        + [_cell(group, field, digits) for _, field, digits in columns]
        for key, group in groups(rows, fields).items()
    )
    return "\n".join(lines_of(heads, cells))


def _share(a, b, field):
    if not a or not b:
        return ""
    return f"{median(a, field) / max(median(b, field), 1e-9):.2f}"


def ratios(rows):
    """How we stand, workload by workload: medians against medians."""
    fields = [f for f in _fields_of(rows) if f != "server"]
    disk = {
        key: group
        for key, group in groups(rows, ("size", "sessions", "server")).items()
        if key[2] == "file system"
    }
    cells = []
    for key, group in groups(rows, fields).items():
        by = {server: g for (server,), g in groups(group, ("server",)).items()}
        if OURS not in by or THEIRS not in by:
            continue
        ours, theirs = by[OURS], by[THEIRS]
        ceiling = disk.get((ours[0].get("size"), ours[0].get("sessions"), "file system"))
        cells.append(
            [
                *("" if v is None else v for v in key),
                _share(ours, theirs, "end_to_end_per_s"),
                _share(ours, theirs, "cpu_us"),
                _share(ours, by.get("none"), "end_to_end_per_s"),
                _share(ours, ceiling, "end_to_end_per_s"),
            ]
        )
    if not cells:
        return ""
    heads = [WHAT[f] for f in fields] + [
        f"times {THEIRS}", f"CPU, part of {THEIRS}", "part of client to sink",
        "part of file system",
    ]  # fmt: skip
    return "\n".join(lines_of(heads, cells))


def latencies(rows):
    """Of each server, as part of the disk's own and of the other's."""
    cells = []
    for (size,), group in groups(rows, ("size",)).items():
        by = {server: g for (server,), g in groups(group, ("server",)).items()}
        for server in [s for s in (OURS, THEIRS) if s in by]:
            cells.append(
                [size, server]
                + [
                    _share(by[server], by.get(other), field)
                    for field in ("latency_us", "latency90_us")
                    for other in ("file system", THEIRS)
                ]
            )
    heads = ["bytes", "server"] + [
        f"{what}, part of {other}"
        for what in ("median", "90th percentile")
        for other in ("file system", THEIRS)
    ]
    return "\n".join(lines_of(heads, cells))


# Where runs stand beside others of the same round and pair: which field, which
# value of it is the one to compare with, and what is compared.
RATE, CPU = "end_to_end_per_s", "cpu_us"
BESIDE = {
    "workers": ("workers", 1, (CPU,)),
    "deferred": ("deferred", 0, (RATE, CPU)),
    "due": ("to", "fast", (RATE, CPU)),
}


def _shares(rows, field, base, compared):
    """{value of the field: ratios of each pair}"""
    shares = {}
    for group in groups(rows, ("round", "pair")).values():
        firsts = [row for row in group if row[field] == base]
        for row in group if firsts else []:
            if row[field] != base:
                share = {what: row[what] / median(firsts, what) for what in compared}
                shares.setdefault(row[field], []).append(share)
    return shares


def beside(part, rows):
    """Ratios within each round and pair: what disturbs both cancels out."""
    field, base, compared = BESIDE[part]
    rows = [row for row in rows if RATE in row]
    names = {what: heading for heading, what, _ in COLUMNS}
    heads = [WHAT[field], "pairs"]
    heads += [f"{names[what]}, part of {WHAT[field]} {base}" for what in compared]
    cells = [
        [value, len(found), *(_cell(found, what, 3) for what in compared)]
        for value, found in sorted(_shares(rows, field, base, compared).items())
    ]
    return "\n".join(lines_of(heads, cells))


def calls(rows):
    cells = []
    for (server,), group in groups(rows, ("server",)).items():
        counts = {c: [r["calls"].get(c, 0) for r in group] for r in group for c in r["calls"]}
        total = statistics.median(sum(r["calls"].values()) for r in group)
        each = (f"{statistics.median(counts.get(c, [0])):.2f}" for c in CALLS)
        cells.append([server, f"{total:.1f}", *each])
    return "\n".join(lines_of(["server", "all", *CALLS], cells))


def profile(rows):
    """Microseconds of each room's calls, the dearest first."""
    groups_by_sessions = groups(rows, ("sessions",))
    spent = {}
    for (sessions,), group in groups_by_sessions.items():
        for room, call, us in (line for row in group for line in row["profile"]):
            spent.setdefault((room, call), {}).setdefault(sessions, []).append(us)
    heads = ["room", "call"] + [f"us, {n} sessions" for (n,) in groups_by_sessions]

    def cell(by, n):
        """A call that a round did not meet has taken nothing in it."""
        rounds = len(groups_by_sessions[n,])
        values = by.get(n, [])
        return statistics.median(values + [0] * (rounds - len(values)))

    lines = []
    for room in ("receiver", "engine", "sender"):
        sums = [0] * len(groups_by_sessions)
        for (of, call), by in spent.items():
            if of != room:
                continue
            cells = [cell(by, n) for (n,) in groups_by_sessions]
            sums = [a + b for a, b in zip(sums, cells)]
            if max(cells) >= 0.5:
                lines.append([room, call, *(f"{us:.1f}" for us in cells)])
        lines.append([room, "**all**", *(f"**{us:.0f}**" for us in sums)])
    return "\n".join(lines_of(heads, lines))


def report(rows):
    parts = []
    for (part,), group in groups(rows, ("part",)).items():
        if part == "calls":
            heading = "system calls of a message; one session, reused connection"
            parts += [f"\n### calls: {heading}\n", calls(group)]
            continue
        if part == "profile":
            parts += ["\n### profile: processor time of a message\n", profile(group)]
            continue
        parts += [f"\n### {part}\n", runs(group)]
        compared = latencies(group) if part == "latency" else ratios(group)
        if part in BESIDE:
            compared = beside(part, group)
        if compared:
            parts += ["", compared]
    return "\n".join(parts) + "\n"


def short(row):
    """One line, while it runs."""
    words = [f"{row[f]}" for f in ("part", "round", *WHAT) if f in row]
    for heading, field, digits in COLUMNS:
        if field in row:
            words.append(f"{heading}={row[field]:.{digits}f}")
    if "profile" in row:
        words.append(f"{sum(us for _, _, us in row['profile']):.0f} us")
    if "calls" in row:
        words.append(f"{sum(row['calls'].values()):.1f} calls")
    return " ".join(words)
