/* SPDX-License-Identifier: ISC */
/*
 * One message over a connection whose host has greeted us, from RSET or MAIL to
 * the answer to its end.
 */
#ifndef SENDER_TRANSACTION_H
#define SENDER_TRANSACTION_H

struct conn;
struct reply;

/* Begin with those recipients of c->job that have no result yet, or with the
 * first of them.  connect_sent() or connect_lost() follows, perhaps from within
 * this call. */
void transaction_begin(struct conn *c);

/* c->job was c->next until now: its commands have left already, or not. */
void transaction_resume(struct conn *c);

/* A reply to what was said last; the same, and the host closes (421); what was
 * written has left. */
void transaction_reply(struct conn *c, const struct reply *r);
void transaction_closing(struct conn *c, const struct reply *r);
void transaction_drained(struct conn *c);

#endif
