/* SPDX-License-Identifier: ISC */
/*
 * The client's side of SASL mechanisms (RFC 4616, RFC 5802, RFC 7677), by
 * libgsasl.  Challenges are a stranger's.
 *
 * What SCRAM hashes many times, so that passwords are hard to guess, is hashed
 * here in steps, since our loop has others to serve meanwhile.
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

enum sasl_result {
	SASL_ANSWERS, /* it was appended */
	SASL_WORKS,   /* sasl_work() has to be called, soon and again */
	SASL_FAILS,   /* for the reason, which holds nothing secret */
};

/* Append the answer to a challenge, both in base64. */
enum sasl_result sasl_answer(
    struct sasl *s, struct str challenge, struct buf *out, const char **why_r);
/* The same for the challenge that it works on; some milliseconds at most. */
enum sasl_result sasl_work(struct sasl *s, struct buf *out, const char **why_r);

/* Has all been said, and has the host proven what it must? */
bool sasl_done(const struct sasl *s);

#endif
