/* SPDX-License-Identifier: ISC */
/*
 * Content as people's programs read it: lines end in LF, and the dots that SMTP
 * put before others are taken off (RFC 5321, 4.5.2).  A CR elsewhere stays.
 * Layer: mail.
 */
#ifndef MAIL_UNWIRE_H
#define MAIL_UNWIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Where the last piece ended; {0} before the first. */
struct unwire {
	bool in_line;  /* not at the beginning of a line */
	bool cr_waits; /* for the LF that may come */
};

/* Append what a piece of content stands for; lines may go on in the next. */
void unwire_add(
    struct unwire *u, const char *data, size_t len, struct buf *out);

/* There is no next: a CR that waits is one. */
void unwire_end(struct unwire *u, struct buf *out);

#endif
