/* SPDX-License-Identifier: ISC */
#include "backlog.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "destination.h"
#include "proc/loop.h"
#include "proc/watch.h"
#include "sender.h"

#define RESCAN_MS 1000 /* at least so long between two readings */
#define LOW       (BACKLOG_SHARE / 8) /* a queue so short is filled up */
#define GROWTH    8
#define SHORT_MS  10000 /* a share that lasts no longer grows */

struct waiting {
	RB_ENTRY(waiting) link;
	char prio;
	uint8_t shard;
	char id[]; /* with suffixes */
};

static struct watch *watch;
static struct loop_timer *rescan_timer;
static bool rescan_set;    /* the timer is running */
static int64_t rescan_ms;  /* steady time of the latest reading */
static bool more[SHARDS];  /* names of it were left on disk */
static bool unread;        /* one of these could not be read */
static bool again[SHARDS]; /* of these the reading under way is to read */
static bool reading;
static size_t total;

static int
waiting_compare(const struct waiting *a, const struct waiting *b)
{
	if (a->prio != b->prio)
		return a->prio < b->prio ? -1 : 1;
	return strcmp(a->id, b->id);
}

RB_PROTOTYPE(backlog_queue, waiting, link, waiting_compare)
RB_GENERATE(backlog_queue, waiting, link, waiting_compare)

static void
waiting_drop(struct backlog *b, struct waiting *w)
{
	RB_REMOVE(backlog_queue, &b->queue, w);
	b->count--;
	total--;
	free(w);
}

static void
rescan_in(int64_t ms)
{
	rescan_set = true;
	loop_timer_set(rescan_timer, ms);
}

/* A name stays on disk only; the shard is read again when there is room. */
static void
leave_out(struct backlog *b, unsigned shard)
{
	b->left_out = true;
	more[shard] = true;
	if (!rescan_set)
		rescan_in(RESCAN_MS);
}

/* How many names of this destination may be in memory now. */
static size_t
share_of(const struct destination *d)
{
	if (total >= BACKLOG_MAX)
		return BACKLOG_TRICKLE;
	if (destination_waits(d))
		return BACKLOG_SHARE;
	if (d->backlog.share > 0)
		return d->backlog.share;
	return total < BACKLOG_MAX / 2 ? BACKLOG_FIRST : BACKLOG_SHARE;
}

/* It runs low and is filled up now: with more, if the last time is not long
 * ago. */
static void
give_share(struct destination *d)
{
	struct backlog *b = &d->backlog;
	int64_t now = clock_steady_ms();
	size_t share = share_of(d);

	if (b->filled_ms > 0 && now - b->filled_ms < SHORT_MS)
		share *= GROWTH;
	b->share = share > BACKLOG_MAX / 2 ? BACKLOG_MAX / 2 : share;
	b->filled_ms = now;
}

static bool
goes_before_worst(struct backlog *b, const struct entry *e)
{
	const struct waiting *w = RB_MAX(backlog_queue, &b->queue);

	if (w == NULL || e->prio != w->prio)
		return w != NULL && e->prio < w->prio;
	return strcmp(e->id, w->id) < 0;
}

/* Make room for a name in a full queue, or leave the name out. */
static bool
find_room(struct destination *d, const struct entry *e)
{
	struct backlog *b = &d->backlog;
	struct waiting *worst;

	if (b->count < share_of(d) && total < (size_t)2 * BACKLOG_MAX)
		return true;
	if (!goes_before_worst(b, e)) {
		leave_out(b, e->shard);
		return false;
	}
	worst = RB_MAX(backlog_queue, &b->queue);
	leave_out(b, worst->shard);
	waiting_drop(b, worst);
	return true;
}

void
backlog_add(const struct entry *e)
{
	struct destination *d = destination_get(e->tag);
	size_t len = strlen(e->id) + 1;
	struct waiting *w;

	if (!find_room(d, e))
		return;
	w = mem_alloc(sizeof(*w) + len);
	w->prio = e->prio;
	w->shard = (uint8_t)e->shard;
	memcpy(w->id, e->id, len);
	if (RB_INSERT(backlog_queue, &d->backlog.queue, w) != NULL) {
		free(w); /* seen by the watch and by a listing */
		return;
	}
	d->backlog.count++;
	total++;
	destination_ready(d);
}

/* Does it run low while more of it is on disk, and could use it? */
static bool
runs_low(const struct destination *d)
{
	return d->backlog.left_out && d->backlog.count <= LOW &&
	       !destination_waits(d);
}

/* Read the disk as soon as a destination runs low, but not all the time. */
static void
refill(const struct destination *d)
{
	if (runs_low(d) && clock_steady_ms() - rescan_ms >= RESCAN_MS)
		rescan_in(0);
}

/* Take it off its queue; *e_r becomes its name. */
static void
take(struct destination *d, struct waiting *w, struct entry *e_r)
{
	memset(e_r, 0, sizeof(*e_r));
	e_r->state = STATE_PROCESSED;
	e_r->shard = w->shard;
	e_r->prio = w->prio;
	memcpy(e_r->tag, d->tag, sizeof(e_r->tag));
	memcpy(e_r->id, w->id, strlen(w->id) + 1);
	waiting_drop(&d->backlog, w);
}

bool
backlog_next(struct destination *d, struct entry *e_r)
{
	struct waiting *w = RB_MIN(backlog_queue, &d->backlog.queue);

	if (w != NULL)
		take(d, w, e_r);
	refill(d);
	return w != NULL;
}

bool
backlog_next_old(struct destination *d, int64_t arrival_s, struct entry *e_r)
{
	struct waiting *w;

	RB_FOREACH(w, backlog_queue, &d->backlog.queue)
	if (id_time_us(w->id) / 1000000 <= arrival_s) {
		take(d, w, e_r);
		return true;
	}
	return false;
}

void
backlog_trim(struct destination *d)
{
	struct waiting *worst;

	d->backlog.share = 0;
	while (d->backlog.count > BACKLOG_SHARE) {
		worst = RB_MAX(backlog_queue, &d->backlog.queue);
		leave_out(&d->backlog, worst->shard);
		waiting_drop(&d->backlog, worst);
	}
}

char
backlog_prio(const struct backlog *b)
{
	const struct waiting *w =
	    RB_MIN(backlog_queue, (struct backlog_queue *)&b->queue);

	return w->prio;
}

void
backlog_miss(const struct entry *e)
{
	leave_out(&destination_get(e->tag)->backlog, e->shard);
}

size_t
backlog_total(void)
{
	return total;
}

static int
on_listed(void *arg, const struct entry *e)
{
	(void)arg;
	backlog_add(e);
	return 0;
}

static void
begin_reading(struct destination *d)
{
	if (runs_low(d))
		give_share(d);
	d->backlog.left_out = false;
}

/* What could not be read is read again. */
static void
read_shard(unsigned shard)
{
	if (spool_list(sender.spool, STATE_PROCESSED, shard, true, on_listed,
		NULL) == -1) {
		log_warn("read processed/%u", shard);
		more[shard] = unread = true;
		if (!rescan_set)
			rescan_in(RESCAN_MS);
	}
}

static void
rescan_later(void)
{
	bool left = false;

	for (unsigned s = 0; s < SHARDS; s++)
		left |= more[s];
	if (left && !rescan_set)
		rescan_in(RESCAN_MS);
}

/* One shard in a turn of the loop: it may have a hundred thousand names, and
 * connections are not to wait for all of them. */
static void
read_next(void *arg)
{
	unsigned s = 0;

	(void)arg;
	while (s < SHARDS && !again[s])
		s++;
	if (s < SHARDS) {
		again[s] = false;
		read_shard(s);
		loop_soon(read_next, NULL);
		return;
	}
	reading = false;
	destination_each(destination_settle);
	rescan_ms = clock_steady_ms();
	rescan_later();
}

static void
read_again(void)
{
	memcpy(again, more, sizeof(again));
	memset(more, 0, sizeof(more));
	unread = false;
	reading = true;
	destination_each(begin_reading);
	read_next(NULL);
}

static void
on_rescan_time(void *arg)
{
	(void)arg;
	rescan_set = false;
	if (reading)
		return; /* its end looks again */
	if (unread || destination_any(runs_low))
		read_again();
	else
		rescan_later();
}

static void
on_name(void *arg, int key, const char *name)
{
	struct entry e;

	(void)arg;
	if (entry_parse(STATE_PROCESSED, (unsigned)key, name, &e) == 0)
		backlog_add(&e);
}

static void
on_rescan(void *arg, int key)
{
	(void)arg;
	read_shard((unsigned)key);
}

void
backlog_start(void)
{
	watch = watch_new(on_name, on_rescan, NULL);
	rescan_timer = loop_timer_new(on_rescan_time, NULL);
}

void
backlog_shard(unsigned shard)
{
	if (watch_add(watch, sender.spool->processed[shard], (int)shard) == -1)
		fatalx("processed/%u: cannot be watched", shard);
	read_shard(shard);
}
