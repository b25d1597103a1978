/* SPDX-License-Identifier: ISC */
#include "base/regex.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tap.h"

static int
match(const char *pattern, bool ignore_case, struct str text)
{
	const char *error = NULL;
	size_t at;
	struct regex *re =
	    regex_compile(str_of(pattern), ignore_case, &error, &at);
	int rc;

	if (!re) {
		diag("%s: %s", pattern, error);
		return -2;
	}
	rc = regex_match(re, text);
	regex_free(&re);
	ok(re == NULL, "freed, and nothing left");
	return rc;
}

static void
test_match(void)
{
	is_int(match("^sales-.*@", false, str_of("sales-4@a.example")), 1,
	    "a match");
	is_int(match("^sales-.*@", false, str_of("Sales-4@a.example")), 0,
	    "case counts");
	is_int(match("^sales-.*@", true, str_of("Sales-4@a.example")), 1,
	    "unless it is said not to");
	is_int(match("b", false, str_of("abc")), 1, "anywhere in the text");
	is_int(match("^$", false, (struct str){NULL, 0}), 1, "nothing is text");
	is_int(match("a$", false, str_of("a\n")), 0, "$ is the very end");
	is_int(match("^.$", false, str_of("\xe4")), 1, "bytes are bytes");
	is_int(match("b", false, (struct str){"a\0b", 3}), 1,
	    "a NUL ends nothing");
}

static void
test_limits(void)
{
	int64_t began = clock_steady_ms();
	struct buf long_text = {0};

	is_int(match("^(a+)+$", false,
		   str_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")),
	    -1, "too many steps are no \"no match\"");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&long_text, 'a');
	is_int(match("^(?:a|a(?=a))*+b", false,
		   (struct str){long_text.data, long_text.len}),
	    -1, "nor is too deep a search");
	ok(clock_steady_ms() - began < 1000, "and it takes no time");
	buf_free(&long_text);
}

static void
is_refused(const char *pattern, size_t where, const char *words)
{
	const char *error = "";
	size_t at = 999;
	struct regex *re = regex_compile(str_of(pattern), false, &error, &at);

	ok(re == NULL && strstr(error, words), "%s: %s", pattern, error);
	is_int(at, where, "at that place");
	regex_free(&re);
}

static void
test_mistakes(void)
{
	struct buf text = {0};

	is_refused("a(b", 3, "parenthesis");
	is_refused("a[b", 3, "terminating ]");
	is_refused("*a", 0, "quantifier");
	is_refused("a\\C", 3, "\\C");
	is_refused("(*UTF)a", 6, "UTF");
	for (int i = 0; i <= REGEX_MAX; i++)
		buf_add_char(&text, 'a');
	is_refused(text.data, 0, "too long");
	buf_free(&text);
}

int
main(void)
{
	test_match();
	test_limits();
	test_mistakes();
	return done();
}
