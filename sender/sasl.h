/* SPDX-License-Identifier: ISC */
/*
 * The client's side of SASL mechanisms (RFC 4616, RFC 5802, RFC 7677), by
 * libgsasl.  Challenges are a stranger's.
 */
#ifndef SENDER_SASL_H
#define SENDER_SASL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/credential.h"

/* In the order in which we choose. */
enum sasl_mechanism {
	SASL_SCRAM_SHA_256,
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_MECHANISMS,
};

/* SASL_MECHANISMS: none that we know. */
enum sasl_mechanism sasl_find(struct str name);
const char *sasl_name(enum sasl_mechanism m);

struct sasl;

/* NULL when the library refuses. */
struct sasl *sasl_new(enum sasl_mechanism m, const struct credential *c);
void sasl_free(struct sasl **s);

/* Does it speak first? */
bool sasl_begins(enum sasl_mechanism m);

/* Append the answer to a challenge, both in base64: 0, or -1 with the reason,
 * which holds nothing secret, in *why_r. */
int sasl_answer(
    struct sasl *s, struct str challenge, struct buf *out, const char **why_r);

/* Has all been said, and has the host proven what it must? */
bool sasl_done(const struct sasl *s);

#endif
