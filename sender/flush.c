/* SPDX-License-Identifier: ISC */
#include "flush.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/committer.h"
#include "proc/loop.h"
#include "sender.h"

static struct loop_timer *window;
static bool dirty;       /* since the latest flush began */
static bool flushing;    /* one is under way */
static bool due;         /* the window closed while one was */
static int64_t began_us; /* wall time at which it began */

static void begin(void);

static void
on_flushed(void *arg, int status)
{
	(void)arg;
	flushing = false;
	if (status != 0)
		log_warnx("flush of what was delivered: %s", strerror(status));
	else
		log_debug("flushed until=%" PRId64 ".%06" PRId64,
		    began_us / 1000000, began_us % 1000000);
	if (due)
		begin();
}

static void
begin(void)
{
	due = flushing;
	if (flushing || !dirty)
		return;
	loop_timer_stop(window);
	dirty = false;
	flushing = true;
	began_us = clock_wall_us();
	committer_flush(on_flushed, NULL);
}

static void
on_window(void *arg)
{
	(void)arg;
	begin();
}

void
flush_start(void)
{
	window = loop_timer_new(on_window, NULL);
}

void
flush_dirty(void)
{
	if (dirty)
		return;
	dirty = true;
	loop_timer_set(window, sender.set->duplicate_window_ms);
}

void
flush_now(void)
{
	begin();
}

bool
flush_clean(void)
{
	return !dirty && !flushing;
}
