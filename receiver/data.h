/* SPDX-License-Identifier: ISC */
/*
 * The scanner of a message's content (RFC 5321, 4.1.1.4 and 4.5.2): finds its
 * end and what is wrong or special in it.
 *
 * Only CR LF "." CR LF ends the data (at the very beginning "." CR LF does).
 * A CR or LF that stands alone makes the message one to be refused: servers
 * differ about what it means, and that is how one message is smuggled inside
 * another.  The scanner goes on to the real end all the same.
 *
 * With `normalise`, for old printers and scripts, a lone LF is taken for CR LF
 * wherever it stands, so these four end the data: CRLF.CRLF, LF.LF, LF.CRLF
 * and CRLF.LF.  A lone CR is refused as ever.
 *
 * NUL and octets above 127 pass.
 */
#ifndef RECEIVER_DATA_H
#define RECEIVER_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Longer lines are refused, CR LF not counted.  RFC 5321 asks for 998; what
 * is longer than that is passed on as it came, with CONTENT_LONG. */
#define DATA_LINE_MAX 65536

enum data_place {
	DATA_LINE_START, /* after CR LF, or nothing yet */
	DATA_BARE_START, /* after a lone CR or LF */
	DATA_INSIDE,
};

struct data {
	bool normalise;
	bool ended;
	bool bare;      /* a lone CR or LF was met: refuse the message */
	bool false_end; /* and it made what somebody takes for an end */
	bool overlong;  /* a line is over DATA_LINE_MAX */
	unsigned flags; /* enum content_flag: 8BIT, STUFFED, LONG */
	uint64_t size;  /* octets as RFC 1870 counts: no stuffed dots */
	/* for data.c alone */
	enum data_place place;
	uint64_t line_len;
};

void data_begin(struct data *d, bool normalise);

/*
 * Scan what has come.  The content in it, in wire form and without the final
 * dot, is given to emit() in as few pieces as possible.  Returns how many
 * bytes were taken; up to two at the end may have to stand until more has
 * come, and are then to be given again in front of it.  So however the input
 * is cut into reads, the result is the same.  Once d->ended is set, what is
 * behind the bytes taken is no content any more.
 */
typedef void data_emit_fn(void *arg, const char *piece, size_t len);
size_t data_scan(struct data *d, struct str in, data_emit_fn *emit, void *arg);

#endif
