/* SPDX-License-Identifier: ISC */
/*
 * A destination: what all messages with the same tag share, and the decision
 * which of them goes next over which connection.
 *
 * A destination that cannot be reached is suspended as a whole, with growing
 * back-off; then one message probes it.  What waits for it stays in processed/
 * meanwhile and uses up no retry.  So does what waits for a paused one.
 */
#ifndef SENDER_DESTINATION_H
#define SENDER_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include "backlog.h"
#include "mail/profile.h"
#include "mail/route.h"
#include "proc/outage.h"

struct conn;
struct job;
LIST_HEAD(conn_list, conn);

struct destination {
	RB_ENTRY(destination) link;
	TAILQ_ENTRY(destination) ready_link;
	TAILQ_ENTRY(destination) settle_link;
	bool ready;    /* in a list of those that may go on */
	bool settling; /* in the list of those that may be forgotten */
	char ready_prio;
	char tag[TAG_LEN + 1];
	struct backlog backlog;
	struct conn_list idle; /* connections that can take a message now */
	unsigned nconns;       /* all of its connections, idle ones too */
	struct route *route;   /* NULL: not learned yet from this map */
	struct profile profile;
	bool paused;           /* by an operator, see paused.h */
	unsigned failures;     /* times in a row that it could not be reached */
	int64_t suspended_ms;  /* steady time of the next probe, 0: not */
	bool probing;          /* it is this worker that may look whether it can
	                       * be reached again */
	struct outage *outage; /* what is known of that; NULL: not needed yet */
	struct outage own_outage; /* it, where no other worker needs it */
	unsigned nreached;        /* connections on which it has greeted us */
	unsigned crowd_limit; /* it refused more connections than these... */
	int64_t crowded_ms;   /* ...and is not asked until then */
};

/* Find it by its tag, making it when it is new. */
struct destination *destination_get(const char *tag);

/* Forget it at the end of the turn when nothing is left of it. */
void destination_settle(struct destination *d);

void destination_each(void (*fn)(struct destination *d));
bool destination_any(bool (*question)(const struct destination *d));

/* It has something to send, or a connection has become free. */
void destination_ready(struct destination *d);

/* Learn route and profile, which all of its messages share, from recipient i of
 * one of them.  ROUTE_NONE: that recipient's mail goes elsewhere. */
enum route_answer destination_learn(
    struct destination *d, const struct job *job, size_t i);

/* The map was replaced: what was learned from the old one is forgotten. */
void destination_unlearn(struct destination *d);

/* Nothing of it is to begin for now. */
void destination_not_ready(struct destination *d);

/* As people know it. */
const char *destination_name(const struct destination *d);

/* See suspension.h. */
bool destination_suspended(const struct destination *d);

/* It was learned or unlearned, or the pauses have changed. */
void destination_review_pause(struct destination *d);
/* Is it suspended or paused? Then nothing of it is claimed. */
bool destination_waits(const struct destination *d);

/* An operator says: try now. */
void destination_lift(struct destination *d);
/* It refuses one more connection while others serve: ask for no more now. */
void destination_crowded(struct destination *d);

/* Connections of a destination come and go. */
void destination_conn_opened(struct destination *d);
void destination_conn_closed(struct destination *d);

/* Does some destination wait for one of all connections that we may have? Then
 * those that have one are not to keep it for ever. */
bool destination_waits_for_slot(void);
/* Does one with a better priority wait? Then it gets the next that is free. */
bool destination_is_outranked(const struct destination *d);

/* Is there more to send than its connections, all it may have now, are at? */
bool destination_has_spare(const struct destination *d);

/* Give free connections their next message and open new ones: at the end of
 * each turn. */
void destination_run(void *arg);

#endif
