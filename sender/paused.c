/* SPDX-License-Identifier: ISC */
#include "paused.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "destination.h"
#include "mail/pause.h"
#include "proc/loop.h"
#include "sender.h"

#define TICK_MS 60000 /* the wall clock may jump: look at it so often */

static struct pauses pauses;
static struct loop_timer *end_timer;

bool
paused_covers(const struct destination *d)
{
	const char *profile = d->route != NULL ? d->profile.name : NULL;

	return pauses.n > 0 &&
	       pauses_find(&pauses, d->tag, profile, clock_wall_s()) != NULL;
}

/* Until the next pause ends by itself; -1: none does. */
static int64_t
next_end_ms(void)
{
	int64_t now_s = clock_wall_s(), left_ms, next_ms = -1;

	for (size_t i = 0; i < pauses.n; i++) {
		left_ms = (pauses.list[i].until_s - now_s) * 1000;
		if (left_ms > 0 && (next_ms == -1 || left_ms < next_ms))
			next_ms = left_ms;
	}
	return next_ms;
}

static void
set_timer(void)
{
	int64_t ms = next_end_ms();

	if (ms == -1)
		loop_timer_stop(end_timer);
	else
		loop_timer_set(end_timer, ms < TICK_MS ? ms : TICK_MS);
}

void
paused_read(void)
{
	if (pauses_read(sender.spool, &pauses) == -1)
		fatalx("control/: the pauses cannot be read");
	destination_each(destination_review_pause);
	set_timer();
}

/* All workers see its time; the first of them cleans up. */
static bool
drop_ended(void)
{
	int64_t now_s = clock_wall_s();
	bool any = false;

	for (size_t i = 0; i < pauses.n; i++) {
		const struct pause *p = &pauses.list[i];

		if (p->until_s == 0 || p->until_s > now_s)
			continue;
		any = true;
		if (sender.worker->number != 0)
			continue;
		log_info("pause of %s has ended by=%s", p->subject, p->who);
		control_done(sender.spool, ORDER_PAUSE, p->subject);
	}
	return any;
}

static void
on_end(void *arg)
{
	(void)arg;
	if (drop_ended())
		paused_read();
	else
		set_timer();
}

void
paused_start(void)
{
	end_timer = loop_timer_new(on_end, NULL);
	paused_read();
	on_end(NULL); /* some have ended while nobody looked */
}
