/* SPDX-License-Identifier: ISC */
#include "base/hash.h"

#include <assert.h>

/* FNV alone leaves the high bits of short inputs poor; shard numbers and
 * base 32 digits are taken from any part of the value, so all bits are mixed
 * once more at the end. */
static uint64_t
mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccd;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53;
	h ^= h >> 33;
	return h;
}

uint64_t
hash_bytes(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return mix(h);
}

void
base32_format(uint64_t value, unsigned digits, char *out)
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

	assert(digits <= 13); /* 13 hold 65 bits */
	out[digits] = '\0';
	while (digits > 0) {
		out[--digits] = alphabet[value & 31];
		value >>= 5;
	}
}
