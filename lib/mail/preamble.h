/* SPDX-License-Identifier: ISC */
/*
 * The first 64 bytes of a queue file: what the rest is.  Layer: mail.
 *
 *	"stagepost 01 00000123 0000000456 89abcdef 89abcdef 001 89abcdef\n"
 *
 * that is magic, version, length of the envelope and of the content, CRC32C of
 * each, flags, and the CRC32C of the 55 bytes before it, all lower-case hex.
 * Every version will have this size and the last CRC in this place, so that
 * damage and a newer version can be told apart.
 */
#ifndef MAIL_PREAMBLE_H
#define MAIL_PREAMBLE_H

#include <stdint.h>

#define PREAMBLE_SIZE 64

#define CONTENT_MAX ((UINT64_C(1) << 40) - 1) /* bytes */

enum content_flag {
	CONTENT_8BIT = 1,    /* some octet is above 127 */
	CONTENT_UTF8 = 2,    /* MAIL said SMTPUTF8 */
	CONTENT_STUFFED = 4, /* some line begins with a stuffed dot */
	CONTENT_LONG = 8,    /* some line is longer than 998 octets */
};

struct preamble {
	uint32_t envelope_len; /* at most ENVELOPE_MAX */
	uint64_t content_len;  /* at most CONTENT_MAX */
	uint32_t envelope_crc;
	uint32_t content_crc;
	unsigned flags; /* enum content_flag */
};

/* The values must be within their bounds (asserted). */
void preamble_format(const struct preamble *p, char out[PREAMBLE_SIZE]);

/* 0; -1 and EBADMSG when it is damaged, ENOTSUP when a newer Stagepost wrote
 * it. */
int preamble_parse(const char in[PREAMBLE_SIZE], struct preamble *p_r);

#endif
