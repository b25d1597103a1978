#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
Hosts that repeat the password, or what was sent to prove that we know it, in
their replies: it is in no log, no journal, no report, and no tool shows it.

Each repeats it in the reply to one command, with one code, and in all the
ways that it can have it: as it was sent, raw, and in base64 of its own making.
"""

import base64

from put import put
from secure import Authority, Host
from stage import *

SECRET = "tOp+s3cr3t=#"
HIDDEN = "(what it says shows a secret)"
CODES = {
    "greeting": (421, 451, 554),  # it knows it from before
    "ehlo": (421, 451, 554),
    "starttls": (421, 454, 554),
    "auth": (235, 421, 454, 535),
    "challenge": (421, 454, 535),
    "mail": (250, 421, 451, 550),
    "rcpt": (250, 421, 451, 550),
    "data": (250, 421, 451, 554),  # 250 is no reply to DATA
    "dot": (250, 421, 451, 554),
}


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def shown():
    """How the password can look; whatever else is secret holds one of them."""
    for before in ("", "x", "xy"):
        text = encoded(before + SECRET)
        skip = len(encoded(before).rstrip("=")) + 1
        yield text[skip : skip + 8]
    yield SECRET


def repeats(at, code, way):
    """Acts of a host: what it was told, in the reply to one command."""

    def acts(session, stage, text):
        if stage != at or (stage == "auth" and not session.said):
            return text
        said = {
            "sent": " ".join(session.said) or encoded(f"\0user\0{SECRET}"),
            "raw": f"user {SECRET}",
            "lines": f"\r\n{code} ".join([encoded(f"user:{SECRET}"), SECRET]),
        }[way]
        first = f"{code}-" if way == "lines" else f"{code} "
        return f"{first}5.7.0 you said {said}"

    return acts


def everything(stage):
    """All that is kept and shown, but for the file of the credentials."""
    for directory, _, names in os.walk(stage.spool):
        for name in names:
            if not name.startswith("credentials.cdb"):
                path = os.path.join(directory, name)
                with open(path, "rb") as f:
                    yield path, f.read().decode("latin-1")
    yield "log", stage.sender.log.text()
    for options in (), ("--json",):
        out = stage.tool("list", *options, check=False).stdout
        yield f"list {options}", out
    for names in stage.queue().values():
        for name in names:
            id_ = max(name.split("."), key=len)
            yield f"show {name}", stage.tool("show", id_, check=False).stdout
            yield f"show --json {name}", stage.tool("show", "--json", id_, check=False).stdout


with Stage() as stage:
    authority = Authority(stage.dir)
    good = authority.certificate("IP:127.0.0.1")
    hosts = {}
    ways = ("sent", "raw", "lines")
    for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        for at, codes in CODES.items():
            for i, code in enumerate(codes):
                if at == "challenge" and mechanism == "PLAIN":
                    continue
                # what was sent by SCRAM does not hold the password
                way = ways[i % 3] if mechanism != "SCRAM-SHA-256" else "raw"
                name = f"{mechanism[:5].lower()}-{at}-{code}"
                hosts[name] = host = Host(stage.dir, good, auth=mechanism)
                host.password = SECRET
                host.acts = repeats(at, code, way)
    stage.write(
        settings=f"hostname mx.example\nlisten 127.0.0.1:{stage.port}\n"
        f"force-filesystem yes\ntls-ca-file {authority.file}\nsender-workers 1\n",
        profiles="default  retry 1h  retries 50  tls verify  auth relay",
        credentials=f"relay  user  {SECRET}",
        routes="\n".join(f"{n}.example {h.route}" for n, h in hosts.items()),
    )
    os.chmod(os.path.join(stage.tables, "credentials"), 0o600)
    stage.start("sender")
    ids = {name: put(stage, f"x@{name}.example")[0] for name in hosts}
    for name, id_ in ids.items():
        at, code = name.rsplit("-", 2)[1:]
        word = "delivered" if code in ("250", "235") else "deferred"
        if at == "data" and code == "250":
            word = "deferred"
        elif code[0] == "5" and at not in ("auth", "challenge", "starttls"):
            word = "bounced"
        pattern = f"{id_}: (delivered|deferred|bounced) .*"
        stage.sender.log.position = 0
        line = stage.sender.log.wait_for(pattern).group(0)
        reply = re.search('reply="([^"]*)"', line).group(1)
        if at == "dot" or word != "delivered":
            ok(f" {word} " in line and f"{code} {HIDDEN}" in reply, f"{name}: {word}, without what it says")
        else:
            like(line, f" {word} ", f"{name}: {word}")

    # reports are there, too
    bounced = [n for n, i in ids.items() if stage.sender.log.grep(f"{i}: bounced")]
    stage.wait_in("incoming", len(bounced))
    kept = dict(everything(stage))
    found = [f"{where}: {form}" for where, text in kept.items() for form in shown() if form in text]
    is_(found, [], f"nothing that is kept shows it, {len(bounced)} reports included")
    told = [where.split()[0] for where, text in kept.items() if HIDDEN in text]
    ok({"log", "show", "list"} <= set(told), "and log, show and list were asked")
    told = [where for where in told if "/incoming/" in where]
    ok(len(told) >= len(bounced), "so were the reports")

done_testing()
