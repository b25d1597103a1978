# SPDX-License-Identifier: ISC
"""Messages for the sender without receiver and engine, by sender_put."""

import re

from process import program


def put(stage, *recipients, content=b"Subject: t\r\n\r\nhello\r\n", **options):
    """
    Ids of the messages put into processed/.  Options are those of the tool:
    sender=, n= how many, due= seconds from now (then deferred), notify= bits.
    """
    flags = {"sender": "-f", "n": "-n", "due": "-d", "notify": "-N"}
    argv = [program("sender_put")]
    for name, value in options.items():
        argv += [flags[name], str(value)]
    done = stage.run(*argv, stage.spool, *recipients, input=content, text=False)
    return re.findall(r"(?m)^[0-9a-z]{18}$", done.stdout.decode())
