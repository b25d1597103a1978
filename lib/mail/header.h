/* SPDX-License-Identifier: ISC */
/*
 * The header of a message (RFC 5322, 2.2) as a rule or a person reads it:
 * fields unfolded, encoded words (RFC 2047) decoded to UTF-8.  Every byte is a
 * stranger's; nothing is refused, what cannot be read stays as it is written.
 * Layer: mail.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* One field as it is written; slices of the header. */
struct header_field {
	struct str name; /* without the colon and blanks before it */
	struct str body; /* behind the colon, folds and line end included */
};

/*
 * Cut the next field off *rest, lines that end in CRLF or LF; a line that is no
 * field is skipped.  False at the empty line that ends the header, or at the
 * end.
 */
bool header_next(struct str *rest, struct header_field *f_r);

/* Is the empty line in it that ends the header? */
bool header_is_whole(struct str text);

/*
 * Append the body of a field in its readable form: folds become one blank,
 * blanks at both ends are gone, encoded words in UTF-8, US-ASCII, ISO-8859-1,
 * ISO-8859-15 or windows-1252 are decoded; of another charset they stay as they
 * are.  Control characters become blanks.  Never longer than three times the
 * body.
 */
void header_decode(struct str body, struct buf *out);

#endif
