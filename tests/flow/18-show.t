#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
queue-tool show tells the whole story of an entry, wherever it is; and all JSON is
as queue-tool(8) says: each key that is printed is documented with its type, and
each that is documented is printed.
"""

import json

from stage import *

TEXT = b"From: <x@client.example>\r\nSubject: t\r\n\r\nhello\r\n"
TYPES = {
    "text": lambda v: isinstance(v, str),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "time": lambda v: isinstance(v, int) and v > 1_700_000_000,
    "span": lambda v: isinstance(v, int) and 0 <= v < 1_000_000_000,
    "truth": lambda v: isinstance(v, bool),
}


# -- what the manual says


def manual():
    """Objects by name: their keys, each with its type and whether it may be absent."""
    with open(os.path.join(ROOT, "man", "queue-tool.8")) as f:
        section = re.search(r"(?s)^\.Ss JSON\n(.*?)^\.S[hs] ", f.read(), re.M).group(1)
    objects, keys = {}, None
    for line in section.splitlines():
        if m := re.fullmatch(r"\.It Em (\w+)", line):
            keys = objects.setdefault(m.group(1), {})
        elif m := re.fullmatch(r"\.It (Op )?Cm (\w+) Ar ([\w ]+)", line):
            assert m.group(2) not in keys, line
            keys[m.group(2)] = (m.group(3), bool(m.group(1)))
    return objects


class Schema:
    def __init__(self):
        self.objects = manual()
        self.seen = {name: set() for name in self.objects}
        self.wrong = []

    def check(self, kind, value, path):
        if kind.startswith("list of "):
            if not isinstance(value, list):
                self.wrong.append(f"{path}: no list")
            else:
                for one in value:
                    self.check(kind[8:], one, path)
        elif kind in TYPES:
            if not TYPES[kind](value):
                self.wrong.append(f"{path}: {value!r} is no {kind}")
        elif not isinstance(value, dict):
            self.wrong.append(f"{path}: no {kind}")
        else:
            self.check_object(kind, value, path)

    def check_object(self, kind, value, path):
        keys = self.objects[kind]
        self.wrong += [f"{path}.{k}: not in the manual" for k in value if k not in keys]
        self.wrong += [
            f"{path}.{k}: is missing"
            for k, (_, optional) in keys.items()
            if not optional and k not in value
        ]
        for key in keys.keys() & value.keys():
            self.seen[kind].add(key)
            self.check(keys[key][0], value[key], f"{path}.{key}")

    def never_seen(self):
        return sorted(f"{o}.{k}" for o, keys in self.objects.items() for k in keys.keys() - self.seen[o])


schema = Schema()
PRINTS = {"list": "entry", "show": "entry", "route": "explanation", "pauses": "pause"}


def as_json(stage, command, *words):
    """What it prints, and all of it is as the manual says."""
    done = stage.run(
        program("queue-tool"), "-s", stage.spool, command, "--json", *words, check=False
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    before = len(schema.wrong)
    for row in rows:
        schema.check("entry" if "damaged" in row else PRINTS[command], row, command)
    is_(schema.wrong[before:], [], f"{command} --json {' '.join(words)} is as documented")
    return rows


def show(stage, id):
    """The lines, by their first word; those of a list are below it."""
    text = stage.tool("show", id, check=False).stdout
    as_json(stage, "show", id)
    as_json(stage, "route", id)
    return text


def has(text, name, *lines):
    like(text, "(?ms)" + ".*".join(rf"^{line}$" for line in lines), name)


def put(stage, *words):
    done = stage.run(program("spool-put"), *words[:-1], stage.spool, words[-1])
    return re.findall(r"(?m)^\w{18}$", done.stdout)[0]


# -- the story


def in_each_state(stage):
    """With no daemon running."""
    id = put(stage, "-S", "incoming", "-l", "kim", "-e", "QQ314", "a@away.example")
    text = show(stage, id)
    has(text, "incoming", rf"id +{id}", "state +incoming: accepted, the engine will route it",
        r"sender +sender@example.org", r"arrived +20\S+Z \(\d+s ago\)", r"login +kim", r"envid +QQ314",
        r"size +27 octets", r"attempts +0", r"next +now",
        r"route +smtp .* \(routes:1, profile patient, priority 5\)",
        r"recipient +a@away.example\n +not tried yet")
    stage.tool("hold", "--why", "looks odd", id)
    text = show(stage, id)
    has(text, "held by an operator", "state +held: it stays until it is released",
        r'held +"looks odd" since 20\S+Z by \w+', r"next +when it is released",
        r'  20\S+Z hold text="looks odd" who="\w+"')
    ok("calendar" not in text, "nothing is to come while it is held")
    stage.tool("release", id)
    text = show(stage, id)
    ok(not re.search("(?m)^held ", text), "released, nobody holds it")
    has(text, "and the journal says who let it go", r"  20\S+Z release who=\"\w+\"")
    stage.tool("delete", id)
    id = put(stage, "-S", "processed", "a@split.example")
    has(show(stage, id), "processed", "state +processed: routed, the sender will take it",
        r"route +smtp .* \(routes:3, profile default, priority 5\)", "fallback +smtp .* patient")
    stage.tool("delete", id)
    path = os.path.join(stage.spool, "corrupt", put(stage, "-S", "held", "a@away.example"))
    os.rename(path.replace("corrupt", "held"), path)
    has(show(stage, os.path.basename(path)), "corrupt", "state +corrupt: damaged, it goes nowhere",
        "next +never")
    with open(path, "r+b") as f:
        f.truncate(70)
    text = show(stage, os.path.basename(path))
    has(text, "one that cannot be read", "state +corrupt: .*", "damaged +preamble or envelope is damaged")
    as_json(stage, "list")
    stage.tool("delete", os.path.basename(path))


def deferred(stage, away):
    stage.submit(["late@away.example", "gone@away.example", "fine@away.example"], TEXT)
    stage.wait_queue(lambda q: list(q) == ["deferred"], "what waits")
    id = stage.queue("deferred")["deferred"][0].split(".", 2)[2]
    text = show(stage, id)
    has(text, "deferred: where, when, why",
        "state +deferred: it waits for its next attempt", r"client +127\.0\.0\.1", "helo +client.example",
        "protocol +ESMTP", rf"listener +127.0.0.1:{stage.port}", "attempts +1",
        r"next +20\S+Z \(in (1h00m|59m\d\ds)\)",
        rf"recipient +late@away.example\n +deferred by \[127.0.0.1\]:{away.port}: 451 4.2.0 not now",
        rf"recipient +gone@away.example\n +failed by \[127.0.0.1\]:{away.port}: 550 5.1.1 nobody here",
        rf"recipient +fine@away.example\n +delivered by \[127.0.0.1\]:{away.port}: 250 .*",
        "calendar", r"  attempt 2 +20\S+Z", r"  attempt 3 +20\S+Z after 2h00m",
        r"  then given up 20\S+Z, 29 retries over 86h00m", "journal")
    has(text, "each reply is in its journal, by name",
        rf'  20\S+Z outcome \w+ attempt=1 to=<late@away.example> host="\[127.0.0.1\]:{away.port}" text="451 .*"')
    has(text, "and the report", r'  20\S+Z dsn failure to=<gone@away.example> who="\w{18}"')
    stage.tool("pause", "--why", "moves house", "--until", "2h", "away.example")
    has(show(stage, id), "a pause that is in force",
        r"paused +away.example \(\w{8}\) since 20\S+Z until 20\S+Z by \w+: moves house")
    as_json(stage, "list", "--state", "deferred")
    as_json(stage, "pauses")
    stage.tool("resume", "away.example")
    return id


def being_delivered(stage, slow):
    """An order for what is being delivered is explained, and carried out after."""
    stage.submit("a@slow.example", TEXT)
    (name,) = stage.wait_in("sending")
    id = name.split(".", 1)[1]
    like(stage.tool("hold", "--why", "a second thought", id).stdout,
         f"{id} is being delivered by the sender now; it will be held after the attempt", "told at once")
    text = show(stage, id)
    has(text, "sending", "state +sending: it is being delivered by the sender now",
        r'order +hold by \w+ "a second thought": it will be carried out after the attempt')
    slow.restart("rcpt * 450 4.2.0 too late")
    stage.wait_in("held")
    has(show(stage, id), "and then it is held", r'held +"a second thought" since .*',
        r"recipient +a@slow.example\n +deferred .*")
    stage.tool("delete", id)


def by_rules(stage):
    stage.submit("a@away.example", b"X-Odd: yes\r\n" + TEXT)
    (id,) = stage.wait_in("held")
    text = show(stage, id)
    has(text, "held by a rule: its name and place", r'held +"odd" since 20\S+Z by rule rules:1')
    (row,) = as_json(stage, "list", id)
    is_({k: row["hold"][k] for k in ("name", "who", "where")},
        {"name": "odd", "who": "rule", "where": "rules:1"}, "and in JSON")
    stage.tool("release", id)
    stage.wait_queue(lambda q: "held" not in q, "it is released")
    stage.submit("a@away.example", b"X-Odd: yes\r\n" + TEXT)
    (id,) = stage.wait_in("held")
    has(text, "the orders in the journal", r"  20\S+Z ruled", r'    hold +recipients="0" odd \(rules:1\)')
    stage.tool("delete", id)


def replaced_and_diverted(stage, last):
    seen = len(stage.queue("deferred")["deferred"])
    stage.submit("team@home.example", TEXT)
    stage.wait_queue(lambda q: list(q) == ["deferred"] and len(q["deferred"]) == seen + 2, "two parts that wait")
    for part in sorted(name.split(".", 2)[2] for name in stage.queue("deferred")["deferred"])[-2:]:
        has(show(stage, part), "who took the place of an alias", r"recipient +(jo@home|late@away).example\n +deferred .*",
            r'  20\S+Z expanded to=<team@home.example> who="team@home.example"',
            r"      to jo@home.example", r"      to late@away.example", r'  20\S+Z split recipients=".*"')
    stage.submit("moved@split.example", TEXT)
    stage.wait_queue(lambda q: list(q) == ["deferred"] and len(q["deferred"]) == seen + 3, "one more")
    part = sorted(name.split(".", 2)[2] for name in stage.queue("deferred")["deferred"])[-1]
    has(show(stage, part), "a fallback",
        rf"route +smtp \[127.0.0.1\]:{last.port} patient .*",
        rf"recipient +moved@split.example\n +deferred by \[127.0.0.1\]:{last.port}: 450 4.2.0 full; it goes by the fallback of its route",
        r'  20\S+Z diverted to=<moved@split.example> host=".*" text="550 5.1.1 unknown here"')
    as_json(stage, "list")


def routes(stage):
    for words in (
        ("x@mx.example",), ("moved@split.example",), ("jo@old.example",), ("nobody@home.example",),
        ("--size", "9m", "a@far.example"), ("--header", "X-Odd: yes", "--from", "x@old.example", "a@away.example"),
        ("a@to-mx.example",),
    ):
        as_json(stage, "route", *words)


with Stage(
    profiles="patient  retry 60m 120m 180m  retries 30",
    aliases="team@home.example jo@home.example late@away.example",
    recipients="jo@home.example team@home.example",
    rewrites="recipient @old.example @home.example\nsender @old.example @home.example",
    rules="odd header X-Odd then hold odd\nbig size over 8m then reject\nall then add-header X-All: yes",
    settings="resolver 192.0.2.53",
) as stage:
    away = stage.sink(rules="rcpt late@* 451 4.2.0 not now\nrcpt gone@* 550 5.1.1 nobody here\n"
                      "rcpt moved@* 550 5.1.1 unknown here\nrcpt jo@* 451 4.2.0 not now")
    slow = stage.sink(rules="delay eod 3600000ms")
    last = stage.sink(rules="rcpt * 450 4.2.0 full")
    stage.write(
        routes=f"away.example  {away.route} patient\nslow.example {slow.route}\n"
        f"split.example {away.route} fallback {last.route} patient\n"
        "mx.example mx zone=z.example\n"
        f"to-mx.example {away.route} fallback mx\n",
        domains=f"home.example recipients=listed {away.route}",
    )
    stage.compile()
    in_each_state(stage)
    routes(stage)
    stage.start(compile=False)
    deferred(stage, away)
    being_delivered(stage, slow)
    by_rules(stage)
    replaced_and_diverted(stage, last)
    is_(schema.never_seen(), [], "all that is documented was seen")
done_testing()
