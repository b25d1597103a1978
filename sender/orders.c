/* SPDX-License-Identifier: ISC */
#include "orders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "destination.h"
#include "flush.h"
#include "job.h"
#include "mail/control.h"
#include "marks.h"
#include "paused.h"
#include "proc/loop.h"
#include "proc/watch.h"
#include "sender.h"

#define LOOK_MS 3600000 /* orders without an object are looked for so often */

struct standing {
	LIST_ENTRY(standing) link;
	enum order order;
	char id[ID_SIZE];
};

static LIST_HEAD(, standing) standing = LIST_HEAD_INITIALIZER(standing);
static struct watch *watch;
static struct loop_timer *look_timer;

static struct standing *
find(const char *id)
{
	struct standing *st;

	LIST_FOREACH(st, &standing, link)
	if (strcmp(st->id, id) == 0)
		return st;
	return NULL;
}

bool
orders_has(const char *id)
{
	return find(id) != NULL;
}

static void
drop(struct standing *st)
{
	control_done(sender.spool, st->order, st->id);
	LIST_REMOVE(st, link);
	free(st);
}

void
orders_forget(const char *id)
{
	struct standing *st;

	while ((st = find(id)) != NULL) {
		log_info(
		    "%s: order to %s came too late", id, order_name(st->order));
		drop(st);
	}
}

/* ---- obeying ---- */

/* Who ordered it and why, into the journal.  Failing that the order is obeyed
 * all the same: it matters more. */
static void
note(struct job *job, enum order order, struct str who, struct str why)
{
	struct record rec = {
	    .kind = order == ORDER_HOLD ? RECORD_HOLD : RECORD_REQUEUE,
	    .time_s = clock_wall_s(),
	    .suffix = id_suffix(job->entry.id),
	    .who = who,
	    .text = why,
	};
	struct buf record = {0};

	record_format(&rec, &record);
	marks_append(job, &record);
	buf_free(&record);
}

static int
carry_out(struct job *job, enum order order)
{
	struct buf text = {0};
	struct str who, why;
	int result = -1;

	control_read(sender.spool, order, job->entry.id, &text);
	why = str_of(buf_text(&text));
	who = str_cut(&why, ' ');
	if (order != ORDER_DELETE)
		note(job, order, who, why);
	if (order == ORDER_DELETE)
		result = spool_remove(sender.spool, &job->entry);
	else if (order == ORDER_HOLD)
		result = spool_hold(sender.spool, &job->entry);
	else
		result = spool_reroute(sender.spool, &job->entry);
	if (result == 0) {
		flush_dirty();
		log_info("%s: %s by=%.*s", job->entry.id,
		    order == ORDER_DELETE ? "deleted"
		    : order == ORDER_HOLD ? "held"
					  : "requeued",
		    (int)who.len, who.s);
	}
	buf_free(&text);
	return result;
}

int
orders_obey(struct job *job)
{
	struct standing *st = find(job->entry.id);

	if (carry_out(job, st->order) == -1)
		return -1;
	drop(st);
	return 0;
}

/* ---- arriving ---- */

/* All workers are told of it; the first of them cleans up. */
static void
flush(const char *subject)
{
	if (strcmp(subject, "all") == 0)
		destination_each(destination_lift);
	else if (strlen(subject) == TAG_LEN)
		destination_lift(destination_get(subject));
	if (sender.worker->number == 0)
		control_done(sender.spool, ORDER_FLUSH, subject);
}

/* The pauses themselves were read before, or are read next. */
static void
resumed(const char *subject)
{
	if (sender.worker->number == 0)
		control_done(sender.spool, ORDER_RESUME, subject);
}

static void
on_order(void *arg, enum order order, const char *subject)
{
	struct standing *st;

	(void)arg;
	if (order == ORDER_FLUSH)
		flush(subject);
	if (order == ORDER_RESUME)
		resumed(subject);
	if (order >= ORDER_FLUSH)
		return;
	LIST_FOREACH(st, &standing, link)
	if (st->order == order && strcmp(st->id, subject) == 0)
		return;
	st = mem_alloc(sizeof(*st));
	st->order = order;
	memcpy(st->id, subject, strlen(subject) + 1);
	LIST_INSERT_HEAD(&standing, st, link);
}

static void
on_name(void *arg, int key, const char *name)
{
	char subject[SUBJECT_SIZE];
	enum order order;

	(void)key;
	if (control_parse(name, &order, subject) == -1)
		return;
	if (order == ORDER_PAUSE || order == ORDER_RESUME)
		paused_read();
	on_order(arg, order, subject);
}

static void
on_rescan(void *arg, int key)
{
	(void)key;
	paused_read();
	if (control_list(sender.spool, on_order, arg) == -1)
		log_warn("read control/");
}

/* Another worker may have obeyed; or the entry was delivered at that moment,
 * and then nobody is ever going to. */
static void
on_look(void *arg)
{
	struct standing *st, *next;
	struct entry e;

	(void)arg;
	LIST_FOREACH_SAFE(st, &standing, link, next)
	if (job_find(st->id) == NULL &&
	    spool_find(sender.spool, st->id, &e) == -1 && errno == ENOENT)
		drop(st);
	loop_timer_set(look_timer, LOOK_MS);
}

void
orders_start(void)
{
	watch = watch_new(on_name, on_rescan, NULL);
	if (watch_add(watch, sender.spool->control, 0) == -1)
		fatalx("control/: cannot be watched");
	paused_start();
	on_rescan(NULL, 0);
	look_timer = loop_timer_new(on_look, NULL);
	loop_timer_set(look_timer, LOOK_MS);
}
