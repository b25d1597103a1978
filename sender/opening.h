/* SPDX-License-Identifier: ISC */
/*
 * What is said before the first message: greeting, EHLO, and once the host is
 * agreeable STARTTLS (RFC 3207) and EHLO again, since what was offered in clear
 * anybody may have written.
 *
 *	GREETING -> HELLO (-> HELO) (-> STARTTLS -> TLS -> HELLO)
 *	(-> AUTH) -> READY
 */
#ifndef SENDER_OPENING_H
#define SENDER_OPENING_H

#include <stdbool.h>

#include "reply.h"

struct conn;

/* The connection stands: await the greeting. */
void opening_begin(struct conn *c);

/* Replies to what was said, by their step. */
void opening_greeting(struct conn *c, const struct reply *r);
void opening_hello(struct conn *c, const struct reply *r);
void opening_starttls(struct conn *c, const struct reply *r);

/* Hands were shaken. */
void opening_secured(struct conn *c);

/* Is it between STARTTLS and the first reply that is secured?  In TLS 1.3 a host
 * that does not like us says so only after our end of the handshake. */
bool opening_secures(const struct conn *c);

#endif
