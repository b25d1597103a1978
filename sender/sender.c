/* SPDX-License-Identifier: ISC */
/*
 * ROOM      sender: delivers what is due, to next hops and maildirs.
 * RUNS AS   stage-send, confined by proc/confine.
 * MAY       connect out; claim from processed/, write deferred/, held/ and
 *           corrupt/; publish its reports into incoming/.
 * MAY NOT   listen or accept.
 * TRUSTS    the map; no byte from a next hop.
 * IF IT     dies, what it had claimed is found in sending/ and tried again;
 *           what a next hop took within the duplicate window may arrive twice.
 *
 * Path of a message:  calendar.c or [engine] -> backlog.c -> destination.c ->
 *                     job.c -> connect.c, dialogue.c or local.c -> outcome.c
 *                     -> gone, or bounce.c and calendar.c
 */
#include "sender.h"

#include "backlog.h"
#include "base/clock.h"
#include "base/log.h"
#include "calendar.h"
#include "connect.h"
#include "destination.h"
#include "flush.h"
#include "job.h"
#include "local.h"
#include "maildir.h"
#include "orders.h"
#include "outcome.h"
#include "proc/committer.h"
#include "proc/loop.h"
#include "proc/shards.h"
#include "resolve.h"
#include "security.h"

#define PAUSE_MS      1000
#define RECOVER_MS    1000
#define SETTLING_MAX  200 /* jobs whose reports wait for the disk */
#define STOP_GRACE_MS ((PARENT_PATIENCE_S - 5) * 1000)

struct sender sender;

static struct loop_timer *pause_timer;
static struct loop_timer *stop_timer;
static bool paused;
static struct loop_timer *recover_timer;
static bool unrecovered[SHARDS]; /* to be tried again */

bool
sender_may_begin(void)
{
	return !sender.stopping && !paused && !outcome_stuck() &&
	       !spool_failed(sender.spool) && outcome_busy() < SETTLING_MAX;
}

static void
on_pause_end(void *arg)
{
	(void)arg;
	paused = false;
	destination_each(destination_ready);
}

void
sender_pause(void)
{
	paused = true;
	loop_timer_set(pause_timer, PAUSE_MS);
}

static bool
is_claimed(const struct entry *e)
{
	return job_find(e->id) != NULL;
}

/* What a dead worker had claimed. */
static void
recover(unsigned shard)
{
	unrecovered[shard] =
	    spool_recover_sending(sender.spool, shard, is_claimed) == -1;
	if (!unrecovered[shard])
		return;
	log_warnx("sending/%u: not all recovered, trying again", shard);
	loop_timer_set(recover_timer, RECOVER_MS);
}

static void
on_recover_time(void *arg)
{
	(void)arg;
	for (unsigned s = 0; s < SHARDS; s++)
		if (unrecovered[s])
			recover(s);
}

/* Recover, then watch, then read. */
static void
on_shard(void *arg, unsigned shard)
{
	(void)arg;
	spool_clean_slot(sender.spool, shard);
	recover(shard);
	backlog_shard(shard);
	calendar_shard(shard);
}

/* ---- stopping ---- */

static void
end_when_quiet(void *arg)
{
	(void)arg;
	if (!sender.stopping || conn_count() > 0 || local_count() > 0 ||
	    outcome_busy() > 0)
		return;
	flush_now();
	if (flush_clean() && committer_busy() == 0)
		loop_stop();
}

/* What is claimed still stays in sending/ and is recovered by the next worker
 * that holds its shard. */
static void
on_stop_late(void *arg)
{
	(void)arg;
	conn_abort();
	loop_stop();
}

static void
sender_stop(void)
{
	sender.stopping = true;
	shards_stop();
	conn_stop();
	loop_timer_set(stop_timer, STOP_GRACE_MS);
}

/* ---- starting ---- */

/*
 * Only we change sending/ of our shards.  When that was long ago either the
 * system was off, or its clock is wrong and will be set right: whoever is too
 * old by it is not given up at the first failure.
 */
static void
doubt_clock(const struct worker *w)
{
	int64_t seen_s = 0, s_s;

	for (unsigned s = w->number; s < SHARDS; s += w->count) {
		s_s = spool_changed_s(w->spool, STATE_SENDING, s);
		seen_s = s_s > seen_s ? s_s : seen_s;
	}
	if (clock_doubt(seen_s))
		log_info("nothing is given up for an hour: the clock says that "
			 "nothing was sent for more than a day, or that it has "
			 "gone back");
}

static void
sender_start(struct worker *w)
{
	sender.worker = w;
	sender.spool = w->spool;
	sender.set = &w->settings;
	committer_start(w->spool); /* helpers first: they are forks of us */
	resolve_start(sender.set);
	security_start();
	maildir_start(w->spool->root);
	pause_timer = loop_timer_new(on_pause_end, NULL);
	recover_timer = loop_timer_new(on_recover_time, NULL);
	stop_timer = loop_timer_new(on_stop_late, NULL);
	outcome_start();
	flush_start();
	calendar_start();
	backlog_start();
	loop_on_turn(destination_run, NULL);
	loop_on_turn(conn_reap, NULL);
	loop_on_turn(end_when_quiet, NULL);
	orders_start();
	doubt_clock(w);
	shards_start(w, on_shard, NULL);
}

static void
sender_remap(struct worker *w)
{
	(void)w;
	resolve_settings(sender.set);
	security_remap();
	conn_remap();
	calendar_remap();
	destination_each(destination_unlearn);
}

static unsigned
sender_workers(const struct settings *set)
{
	return set->sender_workers;
}

int
main(int argc, char *argv[])
{
	static const struct room_main room = {
	    .room = ROOM_SENDER,
	    .workers = sender_workers,
	    .start = sender_start,
	    .stop = sender_stop,
	    .remap = sender_remap,
	};

	return parent_main(&room, argc, argv);
}
