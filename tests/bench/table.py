# SPDX-License-Identifier: ISC
"""Rows of runs become tables for people: median (least-most) of each cell."""

import collections
import statistics


def median(rows, field):
    return statistics.median(row[field] for row in rows)


def _cell(rows, field, digits):
    values = [row[field] for row in rows]
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def _group(rows):
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row["connections"], row["size"], row["sessions"]].append(row)
    return {key: _by_server(group) for key, group in sorted(groups.items())}


def _by_server(rows):
    servers = {}
    for row in rows:
        servers.setdefault(row["server"], []).append(row)
    return servers


COLUMNS = (  # heading, field, digits
    ("accepted/s", "accepted_per_s", 0),
    ("end to end/s", "end_to_end_per_s", 0),
    ("CPU us/msg", "cpu_us", 0),
    ("flushes/msg", "flushes", 2),
    ("writes/msg", "writes", 1),
    ("memory MiB", "memory_mib", 0),
    ("others' CPU %", "others_percent", 0),
)


def runs_table(rows):
    heads = ["connections", "bytes", "sessions", "server", "runs"]
    heads += [head for head, _, _ in COLUMNS]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for (connections, size, sessions), servers in _group(rows).items():
        for server, group in servers.items():
            cells = [connections, str(size), str(sessions), server, str(len(group))]
            cells += [_cell(group, field, digits) for _, field, digits in COLUMNS]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ratios_table(rows, ours, theirs):
    """How we stand, workload by workload: medians against medians."""
    lines = [f"| connections | bytes | sessions | {ours}: end to end, times "
             f"{theirs} | CPU per message, part of {theirs} |", "|---|---|---|---|---|"]
    for (connections, size, sessions), servers in _group(rows).items():
        if ours not in servers or theirs not in servers:
            continue
        a, b = servers[ours], servers[theirs]
        speed = median(a, "end_to_end_per_s") / median(b, "end_to_end_per_s")
        cpu = median(a, "cpu_us") / max(median(b, "cpu_us"), 0.001)
        lines.append(f"| {connections} | {size} | {sessions} | {speed:.2f} | {cpu:.3f} |")
    return "\n".join(lines)


CALLS = ("fsync", "fdatasync", "syncfs", "openat", "renameat2", "rename",
         "unlink", "unlinkat", "clone", "execve")


def calls_table(calls):
    """calls: {server: {name: calls per message}}"""
    lines = ["| server | all | " + " | ".join(CALLS) + " |"]
    lines.append("|---" * (len(CALLS) + 2) + "|")
    for server, per_message in calls.items():
        cells = [f"{per_message.get(name, 0):.2f}" for name in CALLS]
        total = sum(per_message.values())
        lines.append(f"| {server} | {total:.1f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
