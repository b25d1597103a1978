/* SPDX-License-Identifier: ISC */
#include "calendar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/tree.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "mail/profile.h"
#include "proc/loop.h"
#include "sender.h"

#define WAKE_BATCH 500  /* entries woken in one turn of the loop */
#define AGAIN_MS   2000 /* until what could not be read or woken is again */
#define SET_BACK_S 60   /* the wall clock that goes back so far was set */

struct sleeper {
	RB_ENTRY(sleeper) link;
	int64_t when_s; /* = due_s, or 0: due at once, whatever its name says */
	int64_t due_s;
	uint8_t shard;
	char prio;
	char tag[TAG_LEN + 1];
	char id[];
};
RB_HEAD(sleepers, sleeper);

/* The buckets of a shard that are on disk, in no order. */
struct buckets {
	int64_t *numbers;
	size_t n;
};

static struct sleepers sleepers = RB_INITIALIZER(&sleepers);
static size_t count;
static bool unread[SHARDS]; /* some of it, to be read when... */
static int64_t again_ms;    /* ...the steady clock says so */
static struct buckets buckets[SHARDS];

/* Whatever wakes before the horizon is in memory. */
static int64_t horizon_s;

static int64_t far_s;    /* what is due later than this from now... */
static int64_t looked_s; /* the wall time as it was seen last */

static struct loop_timer *ticker;

static int
sleeper_compare(const struct sleeper *a, const struct sleeper *b)
{
	if (a->when_s != b->when_s)
		return a->when_s < b->when_s ? -1 : 1;
	return strcmp(a->id, b->id);
}

RB_PROTOTYPE(sleepers, sleeper, link, sleeper_compare)
RB_GENERATE(sleepers, sleeper, link, sleeper_compare)

size_t
calendar_count(void)
{
	return count;
}

/* ---- buckets ---- */

static void
bucket_note(unsigned shard, int64_t number)
{
	struct buckets *b = &buckets[shard];

	for (size_t i = 0; i < b->n; i++)
		if (b->numbers[i] == number)
			return;
	b->numbers = mem_resize(b->numbers, b->n + 1, sizeof(*b->numbers));
	b->numbers[b->n++] = number;
}

static void
bucket_forget(unsigned shard, size_t i)
{
	struct buckets *b = &buckets[shard];

	b->numbers[i] = b->numbers[--b->n];
}

static int64_t
bucket_of(int64_t time_s)
{
	return time_s >> BUCKET_SHIFT;
}

static bool
is_far(int64_t due_s)
{
	return due_s > clock_wall_s() + far_s;
}

/* Does it hold, or may it hold, what wakes before the horizon? */
static bool
bucket_wanted(int64_t number)
{
	return number << BUCKET_SHIFT < horizon_s ||
	       is_far(number << BUCKET_SHIFT);
}

/* Will nothing be deferred into it any more? */
static bool
bucket_closed(int64_t number)
{
	return number < bucket_of(clock_wall_s()) ||
	       is_far(number << BUCKET_SHIFT);
}

/* Drop the closed buckets that have become empty. */
static void
sweep(void)
{
	for (unsigned s = 0; s < SHARDS; s++)
		for (size_t i = buckets[s].n; i-- > 0;)
			if (bucket_closed(buckets[s].numbers[i]) &&
			    spool_bucket_remove(
				sender.spool, s, buckets[s].numbers[i]) == 0)
				bucket_forget(s, i);
}

/* ---- entries ---- */

static void
sleeper_drop(struct sleeper *sl)
{
	RB_REMOVE(sleepers, &sleepers, sl);
	count--;
	free(sl);
}

/* Too many: what wakes last stays on disk only, and the horizon comes nearer. */
static void
shrink(void)
{
	struct sleeper *last;

	if (count <= CALENDAR_MAX)
		return;
	last = RB_MAX(sleepers, &sleepers);
	if (last->when_s < horizon_s)
		horizon_s = last->when_s;
	sleeper_drop(last);
}

static void
add(const struct entry *e)
{
	int64_t when_s = is_far(e->due_s) ? 0 : e->due_s;
	size_t len = strlen(e->id) + 1;
	struct sleeper *sl;

	if (when_s >= horizon_s)
		return;
	sl = mem_alloc(sizeof(*sl) + len);
	sl->when_s = when_s;
	sl->due_s = e->due_s;
	sl->shard = (uint8_t)e->shard;
	sl->prio = e->prio;
	memcpy(sl->tag, e->tag, sizeof(sl->tag));
	memcpy(sl->id, e->id, len);
	if (RB_INSERT(sleepers, &sleepers, sl) != NULL) {
		free(sl); /* known already */
		return;
	}
	count++;
	shrink();
}

static int
on_listed(void *arg, const struct entry *e)
{
	(void)arg;
	add(e);
	return 0;
}

static void
read_later(unsigned shard)
{
	unread[shard] = true;
	again_ms = clock_steady_ms() + AGAIN_MS;
}

static void
read_shard(unsigned shard)
{
	const struct buckets *b = &buckets[shard];

	for (size_t i = 0; i < b->n; i++)
		if (bucket_wanted(b->numbers[i]) &&
		    spool_list_bucket(sender.spool, shard, b->numbers[i],
			on_listed, NULL) == -1) {
			log_warn("read bucket %" PRId64 " of deferred/%u",
			    b->numbers[i], shard);
			read_later(shard);
		}
}

static int
on_bucket(void *arg, int64_t number)
{
	unsigned *shard = arg;

	bucket_note(*shard, number);
	return 0;
}

/* Its buckets, and what of them wakes before the horizon. */
static void
read_whole(unsigned shard)
{
	unread[shard] = false;
	if (spool_list_buckets(sender.spool, shard, on_bucket, &shard) == -1) {
		log_warn("read deferred/%u", shard);
		read_later(shard);
	}
	read_shard(shard);
}

static void
read_again(void)
{
	for (unsigned s = 0; s < SHARDS; s++)
		if (unread[s] && clock_steady_ms() >= again_ms)
			read_whole(s);
}

/* Nothing is left of what was read: look as far as the end of the current
 * bucket. */
static void
read_on(void)
{
	horizon_s = (bucket_of(clock_wall_s()) + 1) << BUCKET_SHIFT;
	sweep();
	for (unsigned s = 0; s < SHARDS; s++)
		read_shard(s);
}

/* Everything is reckoned by times that hold no more: begin again. */
static void
read_anew(void)
{
	struct sleeper *sl;

	while ((sl = RB_MIN(sleepers, &sleepers)) != NULL)
		sleeper_drop(sl);
	read_on();
}

/* What time is it?  And was the clock set back since we asked last? */
static int64_t
look(void)
{
	int64_t now_s = clock_wall_s(), was_s = looked_s;

	looked_s = now_s;
	if (now_s < was_s - SET_BACK_S)
		read_anew();
	return now_s;
}

/* ---- waking ---- */

static void
wake(struct sleeper *sl)
{
	struct entry e = {
	    .state = STATE_DEFERRED,
	    .shard = sl->shard,
	    .prio = sl->prio,
	    .due_s = sl->due_s,
	};

	memcpy(e.tag, sl->tag, sizeof(e.tag));
	memcpy(e.id, sl->id, strlen(sl->id) + 1);
	sleeper_drop(sl);
	/* the watch on processed/ sees it */
	if (spool_wake(sender.spool, &e) == -1 && errno != ENOENT)
		read_later(e.shard); /* it is still there */
}

static bool
nothing_deferred(void)
{
	size_t n = count;

	for (unsigned s = 0; s < SHARDS; s++)
		n += buckets[s].n + unread[s];
	return n == 0;
}

static void
on_tick(void *arg)
{
	int64_t now_s = look();
	struct sleeper *sl;
	unsigned woken = 0;

	(void)arg;
	read_again();
	while ((sl = RB_MIN(sleepers, &sleepers)) != NULL &&
	       sl->when_s <= now_s && woken < WAKE_BATCH) {
		wake(sl);
		woken++;
	}
	if (sl == NULL && now_s >= horizon_s)
		read_on();
	if (woken > 0 && (sl == NULL || sl->when_s > now_s))
		sweep();
	if (!nothing_deferred())
		loop_timer_set(
		    ticker, woken == WAKE_BATCH ? 0 : clock_look_ms());
}

void
calendar_deferred(const struct entry *e)
{
	if (nothing_deferred())
		loop_timer_set(ticker, clock_look_ms());
	look();
	bucket_note(e->shard, bucket_of(e->due_s));
	add(e);
}

void
calendar_shard(unsigned shard)
{
	read_whole(shard);
	loop_timer_set(ticker, 0);
}

static int64_t
far_by_map(void)
{
	return profile_longest_delay(sender.worker->map) + CALENDAR_SLACK_S;
}

void
calendar_remap(void)
{
	int64_t was_s = far_s;

	far_s = far_by_map();
	if (far_s != was_s)
		read_anew();
}

void
calendar_start(void)
{
	far_s = far_by_map();
	horizon_s = (bucket_of(clock_wall_s()) + 1) << BUCKET_SHIFT;
	ticker = loop_timer_new(on_tick, NULL);
}
