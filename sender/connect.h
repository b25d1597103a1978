/* SPDX-License-Identifier: ISC */
/*
 * A connection: one of those that a destination may have, from the look-up of
 * its hosts to QUIT.  Here is which host is tried; what is said to it is in
 * dialogue.c.
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
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dialogue.h"
#include "resolve.h"
#include "target.h"

struct destination;
struct io;
struct job;
struct loop_timer;
struct tls;

struct conn {
	LIST_ENTRY(conn) idle_link; /* of its destination, while idle */
	TAILQ_ENTRY(conn) link;     /* of all, the longest idle first */
	struct destination *dest;
	struct job *job; /* under way; NULL: idle */
	struct resolve *resolve;
	struct target *targets; /* in the order in which they are tried */
	size_t ntargets;
	size_t target; /* the current one */
	char host
	    [TARGET_NAME_SIZE]; /* the current one, "mx.example[192.0.2.1]:25" */
	struct io *io;
	struct loop_timer *deadline; /* of the reply, or of being idle */
	struct tls *tls;             /* of io; NULL: in clear */
	uint64_t generation; /* of the map whose profile it was opened by */
	bool idle;
	bool lmtp;
	bool connecting;
	bool greeted;      /* this host's greeting and EHLO went well */
	bool ever_greeted; /* some host's did, since the job began */
	bool last_resort;  /* on a host that is not the best: not kept */
	unsigned messages; /* begun on this connection to the host */
	struct dialogue dialogue;
};

/* Open one for a job of the destination. */
void connect_open(struct destination *d, struct job *job);

/* Send a job over one that is idle. */
void connect_reuse(struct conn *c, struct job *job);

/* Close one that is idle and whose destination has nothing to send, to make
 * room: false when there is none. */
bool connect_evict(void);

/* A new map: connections that were opened by the profiles of the old one are
 * not used for another message. */
void connect_remap(void);

/* Free what was closed in this turn. */
void connect_reap(void *arg);

/* ---- told by the dialogue ---- */

/* The host greeted us well: it can take the job. */
void connect_greeted(struct conn *c);
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

/* ---- stopping ---- */

/* End idle connections, give back what was not begun; go on with the rest. */
void connect_stop(void);
/* Give up what is still under way. */
void connect_abort(void);
unsigned connect_count(void);

#endif
