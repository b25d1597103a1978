#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""
The example configurations: each compiles, and mail goes where its comments say.

A comment that names an address is a promise, on lines of its own:

    # ADDRESS goes by line "ROW"
    #     to HOSTS                      as queue-tool route says
    #     by profile NAME, N retries over TIME
    # ADDRESS is refused as unknown
"""

import glob
import itertools
import json

from stage import *


def promises(text):
    """Address, and the sentence about it."""
    comments = re.sub(r"\n#     ", " ", text)
    return re.findall(r"(?m)^# (\S+@\S+) (.*)$", comments)


def host(hop):
    return hop["host"] if hop["port"] == 25 else f"{hop['host']}:{hop['port']}"


def hops(target):
    """The hosts of a route in their order, as a sentence has them."""
    if target["route"].startswith("maildir:"):
        return "into the maildir " + target["route"].split(":", 1)[1].split()[0]
    if "mx" in target:
        below = f" below {target['mx']['zone']}" if "zone" in target["mx"] else ""
        asked = " or ".join(s.removesuffix(":53") for s in target["mx"]["asked"])
        return f"to the mail exchangers of {target['mx']['domain']}{below}, asked of {asked}"
    ranks = []
    by_rank = sorted(target["hops"], key=lambda h: (h["rank"], h["host"]))
    for _, equals in itertools.groupby(by_rank, lambda h: h["rank"]):
        equals = list(equals)
        share = f", {equals[0]['share']:.0%} each" if len(equals) > 1 else ""
        ranks.append(" or ".join(map(host, equals)) + share)
    return "to " + ", then ".join(ranks)


def sentence(stage, path, address):
    """What is shown of that address."""
    answer = json.loads(stage.tool("route", "--json", address).stdout)
    if answer.get("known") is False:
        return "is refused as unknown"
    number = int(answer["where"].rsplit(":", 1)[1])
    with open(path) as f:
        row = " ".join(f.readlines()[number - 1].split())
    said = f'goes by line "{row}" {hops(answer)}'
    if "fallback_to" in answer:
        said += f"; whom those do not know, {hops(answer['fallback_to'])}"
    if answer["profile"] != "default":
        c = answer["calendar"]
        hours = f"{c['total'] // 3600}h{c['total'] % 3600 // 60:02d}m"
        said += f" by profile {answer['profile']}, {c['retries']} retries over {hours}"
    return said


def example(stage, path):
    name = os.path.basename(path)
    done = stage.run(program("cdbmaps"), "-s", stage.spool, "-f", path, check=False)
    is_((done.returncode, done.stdout), (0, ""), f"{name} compiles")
    with open(path) as f:
        text = f.read()
    said = promises(text)
    ok(len(said) >= 2, f"{name} says where mail goes")
    rows = re.search(r"(?ms)^== domains\n(.*?)(?=^== |\Z)", text).group(1).split("\n")
    domains = {row.split()[0] for row in rows if row.strip()}
    is_(domains - {address.split("@")[1] for address, _ in said}, set(), f"{name}: of each domain")
    for address, want in said:
        is_(sentence(stage, path, address), want, f"{name}: {address}")


with Stage() as stage:
    paths = sorted(glob.glob(f"{ROOT}/conf/examples/*"))
    is_([os.path.basename(p) for p in paths],
        ["backup-mx", "filter-gateway", "smarthost", "split-domain"], "an example for each")
    for path in paths:
        example(stage, path)
done_testing()
