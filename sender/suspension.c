/* SPDX-License-Identifier: ISC */
#include "suspension.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "destination.h"
#include "overdue.h"
#include "proc/loop.h"

#define BACKOFF_MIN_S 10
#define BACKOFF_MAX_S (15 * 60)
#define TICK_MS       1000
#define LONG_AGO_MS   3600000 /* then a failure is no row of failures */

static struct loop_timer *ticker;

static uint64_t
key_of(const struct destination *d)
{
	uint64_t key;

	_Static_assert(sizeof(key) == TAG_LEN, "a tag is a key");
	memcpy(&key, d->tag, sizeof(key));
	return key;
}

static struct outage *
outage_of(struct destination *d)
{
	if (d->outage == NULL && d->route != NULL && d->route->shards > 1)
		d->outage = outage_find(key_of(d), true);
	if (d->outage == NULL)
		d->outage = &d->own_outage;
	return d->outage;
}

/* It has failed and nobody has reached it since, as far as we see. */
static bool
is_probe(const struct destination *d)
{
	return d->failures > 0 && d->nreached == 0;
}

/* ---- waiting ---- */

static bool any_left; /* found while they are walked */

static void on_tick(void *arg);

static void
start_ticker(void)
{
	if (ticker == NULL)
		ticker = loop_timer_new(on_tick, NULL);
	loop_timer_set(ticker, TICK_MS);
}

/* As the outage says. */
static void
adopt(struct destination *d, int64_t until_ms)
{
	d->failures = atomic_load(&d->outage->failures);
	d->suspended_ms = until_ms;
	destination_not_ready(d);
	backlog_trim(d);
	start_ticker();
}

static void
resume(struct destination *d)
{
	d->failures = atomic_load(&d->outage->failures);
	d->suspended_ms = 0;
	destination_ready(d);
	destination_settle(d);
}

/* Another worker has failed to reach it since we looked: what waits here is not
 * forgotten either. */
static void
see_failure(struct destination *d)
{
	char reason[OUTAGE_REASON_SIZE];

	outage_reason(d->outage, reason);
	overdue_review(d, reason);
}

static void
review(struct destination *d)
{
	int64_t now_ms = clock_steady_ms(), until_ms;
	unsigned seen = d->failures;

	if (d->probing && d->nconns == 0)
		suspension_forget(d);
	if (d->probing)
		outage_renew(d->outage, now_ms);
	any_left |= d->probing;
	if (!destination_suspended(d))
		return;
	until_ms = atomic_load(&d->outage->until_ms);
	if (until_ms > now_ms) {
		adopt(d, until_ms);
		if (d->failures != seen)
			see_failure(d);
	} else {
		resume(d);
	}
	any_left |= destination_suspended(d);
}

static void
on_tick(void *arg)
{
	(void)arg;
	any_left = false;
	destination_each(review);
	if (any_left)
		loop_timer_set(ticker, TICK_MS);
}

/* ---- the order of things ---- */

static int64_t
backoff_s(const struct destination *d, unsigned failures)
{
	int64_t wait_s = BACKOFF_MIN_S;

	for (unsigned i = 0; i < failures && wait_s < BACKOFF_MAX_S; i++)
		wait_s *= 2;
	if (wait_s > BACKOFF_MAX_S)
		wait_s = BACKOFF_MAX_S;
	return wait_s < d->profile.retry_s[0] ? wait_s : d->profile.retry_s[0];
}

/* Connections to it fail together: only the first counts. */
void
suspension_begin(struct destination *d, const char *reason)
{
	struct outage *o = outage_of(d);
	int64_t now_ms = clock_steady_ms(), wait_s;
	bool counts;

	if (destination_suspended(d))
		return;
	wait_s = backoff_s(d, atomic_load(&o->failures));
	counts = outage_extend(
	    o, now_ms, now_ms + wait_s * 1000, d->probing, reason);
	d->probing = false;
	adopt(d, atomic_load(&o->until_ms));
	if (counts)
		log_info("destination %s: suspended for=%llds failures=%u "
			 "reason=\"%s\" destination=\"%s\"",
		    d->tag, (long long)wait_s, d->failures, reason,
		    destination_name(d));
}

void
suspension_end(struct destination *d)
{
	if (d->outage == NULL && d->route != NULL && d->route->shards > 1)
		d->outage = outage_find(key_of(d), false);
	if (d->outage == NULL || atomic_load(&d->outage->failures) == 0)
		return;
	log_info("destination %s: reached again failures=%u destination=\"%s\"",
	    d->tag, atomic_load(&d->outage->failures), destination_name(d));
	suspension_lift(d);
}

void
suspension_lift(struct destination *d)
{
	d->probing = false;
	if (d->outage == NULL)
		return;
	outage_end(d->outage);
	resume(d);
}

void
suspension_learn(struct destination *d)
{
	int64_t now_ms = clock_steady_ms(), until_ms;

	if (d->outage == NULL && d->route->shards > 1)
		d->outage = outage_find(key_of(d), false);
	if (d->outage == NULL || atomic_load(&d->outage->failures) == 0)
		return;
	until_ms = atomic_load(&d->outage->until_ms);
	if (until_ms > now_ms)
		adopt(d, until_ms);
	else if (until_ms < now_ms - LONG_AGO_MS)
		outage_end(d->outage);
	else
		d->failures = atomic_load(&d->outage->failures);
}

/* The worker that may probe connects; for the others it goes on as before,
 * until they see what came of it. */
bool
suspension_allows(struct destination *d)
{
	if (!is_probe(d) || d->probing)
		return true;
	if (outage_claim(outage_of(d), clock_steady_ms())) {
		d->probing = true;
		start_ticker();
		return true;
	}
	adopt(d, atomic_load(&d->outage->until_ms));
	return false;
}

void
suspension_forget(struct destination *d)
{
	if (d->probing)
		outage_release(d->outage, clock_steady_ms());
	d->probing = false;
}
