#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Which file systems a spool may be on."""

import os
import subprocess
import tempfile

from stage import *

def sh(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Mounted:
    """A small file system of its own below a temporary directory."""

    def __init__(self, mkfs, options=()):
        self.dir = tempfile.mkdtemp(prefix="stagepost-fs.")
        self.at = os.path.join(self.dir, "mnt")
        os.mkdir(self.at)
        if mkfs is None:
            sh("mount", "-t", "tmpfs", "none", self.at)
            return
        image = os.path.join(self.dir, "image")
        with open(image, "wb") as f:
            f.truncate(320 << 20)
        sh(*mkfs, image)
        sh("mount", "-o", ",".join(("loop", *options)), image, self.at)

    def __enter__(self):
        return self.at

    def __exit__(self, *_):
        sh("umount", self.at)
        sh("rm", "-r", self.dir)


def start(where, force=False):
    """What the engine says when it is started on a spool there."""
    with Stage(parent=where) as stage:
        stage.write(settings=f"hostname mx.example\nforce-filesystem {'yes' if force else 'no'}")
        stage.write(routes="* smtp [127.0.0.1]:2525")
        stage.compile()
        done = subprocess.Popen(
            [program("engine"), "-s", stage.spool, "-U"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = ""
        for line in done.stdout:
            said += line
            if "ready" in line:
                done.terminate()
        done.wait()
        return said


CASES = (
    ("ext4", ("mkfs.ext4", "-q"), True, "ready"),
    ("xfs", ("mkfs.xfs", "-q"), True, "ready"),
    ("ext4 with fast_commit", ("mkfs.ext4", "-q", "-O", "fast_commit"), False,
     "ext4 with fast_commit"),
    ("ext4 without a journal", ("mkfs.ext4", "-q", "-O", "^has_journal"), False, "without a journal"),
    ("btrfs", ("mkfs.btrfs", "-q"), False, "is on btrfs"),
    ("tmpfs", None, False, "is on tmpfs"),
)


def cases():
    for name, mkfs, good, words in CASES:
        with Mounted(mkfs) as where:
            said = start(where)
            is_("ready workers" in said, good, f"{name}: {'taken' if good else 'refused'}")
            like(said, words, "and says so" if not good else "as it should")
            if not good:
                said = start(where, force=True)
                like(said, "power cut may lose mail(.|\n)*ready", "forced: taken, with a warning")


if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
    print("1..0 # SKIP needs root and loop devices")
else:
    cases()
    done_testing()
