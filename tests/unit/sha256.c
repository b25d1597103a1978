/* SPDX-License-Identifier: ISC */
#include "base/sha256.h"

#include <string.h>

#include "tap.h"

static void
test_pbkdf2(void)
{
	/* RFC 7914, 11: the first block of "passwd", "salt", 1 */
	static const uint8_t one[] = {0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08,
	    0x9f, 0xec, 0x16, 0x91, 0xc2, 0x25, 0x44, 0xb6, 0x05};
	/* "Password", "NaCl", 80000 */
	static const uint8_t many[] = {0x4d, 0xdc, 0xd8, 0xf6, 0x0b, 0x98, 0xbe,
	    0x21, 0x83, 0x0c, 0xee, 0x5e, 0xf2, 0x27, 0x01, 0xf9};
	struct pbkdf2 *p = pbkdf2_new(str_of("passwd"), str_of("salt"), 1);
	uint8_t key[SHA256_SIZE];
	unsigned steps = 1;
	char longer[101] = "";

	ok(pbkdf2_work(p, 1, key) && memcmp(key, one, sizeof(one)) == 0,
	    "one round");
	pbkdf2_free(&p);
	ok(p == NULL, "freed");
	p = pbkdf2_new(str_of("Password"), str_of("NaCl"), 80000);
	while (!pbkdf2_work(p, 1000, key))
		steps++;
	ok(memcmp(key, many, sizeof(many)) == 0, "80,000 rounds");
	ok(steps == 80, "in 80 steps");
	pbkdf2_free(&p);
	/* by openssl kdf */
	memset(longer, 'x', 100);
	p = pbkdf2_new(str_of(longer), str_of("salt"), 3);
	ok(!pbkdf2_work(p, 1, key) && pbkdf2_work(p, 1, key), "three rounds");
	ok(key[0] == 0x59 && key[31] == 0xd1,
	    "with a password longer than a block");
	pbkdf2_free(&p);
}

int
main(void)
{
	/* FIPS 180-4, of "abc" */
	static const uint8_t abc[SHA256_SIZE] = {0xba, 0x78, 0x16, 0xbf, 0x8f,
	    0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
	    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff,
	    0x61, 0xf2, 0x00, 0x15, 0xad};
	uint8_t digest[SHA256_SIZE];

	sha256("abc", 3, digest);
	ok(memcmp(digest, abc, sizeof(abc)) == 0, "of abc");
	sha256("", 0, digest);
	ok(digest[0] == 0xe3 && digest[31] == 0x55, "of nothing");
	test_pbkdf2();
	return done();
}
