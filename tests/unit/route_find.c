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
		is_int(route_find(m, rows[i].address, &r, NULL, NULL),
		    ROUTE_FOUND, "%s", rows[i].address);
		is_str(r.pattern, rows[i].pattern, "what matched");
		is_str(r.where, rows[i].where, "where it is written");
		is_str(r.destination, rows[i].destination, "destination");
		tag_make(rows[i].destination, tag);
		is_str(r.tag, tag, "tag");
		is_int(r.prio, strcmp(r.profile, "vpn") == 0 ? '2' : '5',
		    "priority of its profile");
	}
}

static void
test_failures(struct map *m)
{
	is_int(route_find(m, "x@lost.test", &r, NULL, NULL), ROUTE_TEMPFAIL,
	    "a profile that is not there");
	is_int(route_find(m, "x@bad.test", &r, NULL, NULL), ROUTE_TEMPFAIL,
	    "a route that is none");
	is_int(route_find(m, "@", &r, NULL, NULL), ROUTE_NONE, "no address");
}

static void
on_step(void *arg, const char *step, const char *key, bool matched,
    const char *where)
{
	buf_addf(
	    arg, "%s %s %s%s\n", step, key, matched ? "found " : "no", where);
}

static void
test_steps(struct map *m)
{
	struct buf b = {0};

	route_find(m, "X@plain.test", &r, on_step, &b);
	is_str(buf_text(&b),
	    "address x@plain.test no\n"
	    "domain plain.test no\n"
	    "parent domain .test no\n"
	    "local domain plain.test found domains:2\n"
	    "setting local-route found settings:4\n",
	    "each step as it is made");
	buf_clear(&b);
	route_find(m, "x@a.b.deep.example", &r, on_step, &b);
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

static void
test_no_default(int dir)
{
	static const struct mapfile_record none[] = {{0}};
	struct map *m;

	mapfile_write(dir, 1, none);
	m = map_open(dir);
	is_int(route_find(m, "x@a.example", &r, NULL, NULL), ROUTE_NONE,
	    "nothing answers");
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
		route_find(m, "someone@host.b.deep.example", &r, NULL, NULL);
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
	test_failures(m);
	test_steps(m);
	test_local(m);
	report_speed(m);
	map_close(&m);
	test_no_default(dir);
	test_patterns();
	return done();
}
