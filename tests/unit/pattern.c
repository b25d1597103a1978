/* SPDX-License-Identifier: ISC */
#include "mail/pattern.h"

#include <string.h>

#include "tap.h"

static void
test_globs(void)
{
	static const struct {
		const char *text, *local, *domain;
	} rows[] = {
	    {"User*@A.Example", "user*",  "a.example" },
	    {"*@a.example",     "*",      "a.example" },
	    {"*-list@.Example", "*-list", ".example"  },
	    {"abuse@*",         "abuse",  "*"         },
	    {"a*b*c@*",         "a*b*c",  "*"         },
	    {"info@.a.example", "info",   ".a.example"},
	};
	static const char *const bad[] = {"@*", "a b*@a.example", "x*@",
	    "x*@a..example", "x*@.", "x*@..a", ".x*@a.example", "x*@*.example"};
	static const char *const none[] = {"user@a.example", "a.example", "*",
	    "\"a*\"@a.example", "/a*@b/", ".example", ""};
	char local[ADDRESS_MAX + 1], domain[ADDRESS_MAX + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok(pattern_is_glob(str_of(rows[i].text)), "%s", rows[i].text);
		ok(pattern_glob(str_of(rows[i].text), local, domain) == NULL,
		    "is one");
		is_str(local, rows[i].local, "its local part");
		is_str(domain, rows[i].domain, "its domain");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(pattern_glob(str_of(bad[i]), local, domain) != NULL,
		    "not \"%s\"", bad[i]);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ok(!pattern_is_glob(str_of(none[i])), "no pattern: \"%s\"",
		    none[i]);
}

static void
test_glob_matches(void)
{
	static const struct {
		const char *glob, *text;
		bool matches;
	} rows[] = {
	    {"user*",  "user",       true },
	    {"user*",  "user1",      true },
	    {"user*",  "auser",      false},
	    {"*",      "",           true },
	    {"*-list", "dev-list",   true },
	    {"*-list", "-list",      true },
	    {"*-list", "dev-list-x", false},
	    {"a*b*c",  "abc",        true },
	    {"a*b*c",  "axxbyybzzc", true },
	    {"a*b*c",  "axxbyyb",    false},
	    {"a**c",   "ac",         true },
	    {"abc",    "abc",        true },
	    {"abc",    "abcd",       false},
	    {"",       "a",          false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_int(pattern_glob_match(
			   str_of(rows[i].glob), str_of(rows[i].text)),
		    rows[i].matches, "%s and %s", rows[i].glob, rows[i].text);
}

/* A hostile text makes no exponential search. */
static void
test_glob_time(void)
{
	char glob[64] = "", text[321];

	for (int i = 0; i < 30; i++)
		strcat(glob, "a*");
	strcat(glob, "b");
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ok(!pattern_glob_match(str_of(glob), str_of(text)), "ends soon");
}

static void
test_regexes(void)
{
	is_int(pattern_regex(str_of("/a/")).len, 1, "/a/");
	is_int(pattern_regex(str_of("//")).len, 0, "// is empty");
	is_int(pattern_regex(str_of("/")).len, 0, "/ is none");
	is_int(pattern_regex(str_of("/abc")).len, 0, "/abc does not end");
	ok(pattern_is_regex(str_of("/")) && !pattern_is_regex(str_of("a/")),
	    "begins with /");
}

static void
test_senders(void)
{
	static const struct {
		const char *text, *sender;
		bool matches;
	} rows[] = {
	    {"Jo@A.example", "jo@a.example",   true },
	    {"jo@a.example", "bjo@a.example",  false},
	    {"a.example",    "jo@a.example",   true },
	    {"a.example",    "jo@b.a.example", false},
	    {".example",     "jo@a.example",   true },
	    {".a.example",   "jo@a.example",   false},
	    {"<>",           "",               true },
	    {"<>",           "jo@a.example",   false},
	    {"a.example",    "",               false},
	};
	static const char *const bad[] = {"", "*", "@", "jo@", ".", "a..b"};
	char key[ADDRESS_MAX + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok(pattern_sender(str_of(rows[i].text), key) == NULL, "%s",
		    rows[i].text);
		is_int(
		    pattern_sender_match(str_of(key), str_of(rows[i].sender)),
		    rows[i].matches, "from <%s>", rows[i].sender);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(pattern_sender(str_of(bad[i]), key) != NULL,
		    "no sender: \"%s\"", bad[i]);
}

int
main(void)
{
	test_globs();
	test_glob_matches();
	test_glob_time();
	test_regexes();
	test_senders();
	return done();
}
