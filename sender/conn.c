/* SPDX-License-Identifier: ISC */
#include "conn.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "destination.h"
#include "job.h"
#include "proc/io.h"
#include "proc/loop.h"
#include "sasl.h"
#include "secret.h"
#include "sender.h"

#define FAIR_SHARE 20 /* messages of a connection while others wait for one */

TAILQ_HEAD(conn_queue, conn);

/* Those under way, those idle (the longest first), those to be freed at the
 * end of the turn: until then a handler may look at its connection. */
static struct conn_queue busy = TAILQ_HEAD_INITIALIZER(busy);
static struct conn_queue idle = TAILQ_HEAD_INITIALIZER(idle);
static struct conn_queue closed = TAILQ_HEAD_INITIALIZER(closed);
static unsigned count;

static void
on_deadline(void *arg)
{
	struct conn *c = arg;

	if (c->idle)
		conn_close(c);
	else
		dialogue_late(c);
}

struct conn *
conn_new(struct destination *d, struct job *job)
{
	struct conn *c = mem_alloc(sizeof(*c));

	c->dest = d;
	c->job = job;
	c->generation = map_generation(sender.worker->map);
	c->deadline = loop_timer_new(on_deadline, c);
	TAILQ_INSERT_TAIL(&busy, c, link);
	destination_conn_opened(d);
	count++;
	return c;
}

void
conn_leave_host(struct conn *c)
{
	if (c->greeted)
		c->dest->nreached--;
	c->greeted = false;
	loop_timer_stop(c->deadline);
	loop_timer_free(&c->work);
	sasl_free(&c->sasl);
	secret_free(&c->secret);
	if (c->next != NULL)
		job_return(c->next);
	c->next = NULL;
	if (c->io == NULL)
		return;
	dialogue_quit(c);
	io_close(&c->io);
	c->tls = NULL;
}

void
conn_wake(struct conn *c)
{
	if (!c->idle)
		return;
	c->idle = false;
	LIST_REMOVE(c, idle_link);
	TAILQ_REMOVE(&idle, c, link);
	TAILQ_INSERT_TAIL(&busy, c, link);
}

void
conn_close(struct conn *c)
{
	conn_wake(c);
	conn_leave_host(c);
	resolve_cancel(&c->resolve);
	loop_timer_free(&c->deadline);
	TAILQ_REMOVE(&busy, c, link);
	TAILQ_INSERT_TAIL(&closed, c, link);
	count--;
	destination_conn_closed(c->dest);
}

void
conn_reap(void *arg)
{
	struct conn *c;

	(void)arg;
	while ((c = TAILQ_FIRST(&closed)) != NULL) {
		TAILQ_REMOVE(&closed, c, link);
		free(c->targets);
		free(c);
	}
}

bool
conn_worth_keeping(const struct conn *c)
{
	unsigned max = c->dest->profile.messages_per_connection;

	if (sender.stopping || c->last_resort ||
	    c->generation != map_generation(sender.worker->map))
		return false;
	if (max > 0 && c->messages >= max)
		return false;
	if (destination_is_outranked(c->dest))
		return false;
	return c->messages < FAIR_SHARE || !destination_waits_for_slot();
}

void
conn_rest(struct conn *c)
{
	if (!conn_worth_keeping(c)) {
		conn_close(c);
		return;
	}
	c->idle = true;
	LIST_INSERT_HEAD(&c->dest->idle, c, idle_link);
	TAILQ_REMOVE(&busy, c, link);
	TAILQ_INSERT_TAIL(&idle, c, link);
	loop_timer_set(c->deadline, (int64_t)sender.set->idle_timeout_s * 1000);
	destination_ready(c->dest);
}

bool
conn_evict(void)
{
	struct conn *c;

	TAILQ_FOREACH(c, &idle, link)
	if (c->dest->backlog.count == 0 || c->dest->paused) {
		conn_close(c);
		return true;
	}
	return false;
}

/* ---- a new map, the end ---- */

void
conn_remap(void)
{
	struct conn *c, *next;

	TAILQ_FOREACH_SAFE(c, &idle, link, next)
	conn_close(c);
}

void
conn_stop(void)
{
	struct conn *c, *next;

	conn_remap();
	TAILQ_FOREACH_SAFE(c, &busy, link, next)
	{
		if (c->greeted)
			continue;
		job_return(c->job);
		c->job = NULL;
		conn_close(c);
	}
}

void
conn_abort(void)
{
	struct conn *c, *next;

	TAILQ_FOREACH_SAFE(c, &busy, link, next)
	{
		log_info("%s: abandoned after %s at the stop", c->job->entry.id,
		    dialogue_where(c));
		job_free(c->job);
		if (c->next != NULL)
			job_free(c->next);
		c->job = c->next = NULL;
		conn_close(c);
	}
}

unsigned
conn_count(void)
{
	return count;
}
