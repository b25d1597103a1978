/* SPDX-License-Identifier: ISC */
/*
 * Does a recipient of a local domain exist?  Asked at RCPT, so that mail for
 * nobody is refused to who sends it and never bounced.  Layer: mail.
 */
#ifndef MAIL_RECIPIENT_H
#define MAIL_RECIPIENT_H

#include <stddef.h>

#include "mail/map.h"

enum recipient_answer {
	RECIPIENT_UNCHECKED, /* nobody has said whom its domain has */
	RECIPIENT_KNOWN,
	RECIPIENT_UNKNOWN,  /* 5.1.1 */
	RECIPIENT_TEMPFAIL, /* the map is damaged */
};

/*
 * A recipient of a domain whose row says "recipients=listed" is known when the
 * table of recipients or that of aliases has it, or a catch-all for just its
 * domain, or when the routing table has an entry for the address itself;
 * postmaster always is (RFC 5321, 4.5.1).  One that is rewritten is asked for as
 * that.  where_r, when given, becomes FILE:LINE of what says so: for an unknown
 * one of its domain, else "".
 */
enum recipient_answer recipient_check(
    struct map *m, const char *address, char where_r[256]);

#endif
