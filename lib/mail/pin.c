/* SPDX-License-Identifier: ISC */
#include "mail/pin.h"

#include <stdbool.h>
#include <string.h>

#include "base/sha256.h"

#define PREFIX "sha256:"
#define BEGIN  "-----BEGIN CERTIFICATE-----"
#define END    "-----END CERTIFICATE-----"

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

static int
base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				     "klmnopqrstuvwxyz0123456789+/";
	const char *p = c != '\0' ? strchr(digits, c) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

static int
base64_decode(struct str text, struct buf *out)
{
	uint32_t bits = 0;
	unsigned n = 0;
	int value;

	for (size_t i = 0; i < text.len; i++) {
		if (strchr(" \t\r\n=", text.s[i]) != NULL)
			continue;
		value = base64_value(text.s[i]);
		if (value == -1)
			return -1;
		bits = bits << 6 | (unsigned)value;
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_add_char(out, (char)(bits >> n));
		}
	}
	return 0;
}

/* A SEQUENCE in DER that ends where its length says. */
static bool
is_sequence(const struct buf *der)
{
	const uint8_t *d = (const uint8_t *)der->data;

	return der->len > 4 && d[0] == 0x30 && d[1] == 0x82 &&
	       der->len == 4 + ((size_t)d[2] << 8 | d[3]);
}

int
pin_of_certificate(struct str pem, uint8_t pin_r[PIN_SIZE])
{
	const char *from = memmem(pem.s, pem.len, BEGIN, strlen(BEGIN)), *to;
	struct buf der = {0};
	int result = -1;

	if (from == NULL)
		return -1;
	from += strlen(BEGIN);
	to = memmem(from, (size_t)(pem.s + pem.len - from), END, strlen(END));
	if (to != NULL &&
	    base64_decode((struct str){from, (size_t)(to - from)}, &der) == 0 &&
	    is_sequence(&der)) {
		sha256(der.data, der.len, pin_r);
		result = 0;
	}
	buf_free(&der);
	return result;
}

void
pin_format(const uint8_t pin[PIN_SIZE], struct buf *out)
{
	buf_add_str(out, PREFIX);
	for (size_t i = 0; i < PIN_SIZE; i++)
		buf_addf(out, "%02x", pin[i]);
}
