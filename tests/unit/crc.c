/* SPDX-License-Identifier: ISC */
#include "base/crc.h"

#include <string.h>

#include "tap.h"

typedef uint32_t (*sum)(uint32_t crc, const void *data, size_t len);

/* RFC 3720, appendix B.4 (its bytes are in the order of transmission). */
static void
test_vectors(sum crc, const char *how)
{
	static const unsigned char read_pdu[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14,
	    0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02};
	unsigned char bytes[32] = {0};

	is_int(crc(0, bytes, 32), 0x8a9136aa, "%s: 32 zeros", how);
	memset(bytes, 0xff, 32);
	is_int(crc(0, bytes, 32), 0x62a8ab43, "%s: 32 ones", how);
	for (int i = 0; i < 32; i++)
		bytes[i] = i;
	is_int(crc(0, bytes, 32), 0x46dd794e, "%s: rising", how);
	for (int i = 0; i < 32; i++)
		bytes[i] = 31 - i;
	is_int(crc(0, bytes, 32), 0x113fdb5c, "%s: falling", how);
	is_int(crc(0, read_pdu, 48), 0xd9963a56, "%s: an iSCSI read", how);
	is_int(crc(0, "123456789", 9), 0xe3069283, "%s: the digits", how);
	is_int(crc(0, NULL, 0), 0, "%s: nothing", how);
	is_int(crc(77, NULL, 0), 77, "%s: nothing more", how);
}

/* Every start and length up to 64, and every way to cut it in two. */
static void
test_pieces(sum crc, const char *how)
{
	unsigned char bytes[80];
	bool same = true, joined = true;
	uint32_t whole;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 37 + 11;
	for (size_t at = 0; at < 16; at++)
		for (size_t len = 0; len <= 64; len++) {
			whole = crc32c(0, bytes + at, len);
			same &= crc(0, bytes + at, len) == whole;
			for (size_t cut = 0; cut <= len; cut++)
				joined &=
				    crc(crc(0, bytes + at, cut),
					bytes + at + cut, len - cut) == whole;
		}
	ok(same, "%s: both ways agree at every alignment", how);
	ok(joined, "%s: pieces give the sum of the whole", how);
}

int
main(void)
{
	test_vectors(crc32c, "here");
	test_vectors(crc32c_portable, "portable");
	test_pieces(crc32c, "here");
	test_pieces(crc32c_portable, "portable");
	return done();
}
