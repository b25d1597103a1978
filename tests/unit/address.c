/* SPDX-License-Identifier: ISC */
#include "mail/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tap.h"

#define X10  "xxxxxxxxxx"
#define X60  X10 X10 X10 X10 X10 X10
#define X63  X60 "xxx"
#define X255 X63 "." X63 "." X63 "." X63

static const char *
text(struct str a)
{
	static char out[4][400];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(out[next], sizeof(out[0]), "%.*s", (int)a.len, a.s);
	return out[next];
}

static void
test_good_paths(void)
{
	static const struct {
		const char *path, *local, *domain, *rest;
		bool literal, utf8;
	} cases[] = {
	    {"<jo@a.example>",                  "jo",                  "a.example",               "",        0, 0},
	    {"<jo@a.example> SIZE=1",           "jo",                  "a.example",               " SIZE=1", 0, 0},
	    {"<>",			      "",                    "",                        "",        0, 0},
	    {"<Postmaster>",                    "Postmaster",          "",                        "",        0, 0},
	    {"<a.b+c=d/e@x>",                   "a.b+c=d/e",           "x",                       "",        0, 0},
	    {"<!#$%&'*+-/=?^_`{|}~@x>",         "!#$%&'*+-/=?^_`{|}~", "x",                       "",        0, 0},
	    {"<\"a b>@\\\"\\\\\"@x>",           "\"a b>@\\\"\\\\\"",   "x",                       "",        0, 0},
	    {"<\"\"@x>",                        "\"\"",                "x",                       "",        0, 0},
	    {"<@r1.example,@r2.example:jo@a>",  "jo",                  "a",                       "",        0, 0},
	    {"<jo@[192.0.2.1]>",                "jo",                  "[192.0.2.1]",             "",        1, 0},
	    {"<jo@[IPv6:2001:db8::1]>",         "jo",                  "[IPv6:2001:db8::1]",      "",        1, 0},
	    {"<jo@[ipv6:::ffff:192.0.2.1]>",    "jo",                  "[ipv6:::ffff:192.0.2.1]",
             "",											     1, 0},
	    {"<jo@_x.a-b.1a>",                  "jo",                  "_x.a-b.1a",               "",        0, 0},
	    {"<j\xc3\xb6@b\xc3\xbc.example>",   "j\xc3\xb6",           "b\xc3\xbc.example",
             "",											     0, 1},
	    {"<\"\\\\\xc3\xb6\"@x>",            "\"\\\\\xc3\xb6\"",    "x",                       "",        0, 1},
	    {"<\"\xc3\xb6 \"@x>",               "\"\xc3\xb6 \"",       "x",                       "",        0, 1},
	    {"<jo@" X255 ">",                   "jo",                  X255,                      "",        0, 0},
	    {"<" X60 X60 X60 X60 "@x.example>", X60 X60 X60 X60,       "x.example",
             "",											     0, 0},
	};
	struct address a;
	struct str rest;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rest = str_of(cases[i].path);
		is_str(address_cut_path(&rest, &a), NULL, "%s", cases[i].path);
		is_str(text(a.local), cases[i].local, "local part");
		is_str(text(a.domain), cases[i].domain, "domain");
		is_str(text(rest), cases[i].rest, "rest");
		is_int(a.literal, cases[i].literal, "literal");
		is_int(a.utf8, cases[i].utf8, "UTF-8");
		ok(a.whole.len ==
			a.local.len + a.domain.len + (a.domain.len > 0),
		    "the whole");
	}
}

static void
test_bad_paths(void)
{
	static const char *cases[] = {"", "jo@a", "<", "<jo@a", "< jo@a>",
	    "<jo @a>", "<jo@ a>", "<jo@a >", "<jo@>", "<@a>", "<@>", "<jo>",
	    "<postmasters>", "<.jo@a>", "<jo.@a>", "<j..o@a>", "<jo@a.>",
	    "<jo@.a>", "<jo@a..b>", "<jo@-a>", "<jo@a->", "<jo@a-.b>",
	    "<jo@a_b!c>", "<jo@192.0.2.1>", "<jo@[192.0.2]>", "<jo@[192.0.2.1>",
	    "<jo@[192.0.2.1]x>", "<jo@[]>", "<jo@[IPv6:]>",
	    "<jo@[IPv6:192.0.2.1]>", "<jo@[tag:x]>", "<jo@[192.0.2.256]>",
	    "<\"jo@a>", "<\"jo\"x@a>", "<\"jo\\\"@a>", "<\"\r\"@a>",
	    "<\"\\\n\"@a>", "<\"\\\xc3\xb6\"@a>", "<jo\x01@a>", "<jo\x7f@a>",
	    "<jo@a\r\n>", "<jo(x)@a>", "<jo,ja@a>", "<jo@a,b>", "<jo@a@b>",
	    "<@r:>", "<@r,jo@a>", "<@r jo@a>", "<@r,@:jo@a>",
	    "<@[192.0.2.1]:j@a>", "<@r:@s:jo@a>", "<j\xc3@a>", "<jo@a\xff>",
	    "<\"\xed\xa0\x80\"@a>", "<jo@" X63 "x.example>", "<jo@x." X255 ">",
	    "<" X60 X60 X60 X60 X60 X10 "@xx.example>",
	    "<" X60 X10 "@" X255 ">", "<<jo@a>>"};
	struct address a;
	struct str rest;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rest = str_of(cases[i]);
		ok(address_cut_path(&rest, &a) != NULL, "%s", cases[i]);
		ok(rest.s == cases[i] && rest.len == strlen(cases[i]),
		    "is left as it was");
	}
	rest = (struct str){"<j\0o@a>", 7};
	ok(address_cut_path(&rest, &a) != NULL, "a NUL");
	rest = (struct str){"<jo@[192.0.2.1\0]>", 17};
	ok(address_cut_path(&rest, &a) != NULL, "a NUL in a literal");
}

/* An address from which anything is cut off at the end is read within its
 * bounds: the copies are exact, for the sanitizer to watch. */
static void
test_cut_short(void)
{
	static const char whole[] =
	    "<@r.example,@s.example:\"a\\b\"@[IPv6:2001:db8::1]>";
	struct address a;
	struct str rest;
	char *copy;
	int taken = 0;

	for (size_t len = 0; len < strlen(whole); len++) {
		copy = memcpy(mem_alloc(len), whole, len);
		rest = (struct str){copy, len};
		taken += address_cut_path(&rest, &a) == NULL;
		free(copy);
	}
	is_int(taken, 0, "a path that is cut off anywhere is none");
}

static void
test_bare(void)
{
	struct address a;

	is_str(address_parse(str_of("jo@a.example"), &a), NULL, "bare");
	is_str(text(a.domain), "a.example", "domain");
	is_str(address_parse(str_of("postmaster"), &a), NULL, "postmaster");
	ok(address_parse(str_of(""), &a) != NULL, "nothing");
	ok(address_parse(str_of("<jo@a>"), &a) != NULL, "brackets");
	ok(address_parse(str_of("jo@a.example "), &a) != NULL, "a blank");
	ok(address_parse(str_of("@r:jo@a.example"), &a) != NULL, "a route");
}

static void
test_domains(void)
{
	char out[10];

	is_str(domain_check(str_of("a.example"), false), NULL, "ASCII");
	ok(domain_check(str_of("b\xc3\xbc.example"), false) != NULL, "UTF-8");
	is_str(domain_check(str_of("b\xc3\xbc.example"), true), NULL,
	    "UTF-8 where it is allowed");
	ok(domain_check(str_of("b\xc3.example"), true) != NULL, "bad UTF-8");
	ok(domain_check(str_of("[192.0.2.1]"), false) != NULL, "a literal");
	is_int(domain_canonical(str_of("A.eXample."), out, sizeof(out)), 0,
	    "the canonical form");
	is_str(out, "a.example", "is lower case and has no dot at its end");
	is_int(domain_canonical(str_of("aa.example"), out, sizeof(out)), -1,
	    "too long for its place");
	is_str(out, "", "leaves nothing");
	is_int(domain_canonical(str_of(""), out, sizeof(out)), 0, "nothing");
}

int
main(void)
{
	test_good_paths();
	test_bad_paths();
	test_cut_short();
	test_bare();
	test_domains();
	return done();
}
