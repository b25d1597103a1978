/* SPDX-License-Identifier: ISC */
/*
 * What a next hop offers in its answer to EHLO or LHLO.
 */
#ifndef SENDER_OFFERS_H
#define SENDER_OFFERS_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/queuefile.h"
#include "reply.h"

struct offers {
	bool pipelining;   /* RFC 2920 */
	bool eightbit;     /* 8BITMIME, RFC 6152 */
	unsigned auth;     /* 1 << enum sasl_mechanism, RFC 4954 */
	bool starttls;     /* RFC 3207 */
	bool utf8;         /* SMTPUTF8, RFC 6531 */
	bool dsn;          /* RFC 3461 */
	bool size;         /* RFC 1870 */
	uint64_t size_max; /* 0: not said */
};

void offers_parse(const struct reply *r, struct offers *o_r);

/* Why a host with these offers can never take the message, "5.3.4 ..."; NULL:
 * it can. */
const char *offers_refuse(const struct offers *o, const struct preamble *p);

#endif
