/* SPDX-License-Identifier: ISC */
#include "mail/header.h"

#include <stdint.h>
#include <string.h>

/* ---- fields ---- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct str
without_line_end(struct str line)
{
	if (line.len > 0 && line.s[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* RFC 5322, 2.2: printable, no blank, no colon. */
static bool
is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.s[i] <= ' ' || name.s[i] >= 0x7f)
			return false;
	return name.len > 0;
}

/* The lines that continue a field belong to it. */
static void
take_folds(struct str *rest, struct str *body)
{
	while (rest->len > 0 && is_blank(rest->s[0])) {
		struct str line = str_cut(rest, '\n');

		body->len = (size_t)(line.s + line.len - body->s);
	}
}

bool
header_next(struct str *rest, struct header_field *f_r)
{
	struct str line;

	while (rest->len > 0) {
		struct str before = *rest;

		line = str_cut(rest, '\n');
		if (without_line_end(line).len == 0) {
			*rest = before;
			return false;
		}
		f_r->body = line;
		f_r->name = str_cut(&f_r->body, ':');
		if (f_r->name.len == line.len)
			continue; /* no colon: no field */
		while (f_r->name.len > 0 &&
		       is_blank(f_r->name.s[f_r->name.len - 1]))
			f_r->name.len--;
		f_r->body = (struct str){
		    line.s + line.len - f_r->body.len, f_r->body.len};
		take_folds(rest, &f_r->body);
		if (is_name(f_r->name))
			return true;
	}
	return false;
}

bool
header_is_whole(struct str text)
{
	while (text.len > 0) {
		const char *lf = memchr(text.s, '\n', text.len);
		struct str line = str_cut(&text, '\n');

		if (lf != NULL && without_line_end(line).len == 0)
			return true;
	}
	return false;
}

/* ---- characters ---- */

enum charset { CHARSET_UTF8, CHARSET_LATIN1, CHARSET_LATIN9, CHARSET_1252 };

static const struct {
	const char *name;
	enum charset charset;
} charsets[] = {
    {"utf-8",        CHARSET_UTF8  },
    {"utf8",         CHARSET_UTF8  },
    {"us-ascii",     CHARSET_UTF8  },
    {"iso-8859-1",   CHARSET_LATIN1},
    {"latin1",       CHARSET_LATIN1},
    {"iso-8859-15",  CHARSET_LATIN9},
    {"windows-1252", CHARSET_1252  },
};
#define CHARSETS (sizeof(charsets) / sizeof(charsets[0]))

static const uint16_t high_1252[32] = {0x20ac, 0x81, 0x201a, 0x192, 0x201e,
    0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d,
    0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc,
    0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178};

/* Where ISO-8859-15 is not ISO-8859-1. */
static uint16_t
latin9(unsigned char c)
{
	switch (c) {
	case 0xa4:
		return 0x20ac;
	case 0xa6:
		return 0x160;
	case 0xa8:
		return 0x161;
	case 0xb4:
		return 0x17d;
	case 0xb8:
		return 0x17e;
	case 0xbc:
		return 0x152;
	case 0xbd:
		return 0x153;
	case 0xbe:
		return 0x178;
	default:
		return c;
	}
}

static void
add_code(uint16_t code, struct buf *out)
{
	if (code < 0x80) {
		buf_add_char(out, (char)code);
		return;
	}
	if (code < 0x800) {
		buf_add_char(out, (char)(0xc0 | code >> 6));
	} else {
		buf_add_char(out, (char)(0xe0 | code >> 12));
		buf_add_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
	}
	buf_add_char(out, (char)(0x80 | (code & 0x3f)));
}

static void
add_octet(enum charset charset, unsigned char c, struct buf *out)
{
	if (c < ' ' || c == 0x7f)
		buf_add_char(out, ' ');
	else if (charset == CHARSET_UTF8)
		buf_add_char(out, (char)c);
	else if (charset == CHARSET_LATIN9)
		add_code(latin9(c), out);
	else if (charset == CHARSET_1252 && c >= 0x80 && c < 0xa0)
		add_code(high_1252[c - 0x80], out);
	else
		add_code(c, out);
}

/* ---- encoded words (RFC 2047) ---- */

struct encoded {
	enum charset charset;
	bool base64; /* else Q */
	struct str text;
};

static int
charset_find(struct str name, enum charset *charset_r)
{
	struct str base = str_cut(&name, '*'); /* RFC 2231: a language */

	for (size_t i = 0; i < CHARSETS; i++)
		if (str_eq_nocase(base, charsets[i].name)) {
			*charset_r = charsets[i].charset;
			return 0;
		}
	return -1;
}

/* "=?charset?Q?text?=" at the front of the text: its length, 0 when there is
 * none that we can decode. */
static size_t
encoded_parse(struct str text, struct encoded *e_r)
{
	struct str rest = text, name, method;

	if (text.len < 8 || text.s[0] != '=' || text.s[1] != '?')
		return 0;
	rest = (struct str){text.s + 2, text.len - 2};
	name = str_cut(&rest, '?');
	method = str_cut(&rest, '?');
	e_r->text = str_cut(&rest, '?');
	if (rest.len == 0 || rest.s[0] != '=' ||
	    charset_find(name, &e_r->charset) == -1)
		return 0;
	for (size_t i = 0; i < e_r->text.len; i++)
		if (e_r->text.s[i] == '\r' || e_r->text.s[i] == '\n')
			return 0;
	e_r->base64 = str_eq_nocase(method, "b");
	if (!e_r->base64 && !str_eq_nocase(method, "q"))
		return 0;
	return (size_t)(rest.s + 1 - text.s);
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static void
decode_base64(const struct encoded *e, struct buf *out)
{
	unsigned bits = 0, n = 0;
	int value;

	for (size_t i = 0; i < e->text.len; i++) {
		value = base64_value(e->text.s[i]);
		if (value == -1)
			continue;
		bits = (bits << 6 | (unsigned)value) & 0xffff;
		n += 6;
		if (n >= 8) {
			n -= 8;
			add_octet(e->charset, (unsigned char)(bits >> n), out);
		}
	}
}

static void
decode_q(const struct encoded *e, struct buf *out)
{
	struct str t = e->text;

	for (size_t i = 0; i < t.len; i++) {
		int high = -1, low = -1;

		if (t.s[i] == '=' && t.len - i > 2) {
			high = str_hex_digit(t.s[i + 1]);
			low = str_hex_digit(t.s[i + 2]);
		}
		if (high != -1 && low != -1) {
			add_octet(
			    e->charset, (unsigned char)(high << 4 | low), out);
			i += 2;
		} else {
			add_octet(e->charset,
			    t.s[i] == '_' ? ' ' : (unsigned char)t.s[i], out);
		}
	}
}

/* ---- the readable form ---- */

static bool
is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

/* The blanks that stand at the front. */
static size_t
spaces(struct str text)
{
	size_t n = 0;

	while (n < text.len && is_space(text.s[n]))
		n++;
	return n;
}

static struct str
skip(struct str text, size_t n)
{
	return (struct str){text.s + n, text.len - n};
}

/* A run of blanks with a fold in it is one blank, another stays. */
static void
add_spaces(struct str run, struct buf *out)
{
	if (memchr(run.s, '\n', run.len) || memchr(run.s, '\r', run.len)) {
		buf_add_char(out, ' ');
		return;
	}
	for (size_t i = 0; i < run.len; i++)
		buf_add_char(out, ' ');
}

void
header_decode(struct str body, struct buf *out)
{
	struct encoded e;
	bool after_word = false;
	size_t n;

	body = skip(body, spaces(body));
	while (body.len > 0 && is_space(body.s[body.len - 1]))
		body.len--;
	while (body.len > 0) {
		n = spaces(body);
		/* RFC 2047, 6.2: blanks between two encoded words are none */
		if (n > 0 &&
		    !(after_word && encoded_parse(skip(body, n), &e) > 0))
			add_spaces((struct str){body.s, n}, out);
		body = skip(body, n);
		n = encoded_parse(body, &e);
		after_word = n > 0;
		if (n == 0)
			add_octet(CHARSET_UTF8, (unsigned char)body.s[0], out);
		else if (e.base64)
			decode_base64(&e, out);
		else
			decode_q(&e, out);
		body = skip(body, n > 0 ? n : 1);
	}
}
