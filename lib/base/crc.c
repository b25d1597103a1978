/* SPDX-License-Identifier: ISC */
#include "base/crc.h"

#include <endian.h>
#include <string.h>

#include "base/compat.h"

#define POLYNOMIAL 0x82f63b78 /* bits reversed, as CRC32C sends them */

/* table[n][b]: what byte b does to the sum when n more bytes follow it. */
static uint32_t table[8][256];

static void
make_table(void)
{
	uint32_t crc;

	for (unsigned b = 0; b < 256; b++) {
		crc = b;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		table[0][b] = crc;
	}
	for (unsigned b = 0; b < 256; b++)
		for (int n = 1; n < 8; n++)
			table[n][b] = table[n - 1][b] >> 8 ^
			              table[0][table[n - 1][b] & 0xff];
}

static uint64_t
load_8(const unsigned char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}

static uint32_t
by_table(uint32_t crc, const unsigned char *p, size_t len)
{
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		word = load_8(p) ^ crc;
		crc = 0;
		for (int n = 0; n < 8; n++)
			crc ^= table[7 - n][word >> 8 * n & 0xff];
	}
	for (; len > 0; p++, len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return crc;
}

WITH_CPU_CRC32C static uint32_t
by_cpu(uint32_t crc, const unsigned char *p, size_t len)
{
	uint64_t wide = crc;

	for (; len >= 8; p += 8, len -= 8)
		wide = cpu_crc32c_8(wide, load_8(p));
	crc = wide;
	for (; len > 0; p++, len--)
		crc = cpu_crc32c_1(crc, *p);
	return crc;
}

uint32_t
crc32c(uint32_t crc, const void *data, size_t len)
{
	if (cpu_has_crc32c())
		return ~by_cpu(~crc, data, len);
	return crc32c_portable(crc, data, len);
}

uint32_t
crc32c_portable(uint32_t crc, const void *data, size_t len)
{
	if (table[0][1] == 0)
		make_table();
	return ~by_table(~crc, data, len);
}
