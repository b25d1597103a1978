/* SPDX-License-Identifier: ISC */
/*
 * AUTH (RFC 4954), when the profile names a credential.
 *
 * It is our configuration or the host's that is wrong when it fails, never the
 * message: that is deferred, and the log is told loudly.  What is sent, and the
 * password, are in no text.
 */
#ifndef SENDER_AUTH_H
#define SENDER_AUTH_H

#include <stdbool.h>

#include "reply.h"

struct conn;

bool auth_wanted(const struct conn *c);

/* Before the first reply: a host that was told the password once may show it in
 * any. */
void auth_prepare(struct conn *c);

/* Say AUTH; connect_greeted() or connect_refused() follows, perhaps from within
 * this call. */
void auth_begin(struct conn *c);
void auth_reply(struct conn *c, const struct reply *r);

/* The text of a reply, which is to be kept: without what this host was told in
 * secret. */
void auth_conceal(const struct conn *c, unsigned code, struct buf *text);

#endif
