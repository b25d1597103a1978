#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Print what Python's email package finds in a report in wire form (stdin).

usage: dsn_read.py [ORIGINAL]     what the last part must hold, byte for byte
"""
import email
import email.policy
import sys


def unstuffed(wire):
    lines = wire.split(b"\r\n")
    assert lines.pop() == b"", "the last line has no end"
    for line in lines:
        assert b"\r" not in line and b"\n" not in line, "bare CR or LF"
        assert line != b".", "a line that ends the message"
        assert len(line) <= 998, "a line that is too long"
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)


def last_part(raw, report):
    mark = b"--" + report.get_boundary().encode()
    assert raw.count(mark) == 4, "the boundary is not unique"
    part = raw.split(b"\r\n" + mark)[3]
    return part.split(b"\r\n\r\n", 1)[1]


def defects(part):
    yield from part.defects
    for value in part.values():
        yield from getattr(value, "defects", ())


raw = unstuffed(sys.stdin.buffer.read())
report = email.message_from_bytes(raw, policy=email.policy.default)
for name, value in report.items():
    print(f"{name}: {value}")
for part in report.iter_parts():
    encoding = part["Content-Transfer-Encoding"] or "7bit"
    print(f"part {part.get_content_type()} {encoding}")
    for defect in defects(part):
        print(f"defect {defect!r}")
text, fields, original = report.iter_parts()
print(text.get_content().replace("\r\n", "\n").rstrip("\n"))
# The package reads the groups of fields of this type only; RFC 6533 has the
# same form under another name.
if fields.get_content_type() == "message/global-delivery-status":
    groups = raw.split(b"--" + report.get_boundary().encode())[2]
    groups = groups.split(b"\r\n\r\n", 1)[1].decode().strip().split("\r\n\r\n")
    groups = [
        email.message_from_string(g, policy=email.policy.default) for g in groups
    ]
else:
    groups = [g for g in fields.get_payload() if g.items()]
for group in groups:
    print("group")
    for name, value in group.items():
        print(f"{name}: {value}")
    for defect in defects(group):
        print(f"defect {defect!r}")
if len(sys.argv) > 1:
    with open(sys.argv[1], "rb") as f:
        same = f.read() == last_part(raw, report)
    print("original", "same" if same else "differs")
