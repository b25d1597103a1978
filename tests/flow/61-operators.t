#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Who may look at the queue and give orders: root, and operators, who are in the
groups stage and stage-adm.  Daemons and everybody else may not.
"""

import private_etc

private_etc.enter("three users and an operator")

import grp
import pwd
import shutil

from stage import *

LETTER = b"From: <jo@home.example>\r\nSubject: hello\r\n\r\nhello\r\n"


def reachable(stage):
    """queue-tool where everybody may start it: the tree may be in a home."""
    return os.path.join(stage.dir, "queue-tool")


class Person:
    def __init__(self, stage, name, *groups):
        self.stage, self.name = stage, name
        stage.run("useradd", "--no-create-home", "--shell", "/bin/sh", name)
        for group in groups:
            stage.run("usermod", "-a", "-G", group, name)

    def tool(self, *words, rc=0, env=()):
        done = self.stage.run(
            "setpriv", "--reuid", self.name, "--regid", self.name, "--init-groups", "env", *env,
            reachable(self.stage), "-s", self.stage.spool, *words, check=False,
        )
        is_(done.returncode, rc, f"{self.name}: queue-tool {' '.join(words)}")
        return done.stdout


def an_operator(stage, jo, late):
    stage.submit("a@late.example", LETTER)
    (name,) = stage.wait_in("deferred")
    id = name.split(".", 2)[2]
    like(jo.tool("list"), f"{id} deferred", "sees the queue")
    like(jo.tool("show", id), "deferred by .*: 451 4.2.0 not now", "and why")
    like(jo.tool("cat", id), "(?m)^Subject: hello$", "the message")
    like(jo.tool("route", "a@late.example"), "routes:1", "where mail goes")
    like(jo.tool("route", id), "in deferred/", "and where that goes")
    like(jo.tool("hold", "--why", "a look", id), f"{id} held", "holds")
    like(jo.tool("show", id, env=["SUDO_USER=kim"]), 'held +"a look" since .* by jo', "by name")
    jo.tool("release", id, env=["SUDO_USER=kim"])
    stage.wait_queue(lambda q: list(q) == ["deferred"], "it is released, and waits again")
    like(stage.tool("show", id).stdout, 'release who="jo"', "under no other name")
    like(jo.tool("requeue", id), "requeued", "has it routed anew")
    stage.wait_queue(lambda q: list(q) == ["deferred"], "it waits again")
    like(jo.tool("pause", "--why", "moves house", "late.example"), "paused: late.example", "pauses")
    like(jo.tool("pauses"), "by jo: moves house", "and it is told who")
    like(jo.tool("list"), f"{id} deferred .*next=paused", "what waits is paused")
    like(jo.tool("resume", "late.example"), "resumed", "resumes")
    late.rules("")
    like(jo.tool("flush", "late.example"), "1 deferred entry is due now", "makes it due")
    is_(late.wait_letters(1)[0].recipients, ["a@late.example"], "and it goes out")
    stage.assert_spool_empty()
    late.rules("rcpt * 451 4.2.0 not now")
    stage.submit("b@late.example", LETTER)
    stage.wait_in("deferred")
    like(jo.tool("delete", "--state", "deferred"), "deleted", "deletes")
    stage.assert_spool_empty()
    like(jo.tool("verify"), "all good", "verifies")


def others(stage):
    hint = "operators have to be in the groups stage and stage-adm"
    for person in (Person(stage, "kim"), Person(stage, "lee", "stage-adm"), Person(stage, "max", "stage")):
        like(person.tool("list", rc=3), hint, "is told what it takes")
        like(person.tool("pause", "all", rc=3), hint, "and gives no orders")
    lock = os.stat(f"{stage.spool}/tmp/queue-tool.lock")
    is_((oct(lock.st_mode & 0o7777), grp.getgrgid(lock.st_gid).gr_name), ("0o660", "stage-adm"), "the lock")
    for user in ("stage-recv", "stage-engine", "stage-send"):
        done = stage.run("setpriv", "--reuid", user, "--regid", user, "--init-groups",
                         reachable(stage), "-s", stage.spool, "pause", "all", check=False)
        is_(done.returncode, 3, f"{user} gives no orders by it")


with Stage(users=True) as stage:
    late = stage.sink(rules="rcpt * 451 4.2.0 not now")
    stage.write(routes=f"late.example {late.route}\n")
    stage.start()
    shutil.copy(program("queue-tool"), reachable(stage))
    an_operator(stage, Person(stage, "jo", "stage", "stage-adm"), late)
    others(stage)
done_testing()
