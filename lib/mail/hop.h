/* SPDX-License-Identifier: ISC */
/*
 * A next hop, "[weight=]host[:port]": a name, an address or, for LMTP, a unix
 * socket.  Layer: mail.
 */
#ifndef MAIL_HOP_H
#define MAIL_HOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct hop {
	unsigned weight; /* lower first; equals share the load at random */
	struct str host; /* a name (its addresses are looked up), an address
	                  * without brackets, or the path of a unix socket */
	bool literal;    /* host is an address */
	bool is_unix;
	uint16_t port; /* 25 when none is written; 24 for LMTP, which RFC 2033
	                * forbids on 25 */
};

/* NULL, or what was expected, with *at_r where in the text.  The host points
 * into the text. */
const char *hop_parse(
    struct str text, bool lmtp, struct hop *h_r, const char **at_r);

/* Append the canonical form, with its weight or without. */
void hop_format(const struct hop *h, bool lmtp, bool weighted, struct buf *out);

/* The same place to deliver to? */
bool hop_same(const struct hop *a, const struct hop *b);
/* For qsort(3): by weight, then in any order that is always the same. */
int hop_compare(const void *one, const void *other);

#endif
