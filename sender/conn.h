/* SPDX-License-Identifier: ISC */
/*
 * A connection: one of those that a destination may have, from the look-up of
 * its hosts to QUIT.  Here it is made, rests, and ends; which host is tried is
 * in connect.h, what is said to it in dialogue.h.
 */
#ifndef SENDER_CONN_H
#define SENDER_CONN_H

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
struct sasl;
struct secret;
struct tls;

struct conn {
	LIST_ENTRY(conn) idle_link; /* of its destination, while idle */
	TAILQ_ENTRY(conn) link;     /* of all, the longest idle first */
	struct destination *dest;
	struct job *job;  /* under way; NULL: idle */
	struct job *next; /* begun while the answer for `job` is awaited */
	struct resolve *resolve;
	struct target *targets; /* in the order in which they are tried */
	size_t ntargets;
	size_t target; /* the current one */
	char host
	    [TARGET_NAME_SIZE]; /* the current one, "mx.example[192.0.2.1]:25" */
	struct io *io;
	struct loop_timer *deadline; /* of the reply, or of being idle */
	struct sasl *sasl;           /* AUTH is under way */
	struct loop_timer *work;     /* of sasl; NULL: it never had any */
	struct secret *secret;       /* of the host and us; NULL: none */
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

/* One more for the destination, with its first job; it goes nowhere yet. */
struct conn *conn_new(struct destination *d, struct job *job);

/* Leave the host; the connection may go on to another one. */
void conn_leave_host(struct conn *c);

/* The end.  It is freed when the turn is over (conn_reap), so that a handler
 * may still look at it. */
void conn_close(struct conn *c);
void conn_reap(void *arg);

/* May it take another message? */
bool conn_worth_keeping(const struct conn *c);

/* Nothing is under way: wait for more, or close it. */
void conn_rest(struct conn *c);
void conn_wake(struct conn *c);

/* Close one that rests and whose destination has nothing to send, to make room:
 * false when there is none. */
bool conn_evict(void);

/* A new map: connections that were opened by the profiles of the old one are
 * not used for another message. */
void conn_remap(void);

/* Stopping: end those that rest, give back what was not begun, go on with the
 * others; give up what is still under way. */
void conn_stop(void);
void conn_abort(void);
unsigned conn_count(void);

#endif
