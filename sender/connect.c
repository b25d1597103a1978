/* SPDX-License-Identifier: ISC */
#include "connect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "destination.h"
#include "job.h"
#include "opening.h"
#include "outcome.h"
#include "overdue.h"
#include "proc/io.h"
#include "proc/loop.h"
#include "security.h"
#include "sender.h"
#include "suspension.h"
#include "target.h"
#include "transaction.h"

static void try_target(struct conn *c);

/* ---- from host to host ---- */

/* Nobody could be reached for the job of this connection. */
static void
unreachable(struct conn *c)
{
	struct job *job = c->job;
	const char *why;

	c->job = NULL;
	if (c->dest->nreached > 0) {
		/* Others of our connections are served: no attempt. */
		destination_crowded(c->dest);
		job_return(job);
	} else {
		why = job->rcpts[0].answer->text;
		suspension_begin(c->dest, why);
		overdue_review(c->dest, why);
		outcome_settle(job);
	}
	conn_close(c);
}

static void
ask_again(struct job *job)
{
	for (size_t i = 0; i < job->nrcpts; i++)
		if (job->rcpts[i].result == RESULT_TEMPORARY)
			job->rcpts[i].result = RESULT_NONE;
}

/* What was begun while the answer was awaited comes to the front. */
static void
take_next(struct conn *c)
{
	c->job = c->next;
	c->next = NULL;
	c->messages++;
	transaction_resume(c);
}

/* Every recipient has a result from this host: let the next one have what is
 * only temporary, or be done with the job. */
static void
next_step(struct conn *c)
{
	struct job *job = c->job;
	bool temporary = job_count(job, RESULT_TEMPORARY) > 0;

	if (temporary && !job->uncertain && c->target + 1 < c->ntargets) {
		if (c->greeted)
			c->last_resort = true;
		conn_leave_host(c);
		ask_again(job);
		c->target++;
		try_target(c);
		return;
	}
	if (temporary && !c->ever_greeted) {
		unreachable(c);
		return;
	}
	c->job = NULL;
	outcome_settle(job);
	if (c->greeted && c->next != NULL)
		take_next(c);
	else if (c->greeted && c->io != NULL)
		conn_rest(c);
	else
		conn_close(c);
}

/* The host is of no use, for this reason. */
static void
host_failed(struct conn *c, const char *why)
{
	job_result_all(c->job, RESULT_TEMPORARY, c->host, why);
	conn_leave_host(c);
	next_step(c);
}

static void
connect_failed(struct conn *c, int error)
{
	char why[128];

	snprintf(why, sizeof(why), "4.4.1 connect: %s", strerror(error));
	host_failed(c, why);
}

static void
on_lost(struct conn *c, int error)
{
	if (c->connecting)
		connect_failed(c, error);
	else
		dialogue_lost(c, error);
}

static void
on_io(struct io *io, enum io_event what, void *arg)
{
	struct conn *c = arg;

	if (c->job != NULL)
		parent_note(c->job->entry.id);
	switch (what) {
	case IO_CONNECTED:
		c->connecting = false;
		opening_begin(c);
		break;
	case IO_DATA:
		dialogue_input(c);
		break;
	case IO_DRAINED:
		dialogue_drained(c);
		break;
	case IO_EOF:
		on_lost(c, 0);
		break;
	case IO_TIMEOUT:
		on_lost(c, ETIMEDOUT);
		break;
	case IO_ERROR:
		on_lost(c, io_error(io));
		break;
	case IO_SECURED:
		opening_secured(c);
		break;
	}
	parent_note(NULL);
}

static void
try_target(struct conn *c)
{
	const struct target *t = &c->targets[c->target];

	target_name(t, c->host);
	c->messages = 1;
	c->connecting = true;
	c->io = io_connect((const struct sockaddr *)&t->addr, target_source(t),
	    sender.set->connect_timeout_s * 1000, on_io, c);
	if (c->io == NULL)
		connect_failed(c, errno);
}

/* ---- the beginning ---- */

static void
on_resolved(void *arg, const struct resolve_answer *answer)
{
	struct conn *c = arg;

	c->resolve = NULL;
	switch (answer->status) {
	case RESOLVE_OK:
		c->ntargets = answer->ntargets;
		c->targets =
		    mem_resize(c->targets, c->ntargets, sizeof(*c->targets));
		memcpy(c->targets, answer->targets,
		    c->ntargets * sizeof(*c->targets));
		c->target = 0;
		try_target(c);
		return;
	case RESOLVE_TEMPFAIL:
		job_result_all(c->job, RESULT_TEMPORARY, "", answer->text);
		break;
	case RESOLVE_PERMFAIL:
		job_result_all(c->job, RESULT_PERMANENT, "", answer->text);
		break;
	}
	c->ntargets = 0;
	next_step(c);
}

static void
look_up(struct conn *c)
{
	const struct route *route = c->dest->route;
	char domain[DOMAIN_MAX + 1] = "";

	if (route->kind == ROUTE_MX)
		resolve_domain(route, domain);
	c->lmtp = route->kind == ROUTE_LMTP;
	c->ever_greeted = c->last_resort = false;
	c->resolve = resolve_route(
	    route, domain, c->dest->profile.follow_alias, on_resolved, c);
}

void
connect_open(struct destination *d, struct job *job)
{
	look_up(conn_new(d, job));
}

void
connect_reuse(struct conn *c, struct job *job)
{
	conn_wake(c);
	c->job = job;
	c->messages++;
	c->ever_greeted = true;
	transaction_begin(c);
}

/* ---- told by the dialogue ---- */

struct job *
connect_next(struct conn *c)
{
	if (!conn_worth_keeping(c) || !destination_has_spare(c->dest))
		return NULL;
	return job_take(c->dest);
}

void
connect_greeted(struct conn *c)
{
	c->greeted = c->ever_greeted = true;
	c->dest->nreached++;
	suspension_end(c->dest);
	transaction_begin(c);
}

void
connect_refused(struct conn *c, bool permanent, const char *text)
{
	bool next =
	    c->dest->profile.greeting_next && c->target + 1 < c->ntargets;

	if (permanent && !next)
		job_result_all(c->job, RESULT_PERMANENT, c->host, text);
	else
		job_result_all(c->job, RESULT_TEMPORARY, c->host, text);
	conn_leave_host(c);
	next_step(c);
}

void
connect_sent(struct conn *c)
{
	if (job_count(c->job, RESULT_NONE) > 0)
		transaction_begin(c);
	else
		next_step(c);
}

/* A kept connection that the host closed before it answered anything about
 * this message: that is no answer, ask again on a new one. */
static bool
is_stale(const struct conn *c)
{
	return c->messages > 1 && c->dialogue.step <= STEP_MAIL &&
	       job_count(c->job, RESULT_NONE) == c->job->nrcpts;
}

/* The map may have been replaced since the connection was made. */
static void
begin_again(struct conn *c)
{
	if (c->dest->route != NULL ||
	    destination_learn(c->dest, c->job, 0) == ROUTE_FOUND) {
		look_up(c);
		return;
	}
	job_return(c->job);
	c->job = NULL;
	conn_close(c);
}

void
connect_lost(struct conn *c, const char *why)
{
	if (c->job == NULL) {
		conn_close(c);
		return;
	}
	if (is_stale(c)) {
		conn_leave_host(c);
		begin_again(c);
		return;
	}
	if (opening_secures(c)) {
		if (security_fall_back(c, why)) {
			conn_leave_host(c);
			try_target(c);
			return;
		}
		why = security_failed(c, why);
	}
	if (c->dialogue.step == STEP_DOT &&
	    job_count(c->job, RESULT_ACCEPTED) > 0)
		c->job->uncertain = true;
	host_failed(c, why);
}

void
connect_damaged(struct conn *c)
{
	struct job *job = c->job;

	c->job = NULL;
	c->dialogue.step = STEP_CONTENT; /* no QUIT in the midst of it */
	job_left(job, spool_corrupt(sender.spool, &job->entry,
			  "content does not match its checksum, its end was "
			  "withheld"));
	conn_close(c);
}
