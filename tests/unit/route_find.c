/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/clock.h"
#include "mail/route.h"
#include "mapfile.h"
#include "tap.h"

static const struct mapfile_record records[] = {
    {"Ruser@a.example",               "routes:1\tlmtp unix:/run/lmtp"},
    {"Ra.example",			       "routes:2\tsmtp 10=b 20=c vpn"},
    {"R.example","routes:3\tmx zone=z.example"},
    {"R.deep.example",                     "routes:4\tmx slow"},
    {"Rj o@quoted.example",			       "routes:5\tsmtp q"},
    {"R*","routes:6\tmx"},
    {"Rlost.test",           "routes:7\tmx nosuch"},
    {"Rbad.test",			       "routes:8\tcarrier pigeon"},
    {"Dlocal.test",			  "domains:1\tmaildir:/var/mail/%d/%u"},
    {"Dplain.test",		    "domains:2\t"},
    {"D[192.0.2.1]",			       "domains:3\t"},
    {"Slocal-route","settings:4\tlmtp unix:/run/local"},
    {"Shostname",		   "settings:1\tplain.test"},
    {"Pdefault",			       "-:0\tlifetime 5d"},
    {"Pvpn","profiles:1\tlifetime 5d priority 2"},
    {"Pslow",		  "profiles:2\tlifetime 5d"},
    {0			      },
};

static struct route r;

static enum route_answer
find(struct map *m, const char *recipient)
{
	struct route_query query = {.recipient = recipient};

	return route_find(m, &query, &r);
}

static void
test_answers(struct map *m)
{
	static const struct {
		const char *address, *pattern, *where, *destination;
	} rows[] = {
	    {"user@a.example",         "user@a.example",     "routes:1",
             "lmtp unix:/run/lmtp default"							},
	    {"USER@A.Example",         "user@a.example",     "routes:1",
             "lmtp unix:/run/lmtp default"							},
	    {"\"user\"@a.example",     "user@a.example",     "routes:1",
             "lmtp unix:/run/lmtp default"							},
	    {"other@a.example",        "a.example",          "routes:2",  "smtp 10=b 20=c vpn"    },
	    {"x@B.example",            ".example",           "routes:3",
             "mx b.example zone=z.example default"                                                },
	    {"x@b.deep.example",       ".deep.example",      "routes:4",
             "mx b.deep.example slow"							     },
	    {"x@deep.example",         ".example",           "routes:3",
             "mx deep.example zone=z.example default"                                             },
	    {"\"j o\"@quoted.example", "j o@quoted.example", "routes:5",
             "smtp q default"								     },
	    {"x@local.test",           "local.test",         "domains:1",
             "maildir:/var/mail/%d/%u default"						    },
	    {"x@plain.test",           "plain.test",         "domains:2",
             "lmtp unix:/run/local default"						       },
	    {"x@[192.0.2.1]",          "[192.0.2.1]",        "domains:3",
             "lmtp unix:/run/local default"						       },
	    {"x@[192.0.2.2]",          "*",                  "routes:6",  "mx [192.0.2.2] default"},
	    {"x@example",              "*",                  "routes:6",  "mx example default"    },
	    {"postmaster",             "plain.test",         "domains:2",
             "lmtp unix:/run/local default"						       },
	};
	char tag[TAG_LEN + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_int(find(m, rows[i].address), ROUTE_FOUND, "%s",
		    rows[i].address);
		is_str(r.pattern, rows[i].pattern, "what matched");
		is_str(r.where, rows[i].where, "where it is written");
		is_str(r.destination, rows[i].destination, "destination");
		tag_make(rows[i].destination, tag);
		is_str(r.tag, tag, "tag");
		is_int(r.prio, strcmp(r.profile, "vpn") == 0 ? '2' : '5',
		    "priority of its profile");
	}
}

/* What was read last is kept; what a caller does to his own is not. */
static void
test_kept(struct map *m)
{
	find(m, "other@a.example");
	is_int(route_with_profile(m, "slow", "other@a.example", &r),
	    ROUTE_FOUND, "with another profile");
	memset(r.text, 'x', sizeof(r.text) - 1);
	find(m, "third@a.example");
	is_str(r.destination, "smtp 10=b 20=c vpn", "again as it is written");
	is_str(r.pattern, "a.example", "what matched");
	is_int(r.hops[1].host.s - r.text, strlen("smtp 10=b 20="),
	    "its hops are in its own text");
	is_int(r.prio, '2', "priority");
	find(m, "x@b.example");
	find(m, "x@c.example");
	is_str(r.destination, "mx c.example zone=z.example default",
	    "one entry, another domain");
	is_int(r.zone.s - r.text, strlen("mx zone="), "the zone too");
	is_int(find(m, "x@bad.test"), ROUTE_TEMPFAIL, "what cannot be read");
	is_int(find(m, "x@bad.test"), ROUTE_TEMPFAIL, "is not kept");
	is_int(find(m, "x@b.example"), ROUTE_FOUND, "and spoils nothing");
	is_str(r.where, "routes:3", "where it is written");
}

static void
test_failures(struct map *m)
{
	is_int(find(m, "x@lost.test"), ROUTE_TEMPFAIL,
	    "a profile that is not there");
	is_int(find(m, "x@bad.test"), ROUTE_TEMPFAIL, "a route that is none");
	is_int(find(m, "@"), ROUTE_NONE, "no address");
}

static void
on_step(void *arg, const struct route_step *step)
{
	static const char *const answers[] = {
	    [STEP_ABSENT] = "no",
	    [STEP_DIFFERS] = "differs ",
	    [STEP_SENDER] = "other sender ",
	    [STEP_UNKNOWN] = "unknown ",
	    [STEP_MATCHES] = "found ",
	};

	buf_addf(arg, "%s %s %s%s\n", step->name, step->key,
	    answers[step->answer], step->where);
}

static void
explain(struct map *m, const char *sender, const char *recipient, struct buf *b)
{
	struct route_query query = {.recipient = recipient,
	    .sender = sender,
	    .on_step = on_step,
	    .arg = b};

	route_find(m, &query, &r);
}

static void
test_steps(struct map *m)
{
	struct buf b = {0};

	explain(m, NULL, "X@plain.test", &b);
	is_str(buf_text(&b),
	    "address x@plain.test no\n"
	    "domain plain.test no\n"
	    "parent domain .test no\n"
	    "local domain plain.test found domains:2\n"
	    "setting local-route found settings:4\n",
	    "each step as it is made");
	buf_clear(&b);
	explain(m, NULL, "x@a.b.deep.example", &b);
	is_str(buf_text(&b),
	    "address x@a.b.deep.example no\n"
	    "domain a.b.deep.example no\n"
	    "parent domain .b.deep.example no\n"
	    "parent domain .deep.example found routes:4\n",
	    "parents from long to short");
	buf_free(&b);
}

static void
test_local(struct map *m)
{
	is_int(route_is_local(m, str_of("LOCAL.test")), 1, "local");
	is_int(route_is_local(m, str_of("sub.local.test")), 0,
	    "a child is another domain");
	is_int(route_is_local(m, str_of("[192.0.2.1]")), 1, "a literal");
	is_int(route_is_local(m, str_of("a.example")), 0, "not local");
}

/* ---- patterns, expressions and senders ---- */

static const struct mapfile_record others[] = {
    {"Ruser@a.example",				       "routes:1\tsmtp [192.0.2.1]"},
    {"Ra.example",						       "routes:2\tsmtp [192.0.2.2]"},
    {"R*","routes:3\tsmtp [192.0.2.3]"},
    {"W",						    "built-in\tyes"},
    {"Wa.example",						       "routes:4\t\tus*\tsmtp [192.0.2.4]\n"
		   "routes:5\tboss@c.example\t*-x\tsmtp [192.0.2.5]\n"
		   "routes:6\t\t*-x\tsmtp [192.0.2.6]"},
    {"W.example","routes:7\t\tinfo\tsmtp [192.0.2.7]"},
    {"W*",					    "routes:8\t\tabuse\tsmtp [192.0.2.8]"},
    {"X",						       "routes:9\t\t/^[0-9]+@n\\./\tsmtp [192.0.2.9]\n"
	  "routes:10\t<>\t/@n\\./\tsmtp [192.0.2.10]\n"
	  "routes:11\t\t/^(a|aa)+$/\tsmtp [192.0.2.11]"},
    {"F",			       "built-in\tyes"},
    {"F*",						    "routes:12\tc.example\t\tsmtp [192.0.2.12]\n"
	   "routes:13\t<>\t\tsmtp [192.0.2.13]"},
    {"Fb.example",						       "routes:14\t.d.example\t\tsmtp [192.0.2.14]"},
    {"Pdefault", "-:0\tlifetime 5d"},
    {0						    },
};

/* Why what is written did not answer. */
static void
test_reasons(struct map *m)
{
	struct buf b = {0};

	explain(m, "jo@c.example", "a-x@a.example", &b);
	is_str(buf_text(&b),
	    "address a-x@a.example no\n"
	    "address pattern us*@a.example differs routes:4\n"
	    "address pattern *-x@a.example from=boss@c.example other sender "
	    "routes:5\n"
	    "address pattern *-x@a.example found routes:6\n",
	    "entries that do not match, and that are for others");
	buf_clear(&b);
	explain(m, NULL, "x@b.example", &b);
	is_str(buf_text(&b),
	    "address x@b.example no\n"
	    "address pattern info@.example differs routes:7\n"
	    "address pattern abuse@* differs routes:8\n"
	    "domain b.example from=.d.example other sender routes:14\n"
	    "domain b.example no\n"
	    "parent domain .example no\n"
	    "expression /^[0-9]+@n\\./ differs routes:9\n"
	    "expression /@n\\./ from=<> other sender routes:10\n"
	    "expression /^(a|aa)+$/ differs routes:11\n"
	    "local domain b.example no\n"
	    "default route * from=c.example other sender routes:12\n"
	    "default route * from=<> other sender routes:13\n"
	    "default route * found routes:3\n",
	    "the same when nobody knows the sender");
	buf_free(&b);
}

static void
test_others(int dir)
{
	static const struct {
		const char *sender, *recipient, *where, *pattern;
	} rows[] = {
	    {NULL,             "user@a.example",    "routes:1",  "user@a.example"},
	    {NULL,             "USX@a.example",     "routes:4",  "us*@a.example" },
	    {NULL,             "a-x@a.example",     "routes:6",  "*-x@a.example" },
	    {"Boss@c.example", "a-x@a.example",     "routes:5",  "*-x@a.example" },
	    {"jo@c.example",   "a-x@a.example",     "routes:6",  "*-x@a.example" },
	    {NULL,             "info@b.example",    "routes:7",  "info@.example" },
	    {NULL,             "info@b.b.example",  "routes:7",  "info@.example" },
	    {NULL,             "info@b.test",       "routes:3",  "*"             },
	    {NULL,             "abuse@b.test",      "routes:8",  "abuse@*"       },
	    {NULL,             "abuse@[192.0.2.1]", "routes:8",  "abuse@*"       },
	    {NULL,             "x@a.example",       "routes:2",  "a.example"     },
	    {NULL,             "12@N.test",         "routes:9",  "/^[0-9]+@n\\./"},
	    {"",               "x@n.test",          "routes:10", "/@n\\./"       },
	    {NULL,             "x@n.test",          "routes:3",  "*"             },
	    {"x@c.example",    "x@n.test",          "routes:12", "*"             },
	    {"x@b.c.example",  "x@n.test",          "routes:3",  "*"             },
	    {"",               "x@o.test",          "routes:13", "*"             },
	    {"x@e.d.example",  "x@b.example",       "routes:14", "b.example"     },
	    {"no address",     "x@b.example",       "routes:3",  "*"             },
	};
	struct map *m;

	mapfile_write(dir, 2, others);
	m = map_open(dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route_query query = {
		    .recipient = rows[i].recipient, .sender = rows[i].sender};

		is_int(route_find(m, &query, &r), ROUTE_FOUND, "%s",
		    rows[i].recipient);
		is_str(r.where, rows[i].where, "where it is written");
		is_str(r.pattern, rows[i].pattern, "what matched");
	}
	test_reasons(m);
	map_close(&m);
}

/* Whoever writes the address must not choose that an expression is skipped. */
static void
test_limit(int dir)
{
	static const struct mapfile_record records_of_limit[] = {
	    {"X",			   "routes:1\t\t/^(a+)+$/\tsmtp [192.0.2.1]"},
	    {"R*",			     "routes:2\tsmtp [192.0.2.3]"},
	    {"Pdefault","-:0\tlifetime 5d"},
	    {0		   },
	};
	char address[ADDRESS_MAX + 1];
	struct map *m;

	mapfile_write(dir, 3, records_of_limit);
	m = map_open(dir);
	is_int(find(m, "a@b.test"), ROUTE_FOUND, "within the limits");
	memset(address, 'a', 60);
	snprintf(address + 60, sizeof(address) - 60, "@b.test");
	is_int(find(m, address), ROUTE_TEMPFAIL, "a limit is no mismatch");
	map_close(&m);
}

static void
test_no_default(int dir)
{
	static const struct mapfile_record none[] = {{0}};
	struct map *m;

	mapfile_write(dir, 1, none);
	m = map_open(dir);
	is_int(find(m, "x@a.example"), ROUTE_NONE, "nothing answers");
	map_close(&m);
}

static void
test_patterns(void)
{
	static const char *const rows[][2] = {
	    {"*",		  "*"                 },
	    {"A.Example",          "a.example"         },
	    {".A.Example",         ".a.example"        },
	    {"\"Joe\"@A.Example",  "joe@a.example"     },
	    {"Joe@[192.0.2.1]",    "joe@[192.0.2.1]"   },
	    {"[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"},
	};
	static const char *const bad[] = {"", ".", "@", "a@", "@a.example",
	    "*.example", "a..example", "..example", "[192.0.2.1", "*x",
	    "a.example."};
	char key[ADDRESS_MAX + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok(route_pattern(str_of(rows[i][0]), key) == NULL, "%s",
		    rows[i][0]);
		is_str(key, rows[i][1], "its key");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(route_pattern(str_of(bad[i]), key) != NULL, "not \"%s\"",
		    bad[i]);
}

static void
report_speed(struct map *m)
{
	int64_t before = clock_steady_ms();

	for (int i = 0; i < 100000; i++)
		find(m, "someone@host.b.deep.example");
	diag("a look-up over five keys takes %.2f us",
	    (clock_steady_ms() - before) / 100.0);
}

int
main(void)
{
	int dir = tmpdir();
	struct map *m;

	mapfile_write(dir, 1, records);
	m = map_open(dir);
	test_answers(m);
	test_kept(m);
	test_failures(m);
	test_steps(m);
	test_local(m);
	report_speed(m);
	map_close(&m);
	test_others(dir);
	test_limit(dir);
	test_no_default(dir);
	test_patterns();
	return done();
}
