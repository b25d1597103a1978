/* SPDX-License-Identifier: ISC */
/*
 * Addresses and domains as SMTP writes them (RFC 5321, 4.1.2 and 4.1.3; RFC
 * 6531 for UTF-8).  Nothing is allocated: results are slices of the input.
 * Layer: mail.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define ADDRESS_MAX 320 /* 64 + "@" + 255, RFC 5321, 4.5.3.1 */
#define DOMAIN_MAX  255

struct address {
	struct str whole;  /* "local@domain", "postmaster", or "" */
	struct str local;  /* as written, quotes included */
	struct str domain; /* without "@"; empty for <> and <postmaster> */
	bool literal;      /* the domain is an address literal, "[192.0.2.1]" */
	bool utf8;         /* holds non-ASCII: needs SMTPUTF8 */
};

/*
 * Parse "<...>" at the front of *rest, as after MAIL FROM: and RCPT TO:, and
 * cut it off.  A source route is accepted and ignored (RFC 5321, appendix C);
 * so are <> and <postmaster>, for the caller to take where they are allowed,
 * and UTF-8, which addr_r->utf8 tells.
 * Returns NULL, or what was expected instead, as a phrase for the reply; then
 * *rest is as it was.
 */
const char *address_cut_path(struct str *rest, struct address *addr_r);

/* Parse a bare address such as a table or an envelope holds, not empty: NULL
 * or what was expected. */
const char *address_parse(struct str text, struct address *addr_r);

/* Is it a domain name of letters, digits, hyphens and underscores, or with
 * utf8 of U-labels? NULL or what was expected. */
const char *domain_check(struct str text, bool utf8);

/*
 * The form that is looked up and compared: lower case; no trailing dot.
 * Returns -1 when it does not fit out (size bytes, NUL included).
 */
int domain_canonical(struct str domain, char *out, size_t size);

#endif
