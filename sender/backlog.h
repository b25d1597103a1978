/* SPDX-License-Identifier: ISC */
/*
 * The window on processed/: what is due now, by destination, from names alone.
 *
 * About BACKLOG_MAX names are kept in memory, and a share of that for one
 * destination; the rest is left on disk and read again when a destination that
 * has left some out runs low.  Who has used its share in a short time gets a
 * larger one, so that a fast destination is not read for all the time.  So memory
 * does not grow with the backlog, and a slow or a stalled destination takes no
 * room from the others.
 */
#ifndef SENDER_BACKLOG_H
#define SENDER_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/tree.h>

#include "mail/entry.h"

#define BACKLOG_MAX     100000 /* names a worker keeps, all destinations */
#define BACKLOG_FIRST   8000   /* of one at first */
#define BACKLOG_SHARE   1000   /* when it is suspended, or half of it is full */
#define BACKLOG_TRICKLE 8      /* of one destination, when the window is full */

struct destination;
struct waiting;
RB_HEAD(backlog_queue, waiting);

/* The names that wait for one destination: best priority first, then the
 * oldest. */
struct backlog {
	struct backlog_queue queue;
	size_t count;
	bool left_out;     /* more of it is on disk */
	size_t share;      /* has been given so much; 0: not yet */
	int64_t filled_ms; /* steady time of the reading that filled it up */
};

/* Start watching for arrivals; once a worker. */
void backlog_start(void);

/* This worker holds the shard now: watch processed/<s>, then read it. */
void backlog_shard(unsigned shard);

/* A name is in processed/: by the watch, a listing, or our own doing. */
void backlog_add(const struct entry *e);

/* Take the first name of a destination's queue: false when none is there. */
bool backlog_next(struct destination *d, struct entry *e_r);

/* The same, the first of those that arrived at or before that time. */
bool backlog_next_old(
    struct destination *d, int64_t arrival_s, struct entry *e_r);

/* The destination is suspended: keep no more in memory than its share. */
void backlog_trim(struct destination *d);

/* Priority of the first name in a queue that is not empty. */
char backlog_prio(const struct backlog *b);

/* The name could not be taken for a reason of ours: it is left on disk, and the
 * shard is read again later. */
void backlog_miss(const struct entry *e);

/* Names in memory, of all destinations. */
size_t backlog_total(void);

#endif
