/* SPDX-License-Identifier: ISC */
/*
 * Which host of a destination a connection is made to, and what follows from
 * what it answers.
 *
 * The rules: a host that cannot be reached or that answers for now with a 4xx
 * is followed by the next one for what it did not take.  A 5xx is an answer for
 * good: no other host is asked (profile option greeting-5xx next for greeting
 * and EHLO).  When all of a message was sent and no answer came, no other host
 * is asked now either: it may have been taken.
 */
#ifndef SENDER_CONNECT_H
#define SENDER_CONNECT_H

#include <stdbool.h>

#include "conn.h"

/* Open one for a job of the destination. */
void connect_open(struct destination *d, struct job *job);

/* Send a job over one that is idle. */
void connect_reuse(struct conn *c, struct job *job);

/* ---- told by the dialogue ---- */

/* The host greeted us well: it can take the job. */
void connect_greeted(struct conn *c);
/* May the next message be begun before this one is answered? Then it is this:
 * a job for c->next; else NULL. */
struct job *connect_next(struct conn *c);
/* The host refused us before any message, for good or for now. */
void connect_refused(struct conn *c, bool permanent, const char *text);
/* All recipients of the transaction have a result; the host can take more. */
void connect_sent(struct conn *c);
/* The connection is of no more use; what has no result yet is temporary, for
 * this reason, "4.4.2 lost connection after MAIL". */
void connect_lost(struct conn *c, const char *why);
/* The content in the file does not match its checksum: the final dot was
 * withheld. */
void connect_damaged(struct conn *c);

#endif
