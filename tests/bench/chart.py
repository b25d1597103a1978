# SPDX-License-Identifier: ISC
"""Bars of messages a second, by workload and server, as SVG."""

from table import groups, median

COLOURS = {
    "stagepost": "#1b6ca8", "postfix": "#c8553d", "exim": "#7a9e7e",
    "opensmtpd": "#b59f3b", "none": "#cccccc", "file system": "#999999",
}  # fmt: skip
LABELS = {"none": "client to sink"}
WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 900, 210, 90, 14, 14, 40


def _text(x, y, text, anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{text}</text>'


def _bar(y, length, colour):
    return (
        f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" '
        f'fill="{colour}"/>'
    )


def _workloads(rows):
    """{label: {server: messages a second}}"""
    fields = ("connections", "size", "sessions")
    found = {}
    for key, group in groups(rows, fields).items():
        named = dict(zip(fields, key))
        label = f"{named['sessions']} sessions, {named['size']} bytes"
        if named["connections"] != "-":
            label = f"{named['connections']}, {label}"
        found[label] = {
            server: median(g, "end_to_end_per_s")
            for (server,), g in groups(group, ("server",)).items()
        }
    return found


def bars(rows):
    """The longest bar is the fastest server; ceilings are cut off there."""
    workloads = _workloads(rows)
    most = max(
        (v for by in workloads.values() for s, v in by.items() if s == "stagepost"),
        default=max(v for by in workloads.values() for v in by.values()),
    )
    y, parts = HEAD, []
    for label, by in workloads.items():
        parts.append(_text(4, y + BAR - 3, label))
        for server in [s for s in COLOURS if s in by]:
            length = min(1, by[server] / most) * (WIDTH - LEFT - RIGHT)
            parts.append(_bar(y, length, COLOURS[server]))
            over = "" if by[server] <= most else " (beyond)"
            parts.append(_text(LEFT + length + 4, y + BAR - 4, f"{by[server]:.0f}{over}"))
            y += BAR
        y += GAP
    x = LEFT
    for server, colour in COLOURS.items():
        parts.append(f'<rect x="{x}" y="12" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 14, 21, LABELS.get(server, server)))
        x += 105
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
        'font-family="sans-serif" font-size="11">'
        f'<rect width="{WIDTH}" height="{y}" fill="white"/>'
        + _text(4, 21, "messages a second, end to end")
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"
