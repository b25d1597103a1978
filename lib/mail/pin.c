/* SPDX-License-Identifier: ISC */
#include "mail/pin.h"

#include <string.h>

#define PREFIX "sha256:"

int
pin_parse(struct str text, uint8_t pin_r[PIN_SIZE])
{
	size_t digits = 0;
	int n;

	if (!str_starts_nocase(text, PREFIX))
		return -1;
	for (size_t i = strlen(PREFIX); i < text.len; i++) {
		if (text.s[i] == ':' && digits > 0 && digits % 2 == 0)
			continue;
		n = str_hex_digit(text.s[i]);
		if (n == -1 || digits == 2 * PIN_SIZE)
			return -1;
		pin_r[digits / 2] = (uint8_t)(pin_r[digits / 2] << 4 | n);
		digits++;
	}
	return digits == 2 * PIN_SIZE ? 0 : -1;
}

void
pin_format(const uint8_t pin[PIN_SIZE], struct buf *out)
{
	buf_add_str(out, PREFIX);
	for (size_t i = 0; i < PIN_SIZE; i++)
		buf_addf(out, "%02x", pin[i]);
}
