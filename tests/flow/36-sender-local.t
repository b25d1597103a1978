#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Local delivery: LMTP with an answer for each recipient, and maildirs."""

import os

from put import put
from stage import *

FAILURE, SUCCESS = 4, 2


def outcome(stage, id):
    pattern = rf"{id}: (delivered|deferred|bounced) to=<([^>]*)>"
    return {m.group(2): m.group(1) for m in stage.sender.log.grep(pattern)}


with Stage(profiles="quick retry 1s") as stage:
    home = stage.sink()
    lmtp = stage.sink(
        lmtp=True,
        unix=True,
        rules="eod full@* 452 4.2.2 full\neod gone@* 550 5.2.1 gone\n"
        "rcpt bad@* 550 5.1.1 unknown",
    )
    boxes = os.path.join(stage.dir, "boxes")
    os.makedirs(os.path.join(boxes, "box.example"))
    stage.write(
        routes=f"""
lmtp.example    {lmtp.route}  quick
box.example     maildir:{boxes}/%d/%u
none.example    maildir:/proc/nowhere/%u  quick
client.example  {home.route}
"""
    )
    stage.start("engine", "sender")
    log = stage.sender.log

    names = ("ok", "bad", "full", "fine", "gone")
    (id,) = put(stage, *(f"{name}@lmtp.example" for name in names))
    log.wait_for(rf"{id}: reported kind=failure")
    is_(
        outcome(stage, id),
        {
            "ok@lmtp.example": "delivered",
            "bad@lmtp.example": "bounced",
            "full@lmtp.example": "deferred",
            "fine@lmtp.example": "delivered",
            "gone@lmtp.example": "bounced",
        },
        "LMTP: each recipient has an answer of its own",
    )
    like(lmtp.letters()[0].hello, "^LHLO ", "LHLO")
    (report,) = home.wait_letters(1)
    text = report.content.decode()
    ok("550 5.1.1 unknown" in text and "550 5.2.1 gone" in text, "one report on both")
    lmtp.rules("")
    log.wait_for(rf"{id}: delivered to=<full@lmtp.example>")
    stage.assert_spool_empty()

    lmtp.stop()
    (id,) = put(stage, "ok@lmtp.example")
    log.wait_for(rf"{id}: deferred .*connect: ")
    ok(True, "no socket: deferred")
    os.unlink(lmtp.path)
    lmtp.start()
    log.wait_for(rf"{id}: delivered")
    stage.assert_spool_empty()

    content = b"Subject: t\r\n\r\n.a dot\r\n..two\r\nhello\r\n"
    (id,) = put(stage, "a@box.example", "B@box.example", content=content)
    log.wait_for(rf"{id}: delivered to=<a@box.example> host=maildir ")
    log.wait_for(rf"{id}: delivered to=<B@box.example> host=maildir ")
    for user in "ab":
        new = os.path.join(boxes, "box.example", user, "new")
        (name,) = os.listdir(new)
        with open(os.path.join(new, name), "rb") as f:
            ok(
                f.read().endswith(content.replace(b"\r\n", b"\n")),
                f"{user}: the message as it was, in the maildir",
            )
    (id,) = put(stage, '"../etc"@box.example', "/x@box.example", sender="")
    log.wait_for(rf"{id}: bounced .*reply=\"5\.")
    log.wait_for(rf"{id}: bounced .*reply=\"5\.")
    ok(True, "an address that is no file name can have no maildir")
    ids = put(stage, "c@box.example", n=200)
    stage.assert_spool_empty("200 messages more")
    new = os.path.join(boxes, "box.example", "c", "new")
    is_(len(os.listdir(new)), 200, "each is a file")

    (id,) = put(stage, "x@none.example")
    log.wait_for(rf"{id}: deferred .*host=maildir reply=\"4\.")
    ok(True, "a maildir that cannot be made is for now")
    stage.tool("delete", id, check=False)

    (id,) = put(stage, "d@box.example", notify=SUCCESS)
    log.wait_for(rf"{id}: reported kind=success")
    text = home.wait_letters(2)[-1].content.decode()
    like(text, r"(?m)^Action: delivered\r$", "NOTIFY=SUCCESS is honoured")

done_testing()
