/* SPDX-License-Identifier: ISC */
#include "base/str.h"

#include <string.h>

struct str
str_of(const char *text)
{
	return (struct str){text, strlen(text)};
}

bool
str_eq(struct str a, const char *text)
{
	return a.len == strlen(text) &&
	       (a.len == 0 || memcmp(a.s, text, a.len) == 0);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Not strncasecmp(3), which asks the locale. */
static bool
same_nocase(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool
str_eq_nocase(struct str a, const char *text)
{
	return a.len == strlen(text) && same_nocase(a.s, text, a.len);
}

bool
str_starts_nocase(struct str a, const char *prefix)
{
	size_t len = strlen(prefix);

	return a.len >= len && same_nocase(a.s, prefix, len);
}

static void
skip(struct str *a, size_t n)
{
	if (n == 0) /* an empty slice may point nowhere */
		return;
	a->s += n;
	a->len -= n;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str
str_word(struct str *rest)
{
	struct str word;

	while (rest->len > 0 && is_blank(rest->s[0]))
		skip(rest, 1);
	word = (struct str){rest->s, 0};
	while (rest->len > 0 && !is_blank(rest->s[0])) {
		skip(rest, 1);
		word.len++;
	}
	return word;
}

size_t
str_count_words(struct str text)
{
	size_t n = 0;

	while (str_word(&text).len > 0)
		n++;
	return n;
}

struct str
str_cut(struct str *rest, char c)
{
	struct str before = *rest;
	const char *at;

	at = rest->len > 0 ? memchr(rest->s, c, rest->len) : NULL;
	if (!at) {
		skip(rest, rest->len);
		return before;
	}
	before.len = at - rest->s;
	skip(rest, before.len + 1);
	return before;
}

int
str_number(struct str a, uint64_t max, uint64_t *value_r)
{
	uint64_t value = 0, digit;

	if (a.len == 0)
		return -1;
	for (size_t i = 0; i < a.len; i++) {
		if (a.s[i] < '0' || a.s[i] > '9')
			return -1;
		digit = a.s[i] - '0';
		if (digit > max || value > (max - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	*value_r = value;
	return 0;
}

int
str_hex_digit(char c)
{
	c = lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
str_hex32(struct str a, uint32_t *value_r)
{
	uint32_t value = 0;
	int digit;

	if (a.len != 8)
		return -1;
	for (size_t i = 0; i < a.len; i++) {
		digit = str_hex_digit(a.s[i]);
		if (digit == -1)
			return -1;
		value = value << 4 | (uint32_t)digit;
	}
	*value_r = value;
	return 0;
}

/*
 * How many bytes the character at p takes; 0 when it is none of RFC 3629,
 * section 4: overlong, a surrogate, beyond U+10FFFF, or cut off.
 */
static size_t
utf8_char(const unsigned char *p, size_t left)
{
	unsigned char lo = 0x80, hi = 0xbf; /* bounds of the second byte */
	size_t len;

	if (p[0] < 0x80)
		return p[0] != 0;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (left < len || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

bool
str_is_utf8(struct str a, size_t *bad_r)
{
	size_t at = 0, len;

	while (at < a.len) {
		len = utf8_char((const unsigned char *)a.s + at, a.len - at);
		if (len == 0) {
			if (bad_r)
				*bad_r = at;
			return false;
		}
		at += len;
	}
	return true;
}

bool
str_is_ascii(struct str a)
{
	for (size_t i = 0; i < a.len; i++)
		if ((unsigned char)a.s[i] > 0x7f)
			return false;
	return true;
}

void
str_lower(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s[i] = lower(s[i]);
}

int
str_copy(char *out, size_t size, struct str a)
{
	if (a.len >= size) {
		if (size > 0)
			out[0] = '\0';
		return -1;
	}
	if (a.len > 0)
		memcpy(out, a.s, a.len);
	out[a.len] = '\0';
	return 0;
}
