/* SPDX-License-Identifier: ISC */
/*
 * The parts of a report, for dsn.c only: what people read (dsn_text.c) and
 * what programs read (dsn_fields.c).  Layer: mail.
 *
 * `utf8` says that the report may hold UTF-8; otherwise all that is not ASCII
 * comes out as "?".  Control characters do in any case.
 */
#ifndef MAIL_DSN_PART_H
#define MAIL_DSN_PART_H

#include <stdbool.h>

#include "base/buf.h"
#include "mail/dsn.h"

/* Append the part's lines, each with CRLF, none beginning with a dot.  `full`:
 * the whole message is returned. */
void dsn_text_add(const struct dsn *dsn, bool utf8, bool full, struct buf *out);
void dsn_fields_add(const struct dsn *dsn, bool utf8, struct buf *out);

/*
 * Append words of somebody's text, breaking lines before column 76 where it
 * can; a broken line goes on behind CRLF and the indent.
 */
void dsn_words_add(
    struct buf *out, const char *text, bool utf8, const char *indent);
/* The same on one line with every blank kept, cut when no line could hold it:
 * an address. */
void dsn_address_add(struct buf *out, const char *text, bool utf8);

#endif
