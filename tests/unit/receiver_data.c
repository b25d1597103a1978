/* SPDX-License-Identifier: ISC */
#include "receiver/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/queuefile.h"
#include "tap.h"

struct got {
	struct data d;
	struct buf content;
	size_t used; /* the end of data included */
};

static void
on_piece(void *arg, const char *piece, size_t len)
{
	buf_add(&((struct got *)arg)->content, piece, len);
}

/* Scan input that arrives in reads of so many bytes; `first` is the size of
 * the first one. */
static void
scan(struct str in, size_t first, size_t step, bool normalise, struct got *g)
{
	struct str seen = {in.s, first};

	*g = (struct got){0};
	data_begin(&g->d, normalise);
	for (;;) {
		struct str left = {in.s + g->used, seen.len - g->used};

		g->used += data_scan(&g->d, left, on_piece, g);
		if (g->d.ended || seen.len == in.len)
			return;
		seen.len += step < in.len - seen.len ? step : in.len - seen.len;
	}
}

static bool
same(const struct got *a, const struct got *b)
{
	return a->d.ended == b->d.ended && a->d.bare == b->d.bare &&
	       a->d.false_end == b->d.false_end && a->d.flags == b->d.flags &&
	       a->d.size == b->d.size && a->d.overlong == b->d.overlong &&
	       (!a->d.ended || a->used == b->used) &&
	       a->content.len == b->content.len &&
	       !memcmp(buf_text(&a->content), buf_text(&b->content),
		   a->content.len);
}

/* Does every cut into two reads, and one byte a read, give the same? */
static bool
cuts_agree(struct str in, bool normalise)
{
	struct got whole, cut;
	bool all;

	scan(in, in.len, in.len, normalise, &whole);
	scan(in, 0, 1, normalise, &cut);
	all = same(&whole, &cut);
	buf_free(&cut.content);
	for (size_t at = 0; at <= in.len; at++) {
		scan(in, at, in.len, normalise, &cut);
		all &= same(&whole, &cut);
		buf_free(&cut.content);
	}
	buf_free(&whole.content);
	return all;
}

/* ---- what ends the data ---- */

static const struct {
	const char *name;
	const char *in;
	const char *content; /* NULL: it has not ended */
	bool bare, false_end;
} forms[] = {
    {"CRLF.CRLF",              "a\r\n.\r\nQUIT",     "a\r\n",         0, 0},
    {"nothing at all",         ".\r\n",              "",              0, 0},
    {"an empty line",          "\r\n.\r\n",          "\r\n",          0, 0},
    {"a stuffed dot alone",    "..\r\n.\r\n",        "..\r\n",        0, 0},
    {"a dot within",           "a.\r\n.b\r\n.\r\n",  "a.\r\n.b\r\n",  0, 0},
    {"LF.LF",		  "a\n.\nX\r\n.\r\n",   "a\n.\nX\r\n",   1, 1},
    {"LF.CRLF",		"a\n.\r\nX\r\n.\r\n", "a\n.\r\nX\r\n", 1, 1},
    {"LF.CR",		  "a\n.\rX\r\n.\r\n",   "a\n.\rX\r\n",   1, 1},
    {"CRLF.LF",		"a\r\n.\nX\r\n.\r\n", "a\r\n.\nX\r\n", 1, 1},
    {"CRLF.CR",		"a\r\n.\rX\r\n.\r\n", "a\r\n.\rX\r\n", 1, 1},
    {"CR.CR",		  "a\r.\rX\r\n.\r\n",   "a\r.\rX\r\n",   1, 1},
    {"CR.LF",		  "a\r.\nX\r\n.\r\n",   "a\r.\nX\r\n",   1, 1},
    {"CR.CRLF",		"a\r.\r\nX\r\n.\r\n", "a\r.\r\nX\r\n", 1, 1},
    {"CRLF.CRCRLF",            "a\r\n.\r\r\n.\r\n",  "a\r\n.\r\r\n",  1, 1},
    {"CRCRLF.CRLF",            "a\r\r\n.\r\n",       "a\r\r\n",       1, 0},
    {".LF at the start",       ".\n.\r\n",           NULL,            1, 1},
    {".CR at the start",       ".\rX\r\n.\r\n",      ".\rX\r\n",      1, 1},
    {"a lone LF",              "a\nb\r\n.\r\n",      "a\nb\r\n",      1, 0},
    {"a lone CR",              "a\rb\r\n.\r\n",      "a\rb\r\n",      1, 0},
    {"a dot and NUL",          "a\r\n.\0\r\n.\r\n",  NULL,            0, 0},
    {"a dot that waits",       "a\r\n.",             NULL,            0, 0},
    {"a dot and CR that wait", "a\r\n.\r",           NULL,            0, 0},
};

static void
test_forms(void)
{
	struct got g;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct str in = str_of(forms[i].in);

		scan(in, in.len, in.len, false, &g);
		is_int(g.d.ended, forms[i].content != NULL, "%s: ended",
		    forms[i].name);
		is_int(g.d.bare, forms[i].bare, "%s: bare", forms[i].name);
		is_int(g.d.false_end, forms[i].false_end, "%s: false end",
		    forms[i].name);
		if (forms[i].content)
			is_str(buf_text(&g.content), forms[i].content,
			    "%s: content", forms[i].name);
		buf_free(&g.content);
		ok(cuts_agree(in, false) && cuts_agree(in, true),
		    "%s: however it is cut", forms[i].name);
	}
}

static void
test_normalised(void)
{
	static const char *const ends[] = {
	    "a\r\n.\r\n", "a\n.\n", "a\n.\r\n", "a\r\n.\n"};
	struct got g;

	for (size_t i = 0; i < 4; i++) {
		scan(str_of(ends[i]), strlen(ends[i]), 1, true, &g);
		ok(g.d.ended && !g.d.bare && !g.d.false_end,
		    "end %zu of those who send bare LF", i);
		is_str(buf_text(&g.content), "a\r\n", "it is CR LF after all");
		is_int(g.d.size, 3, "and counted so");
		buf_free(&g.content);
	}
	scan(str_of("a\nb\n\n..c\n.\nQUIT\n"), 17, 1, true, &g);
	is_str(buf_text(&g.content), "a\r\nb\r\n\r\n..c\r\n", "several lines");
	is_int(g.used, 11, "what is behind the end stays");
	buf_free(&g.content);
	scan(str_of("a\r.\nb\n.\n"), 8, 1, true, &g);
	ok(g.d.ended && g.d.bare && g.d.false_end, "a bare CR is refused yet");
	buf_free(&g.content);
}

/* All inputs of up to seven of these bytes, each cut everywhere. */
static void
test_all_short_inputs(void)
{
	static const char letters[] = {'\r', '\n', '.', 'x'};
	char in[7];
	unsigned wrong = 0, n = 0;

	for (size_t len = 1; len <= sizeof(in); len++)
		for (unsigned code = 0; code < 1u << (2 * len); code++) {
			for (size_t i = 0; i < len; i++)
				in[i] = letters[code >> (2 * i) & 3];
			n++;
			wrong += !cuts_agree((struct str){in, len}, false);
			wrong += !cuts_agree((struct str){in, len}, true);
		}
	is_int(wrong, 0, "%u inputs of CR, LF, dot and x, cut everywhere", n);
}

/* ---- what is noted ---- */

static void
test_flags(void)
{
	struct got g;

	scan(str_of("a\r\n.\r\n"), 6, 1, false, &g);
	is_int(g.d.flags, 0, "plain text has no flags");
	buf_free(&g.content);
	scan(str_of("0123456\xc3\xa4\r\n.\r\n"), 14, 1, false, &g);
	is_int(g.d.flags, CONTENT_8BIT, "an octet above 127");
	is_int(g.d.size, 11, "its size");
	buf_free(&g.content);
	scan(str_of("a\r\n..b\r\n.\r\n"), 11, 1, false, &g);
	is_int(g.d.flags, CONTENT_STUFFED, "a stuffed dot");
	is_int(g.d.size, 7, "the stuffed dot is not counted");
	buf_free(&g.content);
}

static unsigned
flags_of_line(size_t len, bool *overlong_r)
{
	char *text = malloc(len + 6);
	struct got g;

	memset(text, 'x', len);
	memcpy(text + len, "\r\n.\r\n", 6);
	scan((struct str){text, len + 5}, len + 5, 1, false, &g);
	is_mem(g.content.data, g.content.len, text, len + 2,
	    "a line of %zu comes out as it went in", len);
	*overlong_r = g.d.overlong;
	buf_free(&g.content);
	free(text);
	return g.d.flags;
}

static void
test_lines(void)
{
	bool overlong;

	is_int(flags_of_line(998, &overlong), 0, "998 octets");
	is_int(flags_of_line(999, &overlong), CONTENT_LONG, "999 octets");
	flags_of_line(DATA_LINE_MAX, &overlong);
	ok(!overlong, "the longest line");
	flags_of_line(DATA_LINE_MAX + 1, &overlong);
	ok(overlong, "one octet more");
}

/* Many lone CRs or LFs must not make the scanner look far ahead each time. */
static void
test_hostile(void)
{
	const size_t len = 4u << 20;
	char *text = malloc(len);
	struct got g;

	for (int i = 0; i < 4; i++) {
		memset(text, i & 1 ? '\r' : '\n', len);
		scan((struct str){text, len}, len, 1, i & 2, &g);
		ok(!g.d.ended, "%zu times the same line end", len);
		buf_free(&g.content);
	}
	free(text);
}

int
main(void)
{
	test_forms();
	test_normalised();
	test_all_short_inputs();
	test_flags();
	test_lines();
	test_hostile();
	return done();
}
