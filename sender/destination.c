/* SPDX-License-Identifier: ISC */
#include "destination.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "connect.h"
#include "job.h"
#include "local.h"
#include "outcome.h"
#include "paused.h"
#include "proc/loop.h"
#include "proc/shards.h"
#include "sender.h"
#include "suspension.h"

#define CROWDED_MS 60000
#define PRIOS      10

RB_HEAD(destination_tree, destination);
TAILQ_HEAD(ready_list, destination);

static struct destination_tree all = RB_INITIALIZER(&all);
static struct ready_list ready[PRIOS]; /* by priority; set up when used */
static struct ready_list settling = TAILQ_HEAD_INITIALIZER(settling);
static unsigned nconns;  /* of all destinations */
static bool slots_short; /* some destination lacks a connection for now */
static char short_prio;  /* the first priority that lacks one */

static int
destination_compare(const struct destination *a, const struct destination *b)
{
	return memcmp(a->tag, b->tag, TAG_LEN);
}

RB_PROTOTYPE(destination_tree, destination, link, destination_compare)
RB_GENERATE(destination_tree, destination, link, destination_compare)

struct destination *
destination_get(const char *tag)
{
	struct destination *d, key;

	memcpy(key.tag, tag, sizeof(key.tag));
	d = RB_FIND(destination_tree, &all, &key);
	if (d != NULL)
		return d;
	d = mem_alloc(sizeof(*d));
	memcpy(d->tag, tag, sizeof(d->tag));
	RB_INIT(&d->backlog.queue);
	LIST_INIT(&d->idle);
	d->paused = paused_covers(d);
	RB_INSERT(destination_tree, &all, d);
	return d;
}

static struct ready_list *
ready_list(char prio)
{
	struct ready_list *list = &ready[(unsigned)(prio - '0') % PRIOS];

	if (list->tqh_last == NULL)
		TAILQ_INIT(list);
	return list;
}

void
destination_not_ready(struct destination *d)
{
	if (d->ready)
		TAILQ_REMOVE(ready_list(d->ready_prio), d, ready_link);
	d->ready = false;
}

static bool
is_done(const struct destination *d)
{
	return d->backlog.count == 0 && !d->backlog.left_out &&
	       d->nconns == 0 && !destination_waits(d);
}

void
destination_settle(struct destination *d)
{
	if (d->settling || !is_done(d))
		return;
	d->settling = true;
	TAILQ_INSERT_TAIL(&settling, d, settle_link);
}

/* Only here, at the end of a turn, when nobody holds a pointer to it. */
static void
forget_done(void)
{
	struct destination *d;

	while ((d = TAILQ_FIRST(&settling)) != NULL) {
		TAILQ_REMOVE(&settling, d, settle_link);
		d->settling = false;
		if (!is_done(d))
			continue;
		destination_not_ready(d);
		suspension_forget(d);
		RB_REMOVE(destination_tree, &all, d);
		free(d->route);
		free(d);
	}
}

void
destination_each(void (*fn)(struct destination *d))
{
	struct destination *d, *next;

	RB_FOREACH_SAFE(d, destination_tree, &all, next)
	fn(d);
}

bool
destination_any(bool (*question)(const struct destination *d))
{
	struct destination *d;

	RB_FOREACH(d, destination_tree, &all)
	if (question(d))
		return true;
	return false;
}

void
destination_ready(struct destination *d)
{
	struct ready_list *list;

	if (d->backlog.count == 0 || destination_waits(d))
		return;
	if (d->ready && LIST_EMPTY(&d->idle) &&
	    d->ready_prio == backlog_prio(&d->backlog))
		return;
	destination_not_ready(d);
	d->ready = true;
	d->ready_prio = backlog_prio(&d->backlog);
	list = ready_list(d->ready_prio);
	if (LIST_EMPTY(&d->idle))
		TAILQ_INSERT_TAIL(list, d, ready_link);
	else /* needs no slot: never behind one that does */
		TAILQ_INSERT_HEAD(list, d, ready_link);
}

enum route_answer
destination_learn(struct destination *d, const struct job *job, size_t i)
{
	enum route_answer answer;

	d->route = mem_alloc(sizeof(*d->route));
	answer = job_find_route(job, i, d->route);
	if (answer == ROUTE_FOUND && strcmp(d->route->tag, d->tag) != 0)
		answer = ROUTE_NONE;
	if (answer == ROUTE_FOUND && profile_find(sender.worker->map,
					 d->route->profile, &d->profile) != 1)
		answer = ROUTE_TEMPFAIL;
	if (answer != ROUTE_FOUND) {
		destination_unlearn(d);
		return answer;
	}
	suspension_learn(d);
	destination_review_pause(d);
	return ROUTE_FOUND;
}

void
destination_unlearn(struct destination *d)
{
	free(d->route);
	d->route = NULL;
	if (d->paused) /* perhaps by a profile that it has no more */
		destination_review_pause(d);
}

void
destination_conn_opened(struct destination *d)
{
	d->nconns++;
	nconns++;
}

void
destination_conn_closed(struct destination *d)
{
	d->nconns--;
	nconns--;
	destination_ready(d);
	destination_settle(d);
}

/* ---- whether it can be reached ---- */

const char *
destination_name(const struct destination *d)
{
	return d->route != NULL ? d->route->destination : d->tag;
}

bool
destination_suspended(const struct destination *d)
{
	return d->suspended_ms != 0;
}

void
destination_lift(struct destination *d)
{
	d->crowded_ms = 0;
	suspension_lift(d);
	destination_ready(d);
}

/*
 * One more connection was refused while others serve: the destination takes no
 * more of them for now.
 */
void
destination_crowded(struct destination *d)
{
	d->crowd_limit = d->nreached;
	d->crowded_ms = clock_steady_ms() + CROWDED_MS;
}

/* ---- pauses ---- */

bool
destination_waits(const struct destination *d)
{
	return d->paused || destination_suspended(d);
}

void
destination_review_pause(struct destination *d)
{
	bool was = d->paused;

	d->paused = paused_covers(d);
	if (d->paused == was)
		return;
	if (d->paused)
		log_info("destination %s: paused destination=\"%s\"", d->tag,
		    destination_name(d));
	else
		log_info("destination %s: goes on destination=\"%s\"", d->tag,
		    destination_name(d));
	if (d->paused) {
		destination_not_ready(d);
		backlog_trim(d);
	} else {
		destination_ready(d);
		destination_settle(d);
	}
}

/* ---- who goes next ---- */

/*
 * A destination whose messages are dealt over several shards may be served by
 * several workers: each has the parts of its connections that belong to the
 * shards that it holds.  None when what is here was dealt by another map: it
 * has to be looked at to be sent back (job.c).
 */
static unsigned
limit_of(const struct destination *d)
{
	unsigned limit = 0;

	if (d->route == NULL)
		return d->nconns > 0 ? d->nconns : 1;
	if (d->route->kind == ROUTE_MAILDIR)
		return LOCAL_JOBS;
	for (unsigned s = 0; s < SHARDS; s++)
		if (shards_mine(s))
			limit += tag_part(d->tag, s, d->route->shards,
			    d->profile.concurrency);
	return limit > 0 ? limit : 1;
}

static unsigned
limit_now(const struct destination *d)
{
	unsigned limit = limit_of(d);

	if (d->failures > 0 && d->nreached == 0)
		return 1; /* a probe */
	if (d->crowded_ms > clock_steady_ms() && d->crowd_limit < limit)
		return d->crowd_limit;
	return limit;
}

static unsigned
share_of_worker(void)
{
	unsigned n = sender.set->connections_max / sender.worker->count;

	return n > 0 ? n : 1;
}

bool
destination_waits_for_slot(void)
{
	return slots_short;
}

bool
destination_is_outranked(const struct destination *d)
{
	return slots_short && short_prio < d->ready_prio;
}

/* Is one more connection due? A queue that its connections will soon have
 * emptied is left to them. */
static bool
wants_connection(const struct destination *d)
{
	return d->nconns < limit_now(d) && 2 * d->backlog.count > d->nconns;
}

bool
destination_has_spare(const struct destination *d)
{
	return d->backlog.count > 0 && LIST_EMPTY(&d->idle) &&
	       !destination_suspended(d) && !slots_short &&
	       !wants_connection(d);
}

/* Begin one message: false when there is no connection for it. */
static bool
begin_one(struct destination *d)
{
	struct conn *c = LIST_FIRST(&d->idle);
	struct job *job;

	if (c == NULL && nconns >= share_of_worker() && !conn_evict()) {
		slots_short = true;
		if (d->ready_prio < short_prio)
			short_prio = d->ready_prio;
		return false;
	}
	job = job_take(d);
	if (job == NULL)
		return true;
	if (c != NULL)
		connect_reuse(c, job);
	else if (!suspension_allows(d))
		job_return(job);
	else if (d->route->kind == ROUTE_MAILDIR)
		local_deliver(d, job);
	else
		connect_open(d, job);
	return true;
}

/* Serve the first of a list: false when no other of it can be served. */
static bool
serve(struct destination *d)
{
	if (LIST_EMPTY(&d->idle) && !wants_connection(d)) {
		destination_not_ready(d);
		return true;
	}
	if (!begin_one(d))
		return false;
	destination_not_ready(d);
	destination_ready(d);
	destination_settle(d);
	return true;
}

void
destination_run(void *arg)
{
	struct destination *d;

	(void)arg;
	slots_short = false;
	short_prio = '0' + PRIOS;
	for (char prio = '0'; prio < '0' + PRIOS; prio++)
		while (sender_may_begin() &&
		       (d = TAILQ_FIRST(ready_list(prio))) != NULL)
			if (!serve(d))
				break;
	forget_done();
}
