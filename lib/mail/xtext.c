/* SPDX-License-Identifier: ISC */
#include "mail/xtext.h"

/* RFC 3461, 4: capitals only. */
static int
hex_digit(char c)
{
	return c >= 'a' ? -1 : str_hex_digit(c);
}

/* The byte at the front, -1 when there is none; *len_r is what it took. */
static int
byte_decode(const char *in, size_t left, size_t *len_r)
{
	int high, low;

	*len_r = 1;
	if (in[0] != '+')
		return in[0] > ' ' && in[0] <= '~' && in[0] != '=' ? in[0] : -1;
	if (left < 3)
		return -1;
	*len_r = 3;
	high = hex_digit(in[1]);
	low = hex_digit(in[2]);
	return high == -1 || low == -1 ? -1 : high << 4 | low;
}

int
xtext_decode(struct str in, struct buf *out)
{
	struct buf decoded = {0};
	int result = -1, byte;
	size_t len;

	for (size_t at = 0; at < in.len; at += len) {
		byte = byte_decode(in.s + at, in.len - at, &len);
		if (byte == -1)
			goto out;
		buf_add_char(&decoded, (char)byte);
	}
	buf_add(out, decoded.data, decoded.len);
	result = 0;
out:
	buf_free(&decoded);
	return result;
}
