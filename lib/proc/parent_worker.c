/* SPDX-License-Identifier: ISC */
/*
 * The worker's side of a daemon: what every worker does whatever its room is.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "proc/channel.h"
#include "proc/loop.h"
#include "proc/parent_private.h"
#include "proc/watch.h"

static struct {
	const struct room_main *room;
	struct worker *worker;
	struct loop_watch *lifeline;
	struct loop_timer *patience;
	bool stopping;
} worker;

static void
on_patience_over(void *arg)
{
	(void)arg;
	log_warnx("not finished after %d s: ending", PARENT_PATIENCE_S);
	log_flush();
	_exit(1);
}

static void
on_stop(void *arg)
{
	(void)arg;
	if (worker.stopping)
		return;
	worker.stopping = true;
	loop_timer_set(worker.patience, PARENT_PATIENCE_S * 1000);
	worker.room->stop();
}

/* Nobody writes to it: only its end is ever seen. */
static void
on_lifeline(void *arg, bool readable, bool writable)
{
	(void)readable;
	(void)writable;
	loop_watch_want(worker.lifeline, false, false);
	if (!worker.stopping)
		log_warnx("the parent has died: finishing");
	on_stop(arg);
}

/* ---- a new map ---- */

static void
read_settings(struct worker *w)
{
	static struct settings fresh;

	if (settings_read(w->map, &fresh) == 0)
		w->settings = fresh;
	spool_set_limits(w->spool, w->settings.reserve_bytes,
	    w->settings.reserve_inodes, w->settings.commit_syncfs_at);
}

static void
on_map(void *arg, int key)
{
	struct worker *w = worker.worker;

	(void)arg;
	(void)key;
	if (!map_refresh(&w->map))
		return;
	read_settings(w);
	worker.room->remap(w);
}

static void
on_map_name(void *arg, int key, const char *name)
{
	if (strcmp(name, MAP_FILE) == 0)
		on_map(arg, key);
}

/* The parent's map may be older than this worker. */
static void
follow_map(struct worker *w, int map_dir)
{
	struct watch *watch = watch_new(on_map_name, on_map, NULL);

	if (watch_add_writes(watch, map_dir, 0) == -1)
		fatalx("watch map/");
	map_refresh(&w->map);
	read_settings(w);
}

/* ---- its life ---- */

static void
take_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	loop_signal(SIGTERM, on_stop, NULL);
	loop_signal(SIGINT, on_stop, NULL);
	if (sigprocmask(SIG_SETMASK, &none, NULL) == -1)
		fatal("take signals");
}

static void
report_ready(const struct worker *w, int fd)
{
	unsigned char number = w->number;

	if (write(fd, &number, 1) == -1 && errno != EPIPE)
		log_warn("report to the parent");
}

void
parent_worker(const struct room_main *room, struct worker *w,
    const struct parent_ends *ends)
{
	setproctitle("worker %u", w->number);
	parent_notes_become(w->number);
	worker.room = room;
	worker.worker = w;
	loop_init();
	worker.patience = loop_timer_new(on_patience_over, NULL);
	worker.lifeline = loop_watch_new(ends->lifeline, on_lifeline, NULL);
	loop_watch_want(worker.lifeline, true, false);
	for (size_t i = 0; i < w->nlisteners; i++)
		channel_keep_from_helpers(w->listeners[i]);
	parent_deal_become(w->number);
	follow_map(w, ends->map_dir);
	room->start(w);
	take_signals();
	report_ready(w, ends->ready);
	loop_run();
	log_flush();
	exit(0);
}
