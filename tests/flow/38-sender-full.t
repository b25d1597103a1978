#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""A disk that is full: what was sent is not forgotten, and nothing is lost."""

import os

from mounts import own_mounts
from put import put
from stage import *

if os.geteuid() != 0:
    print("1..0 # SKIP needs root: it mounts a small file system")
    sys.exit(0)
own_mounts()


def entry(stage):
    for directory, _, names in os.walk(os.path.join(stage.spool, "processed")):
        for name in names:
            return os.path.join(directory, name)
    return None


with Stage(settings="sender-workers 1", profiles="quick retry 1s") as stage:
    sink = stage.sink(rules="rcpt late@* 450 4.2.0 later")
    stage.write(routes=f"*  {sink.route}  quick")
    stage.compile()

    # a file system with room for a few files only
    small = os.path.join(stage.dir, "small")
    os.mkdir(small)
    stage.run("mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "none", small)
    try:
        stage.spool = os.path.join(small, "spool")
        stage.run(os.path.join(ROOT, "scripts", "setup"), "-U", stage.spool)
        stage.write(
            settings=f"hostname mx.example\nforce-filesystem yes\n"
            "reserve-space 0\nsender-workers 1\n"
        )
        stage.compile()
        # a file of whole pages: its first record needs one more
        people = "x@a.example", "late@a.example"
        put(stage, *people, content=b"y" * 10000 + b"\r\n")
        rest = 3 * 4096 - os.path.getsize(entry(stage))
        os.unlink(entry(stage))
        (both,) = put(stage, *people, content=b"y" * (10000 + rest) + b"\r\n")
        is_(os.path.getsize(entry(stage)), 3 * 4096, "a message of three pages")
        ballast = os.path.join(small, "ballast")
        with open(ballast, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"z" * 4096)
            except OSError:
                pass
        stage.start("sender", compile=False)
        log = stage.sender.log
        log.wait_for(f"{both}: append to the journal: No space left on device")
        log.wait_for(f"{both}: kept in memory until the spool takes its marks")
        kept = stage.queue("sending")["sending"]
        ok(any(both in name for name in kept), "what could not be noted is kept")
        os.unlink(ballast)
        log.wait_for(rf"{both}: deferred .*attempt=2$", seconds=60)
        sink.rules("")
        log.wait_for(rf"{both}: delivered to=<late@a.example>")
        stage.assert_spool_empty("with space again everything goes on")
        is_(len(sink.names()), 2, "and each of it arrives once")
        is_(stage.sender.stop(), 0, "it stops")
    finally:
        for process in stage.started:
            process.kill_all()
        stage.run("umount", "-l", small)

done_testing()
