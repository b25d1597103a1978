#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
The manual pages of the tables against the program that reads them: their
examples compile, together as one configuration, and the defaults are those that
they tell.  (That they have every word is checked by scripts/check-manuals.)
"""

import shutil

from stage import *

TABLES = "settings profiles credentials domains recipients aliases rewrites rules routes".split()
PLAIN = {r"\&": "", r"\e": "\\", r"\(dq": '"', r"\-": "-"}

# What examples refer to and other pages or files have.
BESIDE = {
    "profiles": "patient retry 1h\nslow retry 1h\n",
    "domains": "old.example\ncorp.example\npartner.example\n",
}


def page(table):
    with open(os.path.join(ROOT, "man", f"stagepost-{table}.5")) as f:
        return f.read()


def plain(text):
    return re.sub("|".join(map(re.escape, PLAIN)), lambda m: PLAIN[m.group()], text)


def example(table):
    section = re.search(r"(?ms)^\.Sh EXAMPLES\n(.*?)^\.Sh ", page(table)).group(1)
    blocks = re.findall(r"(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed", section)
    return plain("".join(blocks))


def examples(stage):
    for table in TABLES:
        text = example(table)
        for path in re.findall(r"(?m)^include (\S+)", text):
            mine = os.path.join(stage.dir, "included")
            open(mine, "w").close()
            text = text.replace(path, mine)
        ok(text.count("\n") >= 2, f"stagepost-{table}(5) has an example")
        rows = BESIDE.get(table, "").splitlines()
        first = {line.split()[0] for line in text.splitlines() if line.strip() and line[0] not in " \t#"}
        text += "".join(row + "\n" for row in rows if row.split()[0] not in first)
        stage.write(**{table: text})
    os.chmod(os.path.join(stage.tables, "credentials"), 0o600)
    certificates(stage)
    done = stage.compile(check=False)
    is_((done.returncode, done.stdout), (0, ""), "all examples compile together")


def certificates(stage):
    """Those that profiles(5) pins."""
    folder = os.path.join(stage.tables, "certs")
    os.mkdir(folder)
    for name in re.findall(r"cert:certs/(\S+)", page("profiles")):
        stage.run("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2",
                  "-subj", "/CN=branch.example", "-keyout", "/dev/null", "-out", os.path.join(folder, name))


def told_defaults(table):
    """Each item of the page with its literal default."""
    items = re.findall(r"(?ms)^\.It Ic ([\w-]+)(.*?)(?=^\.It |^\.El)", page(table))
    told = {}
    for name, text in items:
        m = re.search(r"(?m)^Default:\n\.(?:Li|Cm) (.*?) ?\.?$", text)
        told[name] = plain(m.group(1)) if m else None
    return told


def defaults(stage):
    lines = stage.run(program("cdbmaps"), "-s", stage.spool, "-q", "setting:*").stdout.splitlines()
    known = {line.split("\t")[0]: line.split("\t")[1] for line in lines}
    told = told_defaults("settings")
    ok(len(known) > 25, f"{len(known)} settings")
    for name, value in known.items():
        if value == "-":
            ok(told[name] is None or " Ns " in told[name], f"{name}: no literal default")
        else:
            is_(told[name], value, f"{name}: its default")
    row = stage.run(program("cdbmaps"), "-s", stage.spool, "-q", "profile:default").stdout
    told = told_defaults("profiles")
    keys = "|".join(map(re.escape, told))
    found = re.findall(rf"(?:^|[\s\t])({keys}) (.*?)(?= (?:{keys}) |\n)", row)
    # A profile without timeouts goes by the setting, so its row has none.
    rest = {key for key in told if not key.endswith("-timeout")}
    is_({k for k, _ in found}, rest, "every key of profiles has a default")
    for name, value in found:
        is_(told[name], value, f"{name}: its default")


with Stage() as stage:
    stage.compile()
    defaults(stage)
    shutil.rmtree(stage.tables)
    os.mkdir(stage.tables)
    examples(stage)
done_testing()
