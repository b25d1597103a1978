#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""A rule holds whom it means, and nobody else."""

from stage import *

TEXT = b"From: <clerk@home.example>\r\nSubject: a question\r\n\r\nWhen?\r\n"


def rules(stage, text):
    stage.write(rules=text)
    stage.compile()


def held_for_some(stage, away, home):
    """A rule by recipient holds only that recipient; the others go on."""
    rules(stage, "b to b@away.example then hold look\nc to c@away.example then hold odd")
    seen = len(away.letters())
    to = [f"{who}@away.example" for who in "abcd"]
    stage.submit(to, TEXT, "clerk@home.example")
    is_(away.wait_letters(seen + 1)[seen].recipients, [to[0], to[3]], "whom no rule holds has it")
    parts = stage.wait_in("held", 2)
    stage.wait_queue(lambda q: set(q) == {"held"}, "nothing but what is held")
    for name in parts:
        seen = len(away.letters())
        stage.tool("release", name)
        letters = away.wait_letters(seen + 1)
        is_(len(letters[seen].recipients), 1, f"{name} is released by itself")
    is_(sorted(l.recipients[0] for l in away.letters()[-2:]), to[1:3], "and each goes once")
    stage.assert_spool_empty()


def held_while_another_is_refused(stage, away, home):
    """The report does not wait for somebody to look at what is held."""
    rules(stage, "no to no@away.example then reject 550 5.7.9 not with us\n"
          "b to b@away.example then hold look")
    been, seen = len(home.letters()), len(away.letters())
    stage.submit(["no@away.example", "b@away.example"], TEXT, "clerk@home.example")
    like(home.wait_letters(been + 1)[been].content.decode(), "not with us", "reported at once")
    stage.wait_queue(lambda q: set(q) == {"held"}, "nothing but what is held")
    stage.tool("release", *stage.wait_in("held"))
    is_(away.wait_letters(seen + 1)[seen].recipients, ["b@away.example"], "released")
    stage.assert_spool_empty()
    is_(len(home.letters()), been + 1, "one report")


def held_for_some_in_spite_of_a_crash(stage, away):
    rules(stage, "b to b@away.example then hold look")
    for n in range(1, 5):
        stage.stop("engine")
        seen = len(away.letters())
        stage.submit(["a@away.example", "b@away.example"], TEXT, "clerk@home.example")
        stage.start_with_fault("engine", f"renameat2:signal=KILL:when={n}",
                               "was killed by SIGKILL|held reason=")
        stage.engine.kill_all()
        stage.start("engine", compile=False)
        is_(away.wait_letters(seen + 1)[seen].recipients, ["a@away.example"],
            f"killed at rename {n}: one goes on")
        stage.wait_queue(lambda q: set(q) == {"held"}, "nothing but what is held")
        (name,) = stage.wait_in("held")
        stage.tool("release", name)
        is_(away.wait_letters(seen + 2)[seen + 1].recipients, ["b@away.example"], "one is held")
        stage.assert_spool_empty()
        is_(len(away.letters()), seen + 2, "nobody has it twice")


def held_by_its_content(stage, away):
    """A rule without a condition on recipients means all whom none stopped."""
    rules(stage, "ok to a@away.example then stop\nodd header Subject then hold look")
    seen = len(away.letters())
    stage.submit(["a@away.example", "b@away.example"], TEXT, "clerk@home.example")
    is_(away.wait_letters(seen + 1)[seen].recipients, ["a@away.example"], "who was let pass")
    (name,) = stage.wait_in("held")
    stage.wait_queue(lambda q: set(q) == {"held"}, "nothing but what is held")
    like(stage.tool("show", name).stdout, r"hold .*look \(rules:2\)", "show tells the rule")
    stage.tool("delete", name)
    stage.assert_spool_empty()


with Stage(domains="home.example") as stage:
    away, home = stage.sink(), stage.sink()
    stage.write(routes=f"away.example {away.route}", domains=f"home.example {home.route}")
    stage.start()
    held_for_some(stage, away, home)
    held_while_another_is_refused(stage, away, home)
    held_by_its_content(stage, away)
    held_for_some_in_spite_of_a_crash(stage, away)
done_testing()
