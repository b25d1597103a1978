/* SPDX-License-Identifier: ISC */
#include "mail/xtext.h"

static bool
is_plain(char c)
{
	return c > ' ' && c <= '~' && c != '+' && c != '=';
}

/* RFC 3461, 4: capitals only. */
static int
hex_digit(char c)
{
	return c >= 'a' ? -1 : str_hex_digit(c);
}

bool
xtext_check(struct str in)
{
	for (size_t at = 0; at < in.len; at++) {
		if (is_plain(in.s[at]))
			continue;
		if (in.s[at] != '+' || in.len - at < 3 ||
		    hex_digit(in.s[at + 1]) == -1 ||
		    hex_digit(in.s[at + 2]) == -1)
			return false;
		at += 2;
	}
	return true;
}

int
xtext_decode(struct str in, struct buf *out)
{
	if (!xtext_check(in))
		return -1;
	for (size_t at = 0; at < in.len; at++) {
		if (in.s[at] != '+') {
			buf_add_char(out, in.s[at]);
			continue;
		}
		buf_add_char(out, (char)(hex_digit(in.s[at + 1]) << 4 |
					 hex_digit(in.s[at + 2])));
		at += 2;
	}
	return 0;
}

void
xtext_encode(struct str in, struct buf *out)
{
	for (size_t at = 0; at < in.len; at++) {
		if (is_plain(in.s[at]))
			buf_add_char(out, in.s[at]);
		else
			buf_addf(out, "+%02X", (unsigned char)in.s[at]);
	}
}
