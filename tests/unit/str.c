/* SPDX-License-Identifier: ISC */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static const struct str nothing = {NULL, 0};

static const char *
text(struct str a)
{
	static char out[64];

	snprintf(out, sizeof(out), "%.*s", (int)a.len, a.len ? a.s : "");
	return out;
}

static void
test_comparing(void)
{
	struct str a = str_of("Mail");

	ok(str_eq(a, "Mail"), "the same");
	ok(!str_eq(a, "mail"), "case counts");
	ok(!str_eq(a, "Mai") && !str_eq(a, "Mails"), "so does the length");
	ok(str_eq(nothing, ""), "nothing is the empty text");
	ok(str_eq_nocase(a, "mAIL"), "case does not count");
	ok(!str_eq_nocase(a, "mAIK"), "letters do");
	ok(!str_eq_nocase(str_of("a@b"), "a`b"),
	    "only letters are folded, not what stands beside them");
	ok(!str_eq_nocase(str_of("[\xc4"), "{\xe4"), "nor what is not ASCII");
	ok(str_starts_nocase(a, "mA") && str_starts_nocase(a, ""), "starts so");
	ok(!str_starts_nocase(a, "mails"), "not with more than there is");
}

static void
test_words(void)
{
	struct str rest = str_of("  RCPT\tTO:<a b> ");

	is_str(text(str_word(&rest)), "RCPT", "the first word");
	is_str(text(str_word(&rest)), "TO:<a", "the second");
	is_str(text(str_word(&rest)), "b>", "the third");
	is_int(str_word(&rest).len, 0, "no more");
	is_int(rest.len, 0, "all is eaten");
	rest = nothing;
	is_int(str_word(&rest).len, 0, "no word in nothing");
	is_int(str_count_words(nothing), 0, "none are counted in nothing");
	is_int(str_count_words(str_of(" a\tb  c ")), 3, "three are counted");

	rest = str_of("user:x::y");
	is_str(text(str_cut(&rest, ':')), "user", "up to the first colon");
	is_str(text(str_cut(&rest, ':')), "x", "to the second");
	is_str(text(str_cut(&rest, ':')), "", "nothing between two");
	is_str(text(str_cut(&rest, ':')), "y", "all, when there is no colon");
	is_str(text(str_cut(&rest, ':')), "", "then nothing");
	rest = nothing;
	is_int(str_cut(&rest, ':').len, 0, "nothing cut from nothing");
}

static void
test_numbers(void)
{
	static const char *const wrong[] = {"", " 1", "1 ", "+1", "-1", "0x1",
	    "1a", "18446744073709551616", "99999999999999999999999"};
	uint64_t n = 7;
	uint32_t h = 7;

	ok(str_number(str_of("0"), 0, &n) == 0 && n == 0, "0");
	ok(str_number(str_of("007"), 9, &n) == 0 && n == 7, "leading zeros");
	is_int(str_number(str_of("10"), 9, &n), -1, "over the limit");
	is_int(str_number(str_of("9"), 2, &n), -1, "one digit over it");
	ok(str_number(str_of("18446744073709551615"), UINT64_MAX, &n) == 0 &&
		n == UINT64_MAX,
	    "the largest");
	n = 7;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		is_int(str_number(str_of(wrong[i]), UINT64_MAX, &n), -1,
		    "not a number: \"%s\"", wrong[i]);
	is_int(n, 7, "what is no number changes nothing");

	ok(str_hex32(str_of("00c0FFee"), &h) == 0 && h == 0xc0ffee, "hex");
	ok(str_hex32(str_of("ffffffff"), &h) == 0 && h == UINT32_MAX, "all");
	is_int(str_hex32(str_of("fffffff"), &h), -1, "seven digits");
	is_int(str_hex32(str_of("fffffffff"), &h), -1, "nine digits");
	is_int(str_hex32(str_of("ffffffxf"), &h), -1, "no digit");
	is_int(str_hex32(nothing, &h), -1, "nothing");
}

static void
test_utf8(void)
{
	/* RFC 3629, section 4; bad is the offset, -1 when all is well. */
	static const struct {
		const char *bytes;
		int bad;
		const char *what;
	} cases[] = {
	    {"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xac", -1, "1 to 4 bytes"                 },
	    {"\xf4\x8f\xbf\xbf",                      -1, "the last, U+10FFFF"           },
	    {"\xed\x9f\xbf\xee\x80\x80",              -1, "on both sides of surrogates"  },
	    {"ab\x80",				2,  "a byte that only continues"   },
	    {"a\xc0\x80",			     1,  "an overlong NUL"              },
	    {"\xc1\xbf",			      0,  "an overlong DEL"              },
	    {"\xe0\x9f\xbf",                          0,  "an overlong U+07FF"           },
	    {"\xf0\x8f\xbf\xbf",                      0,  "an overlong U+FFFF"           },
	    {"\xed\xa0\x80",                          0,  "a surrogate"                  },
	    {"\xf4\x90\x80\x80",                      0,  "beyond U+10FFFF"              },
	    {"\xf5\x80\x80\x80",                      0,  "far beyond"                   },
	    {"\xff",				  0,  "what no character begins with"},
	    {"a\xe2\x82",			     1,  "cut off"                      },
	    {"a\xe2\x82z",			    1,  "broken off"                   },
	    {"\xf0\x9f\x93\xff",                      0,  "a wrong last byte"            },
	};
	size_t bad, i;
	struct str a;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bad = -1;
		a = str_of(cases[i].bytes);
		is_int(str_is_utf8(a, &bad), cases[i].bad == -1, "%s",
		    cases[i].what);
		is_int((int)bad, cases[i].bad, "and where");
	}
	a = (struct str){"a\0b", 3};
	ok(!str_is_utf8(a, &bad) && bad == 1, "a NUL is none");
	ok(str_is_utf8(nothing, NULL), "nothing is well-formed");
	ok(str_is_ascii(a) && str_is_ascii(nothing), "ASCII");
	ok(!str_is_ascii(str_of("a\x80")), "not ASCII");
}

static void
test_copying(void)
{
	char out[6] = "xxxxx";

	is_int(str_copy(out, sizeof(out), str_of("Hello")), 0, "just fits");
	is_str(out, "Hello", "copied");
	is_int(str_copy(out, sizeof(out), str_of("Hello!")), -1, "too long");
	is_str(out, "", "then it is empty");
	is_int(str_copy(out, sizeof(out), nothing), 0, "nothing");
	is_int(str_copy(out, 0, nothing), -1, "an array without room");
	memcpy(out, "A@Z[z", 5);
	str_lower(out, 5);
	is_str(out, "a@z[z", "letters only become small");
}

int
main(void)
{
	test_comparing();
	test_words();
	test_numbers();
	test_utf8();
	test_copying();
	return done();
}
