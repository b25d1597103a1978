/* SPDX-License-Identifier: ISC */
/*
 * Replies of the next hop (RFC 5321, 4.2).  Every byte is a stranger's.
 */
#ifndef SENDER_REPLY_H
#define SENDER_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/str.h"

#define REPLY_MAX      16384 /* bytes of one reply, all its lines */
#define REPLY_TEXT_MAX 900   /* bytes of what is kept of it */

struct reply {
	unsigned code;    /* 200 to 599 */
	struct str lines; /* all of it, line ends included */
	const char *text; /* for the caller: what reply_format() makes of it */
};

/*
 * Take one whole reply off the front of `in`: how many bytes it has; 0 when
 * its last line has not come yet; -1 when this is no reply, or too long.  A
 * bare LF ends a line too; all lines must bear the same code.
 */
ssize_t reply_parse(struct str in, struct reply *r_r);

bool reply_positive(const struct reply *r); /* 2xx */

/* An answer to RCPT: is the recipient refused for good since nobody there knows
 * it?  By its enhanced status (RFC 3463, 3.2: X.1.N about the recipient; 5.4.1
 * with 550 is used for it too), else by the code: 550, 551, 553. */
bool reply_unknown(const struct reply *r);

/* Cut the next line off *lines, without code, separator and line end: false
 * when there is none. */
bool reply_line(struct str *lines, struct str *text_r);

/* Append the reply as one line of printable ASCII: the code, then the texts of
 * all lines; an enhanced status code that is repeated on each stands once. */
void reply_format(const struct reply *r, struct buf *out);

#endif
