#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
"""Every mistake in the table of rules is told with its place."""

from stage import *

# A row, the column of the mistake and what is said of it.
MISTAKES = [
    ("a frm x then stop", 3, 'expected a condition or "then", not "frm"; did you mean "from"?'),
    ("a from a@@b then stop", 8, "expected a domain name"),
    ("a from then stop", 8, "expected what to compare it with"),
    ("a from x.example", 17, 'expected a condition or "then" after "x.example"'),
    ("a not then stop", 7, "expected a condition"),
    ("a header Subject /a(b/ then stop", 22, "expected a regular expression (missing closing"),
    ("a header Subject /a #b/ then stop", 18, "expected a closing /"),
    ('a header Subject "a b then stop', 18, 'expected a closing "'),
    ("a header (x) then stop", 10, "expected the name of a header field"),
    ("a size 20m then stop", 8, 'expected "over" or "under"'),
    ("a size over big then stop", 13, "expected a size such as"),
    ("a client 192.0.2.1/24 then stop", 10, "expected a network without bits beyond"),
    ("a listener 127.0.0.1:1 then stop", 12, "expected one of our listeners"),
    ("a inbound outbound then stop", 11, "expected inbound or outbound only once"),
    ("a then", 7, 'expected an action after "then"'),
    ("a then rout mx", 8, 'did you mean "route"?'),
    ("a then route", 13, 'expected a route after "route"'),
    ("a then route smtp nowhere:99999", 19, "expected a port"),
    ("a then route mx slwo", 17, 'the name of a profile, not "slwo"; did you mean "slow"?'),
    ("a then copy nobody", 13, 'expected "@" and a domain'),
    ("a then copy a@b.example vai mx", 25, 'expected "via" and a route'),
    ("a then copy a@b.example via mx slwo", 32, "the name of a profile"),
    ("a then add-header Subject x", 19, 'expected the name of a header field and ":"'),
    ("a then add-header X-Y: \u00e9", 19, "expected a value in ASCII"),
    ("a then add-header X-Y:", 19, "expected a value of 1 to 900"),
    ("a then hold", 12, "expected a name for what is held"),
    ("a then profile slwo", 16, "expected the name of a profile"),
    ("a then priority 11", 17, "expected a priority from 0"),
    ("a then reject 250 x", 15, "expected a code from 500 to 559"),
    ("a then discard and hold x", 20, "expected nothing after reject or discard"),
    ("a then stop and hold x", 17, "expected nothing after stop or continue"),
    ("a then route mx and route mx", 21, "expected each action once"),
    ("a then stop stop", 13, 'expected "and" or nothing'),
    ("from from a.example then stop", 1, "expected a name for the rule"),
    ("a.b then stop", 1, "expected a name for the rule"),
]


def says(stage, text, where, words):
    stage.write(rules=text)
    said = stage.compile(check=False)
    is_(said.returncode, 1, f"refused: {text.splitlines()[-1]}")
    lines = [l for l in said.stdout.splitlines() if words in l]
    ok(len(lines) == 1, words) or diag(said.stdout)
    like(lines[0] if lines else "", rf"/rules:{where}: ", f"at {where}")


with Stage(profiles="slow  retry 1h", settings="resolver 192.0.2.53") as stage:
    for text, column, words in MISTAKES:
        says(stage, text, f"1:{column}", words)
    says(stage, "a from x.example then stop\na to x.example then stop", "2:1",
         "expected each rule once; a is already at ")
    says(stage, "a then stop\nb to x.example then stop", "2:1", "never reached, as the one at")
    stage.write(rules="a to x.example\n  size over 5k # large\n  then route smtp [192.0.2.9]\n"
                "    and add-header X-A: \"b  c\" and stop\nb then copy v@x.example")
    stage.compile()
    dump = stage.run(program("cdbmaps"), "-d", "-s", stage.spool).stdout
    like(dump, r'(?s)== rules\na to x\.example size over 5k then route smtp \[192\.0\.2\.9\] '
         r'and add-header X-A: "b c" and stop  # rules:1\nb then', "what is compiled can be read")
    document = os.path.join(stage.dir, "document")
    with open(document, "w") as f:
        f.write(dump)
    is_(stage.run(program("cdbmaps"), "-n", "-f", document).returncode, 0, "and compiled again")
done_testing()
