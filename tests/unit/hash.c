/* SPDX-License-Identifier: ISC */
#include "base/hash.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

/* Names in spools depend on these values: a failure here is a spool that
 * cannot be read after an update. */
static void
test_forever(void)
{
	ok(hash_bytes("", 0) == 0xefd01f60ba992926, "the hash of nothing");
	ok(hash_bytes("a", 1) == 0x82a2a958a9bece5b, "of one letter");
	ok(hash_bytes("example.org", 11) == 0xcd3b846cb9256ccf, "of a domain");
	ok(hash_bytes("a\0", 2) != hash_bytes("a", 1), "a NUL counts");
}

/* Similar names must spread over the shards: with 16,000 names on 16 shards
 * the expected deviation is 31, so 200 is far outside of luck. */
static void
test_spread(void)
{
	int low[16] = {0}, high[16] = {0};
	bool even = true;
	char name[32];
	uint64_t h;

	for (int i = 0; i < 16000; i++) {
		snprintf(name, sizeof(name), "host%d.example", i);
		h = hash_bytes(name, strlen(name));
		low[h & 15]++;
		high[h >> 60]++;
	}
	for (int s = 0; s < 16; s++)
		even &= low[s] > 800 && low[s] < 1200 && high[s] > 800 &&
		        high[s] < 1200;
	ok(even, "low and high bits both spread");
}

static void
test_base32(void)
{
	char out[14];

	base32_format(0, 4, out);
	is_str(out, "0000", "zero");
	base32_format(31, 1, out);
	is_str(out, "z", "the last digit");
	base32_format(0x8864398, 3, out);
	is_str(out, "gwr", "only the low bits that the digits hold");
	base32_format(UINT64_MAX, 13, out);
	is_str(out, "fzzzzzzzzzzzz", "64 bits take 13 digits");
	base32_format(5, 0, out);
	is_str(out, "", "no digits");
}

int
main(void)
{
	test_forever();
	test_spread();
	test_base32();
	return done();
}
