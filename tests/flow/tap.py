# SPDX-License-Identifier: ISC
"""Test Anything Protocol for the tests in Python; the names are Test::More's."""

import re
import sys

_count = 0
_failed = 0


def diag(text):
    """To standard error, which prove shows."""
    for line in str(text).splitlines():
        print("#", line, file=sys.stderr, flush=True)


def ok(condition, name):
    global _count, _failed
    _count += 1
    if not condition:
        _failed += 1
        diag(f"failed: {name}")
    word = "ok" if condition else "not ok"
    print(f"{word} {_count} - {name}".replace("#", "\\#"), flush=True)
    return bool(condition)


def is_(got, want, name):
    if not ok(got == want, name):
        diag(f"  got: {got!r}\n want: {want!r}")
        return False
    return True


def like(text, pattern, name):
    if not ok(re.search(pattern, text), name):
        diag(f"  got: {text!r}\n want: /{pattern}/")
        return False
    return True


def skip(name, why):
    """In place of tests that cannot be made here."""
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {why}", flush=True)


def failed():
    return _failed


def done_testing():
    """The plan comes last: a test that dies on the way has none and fails."""
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)
