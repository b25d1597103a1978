/* SPDX-License-Identifier: ISC */
/*
 * What the profile asks of a connection's encryption, and what the host gives.
 *
 * Whatever a host fails to give is a reason to try the next one, or later; it
 * never makes mail go out in clear, but for the level opportunistic, and never
 * makes it fail for good.
 */
#ifndef SENDER_SECURITY_H
#define SENDER_SECURITY_H

#include <stdbool.h>
#include <stddef.h>

struct conn;

/* Set up TLS and read the authorities; again after a new map.  What cannot be
 * read leaves nobody trusted, and is logged. */
void security_start(void);
void security_remap(void);

/* Is STARTTLS to be said to this host, which offers it? */
bool security_wanted(const struct conn *c);

/* It agreed: begin the handshake.  False: bytes came in clear after that. */
bool security_begin(struct conn *c);

/*
 * Why nothing more may be said over the connection as it is now, in clear or
 * secured: "4.7.4 tls required (profile x): not offered".  NULL: it is as good
 * as its profile asks.
 */
const char *security_lacks(const struct conn *c);

/*
 * STARTTLS was agreed upon and came to nothing: "4.7.5 tls required (profile
 * x): wrong version number".
 */
const char *security_failed(const struct conn *c, const char *why);

/* Does the profile let us go on in clear after that?  Then this host is not
 * asked for TLS for a while. */
bool security_fall_back(struct conn *c, const char *why);

#endif
