/* SPDX-License-Identifier: ISC */
/*
 * Where a job's mail goes by the map as it is now: before each attempt, so that
 * queued mail follows the map.
 */
#include "job.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "destination.h"
#include "mail/alias.h"
#include "mail/rewrite.h"
#include "mail/ruling.h"
#include "outcome.h"
#include "sender.h"

/* Was it rerouted by this map?  Then the engine does not see the map that we
 * see, and the two of us must not play ball with it.  The latest few are kept. */
static bool
was_rerouted(const char *id)
{
	static struct {
		char id[ID_SIZE];
		uint64_t generation;
	} latest[64];
	static unsigned next;
	uint64_t generation = map_generation(sender.worker->map);

	for (size_t i = 0; i < sizeof(latest) / sizeof(latest[0]); i++)
		if (strcmp(latest[i].id, id) == 0 &&
		    latest[i].generation == generation) {
			latest[i].id[0] = '\0';
			return true;
		}
	memcpy(latest[next].id, id, strlen(id) + 1);
	latest[next].generation = generation;
	next = (next + 1) % (sizeof(latest) / sizeof(latest[0]));
	return false;
}

/*
 * The rules were asked when it first came by and had nothing to say, which
 * nobody wrote down: the engine is not to ask those of the new map.
 */
static int
job_mark_ruled(struct job *job)
{
	struct record rec = {
	    .kind = RECORD_RULED,
	    .time_s = clock_wall_s(),
	    .suffix = id_suffix(job->entry.id),
	};
	struct buf line = {0};
	int rc = 0;

	if (job->progress.ruled)
		return 0;
	record_format(&rec, &line);
	if (job_reopen(job) == -1 || queuefile_append(job->fd, &line) == -1) {
		log_warn("%s: journal that it was ruled", job->entry.id);
		rc = -1;
	}
	buf_free(&line);
	return rc;
}

void
job_reroute(struct job *job)
{
	if (was_rerouted(job->entry.id)) {
		log_warnx("%s: engine and sender do not agree on its route",
		    job->entry.id);
		outcome_postpone(job, 60);
		return;
	}
	if (job_mark_ruled(job) == -1) {
		outcome_postpone(job, 60);
		return;
	}
	log_info(
	    "%s: rerouted reason=\"its route has changed\"", job->entry.id);
	job_left(job, spool_reroute(sender.spool, &job->entry));
}

/* ---- what was divided ---- */

#define DIVIDED_MAX 64 /* the latest are kept */

static char divided[DIVIDED_MAX][ID_SIZE]; /* "": none */

void
job_divide(const struct job *job)
{
	static unsigned next;

	memcpy(divided[next], job->entry.id, sizeof(divided[next]));
	next = (next + 1) % DIVIDED_MAX;
}

/* Was it split off from one that was divided?  Yes is said once. */
static bool
was_divided(const char *id)
{
	const char *dot = strrchr(id, '.');

	for (size_t i = 0; dot && i < DIVIDED_MAX; i++)
		if (divided[i][0] != '\0' &&
		    str_eq((struct str){id, dot - id}, divided[i])) {
			divided[i][0] = '\0';
			return true;
		}
	return false;
}

bool
job_waits(const struct job *job)
{
	const struct rcpt_progress *p;

	for (size_t i = 0; i < job->nrcpts; i++) {
		p = &job->progress.rcpts[job->rcpts[i].number];
		if (p->diverted || p->outcome != OUTCOME_DEFERRED)
			return false;
	}
	return was_divided(job->entry.id) &&
	       job->progress.due_s > clock_wall_s();
}

/* ---- the route ---- */

enum route_answer
job_find_route(const struct job *job, size_t i, struct route *route_r)
{
	size_t number = job->rcpts[i].number;

	return ruling_route(sender.worker->map, &job->qf.envelope, number,
	    &job->progress.rcpts[number], route_r);
}

/* What was diverted is routed by the fallback, which has none. */
bool
job_may_divert(const struct job *job, size_t i)
{
	static struct route route; /* large; used here only */

	return job_find_route(job, i, &route) == ROUTE_FOUND &&
	       !job->progress.rcpts[job->rcpts[i].number].diverted &&
	       route.fallback[0] != '\0';
}

static int
job_rewrite_sender(struct job *job)
{
	char rewritten[ADDRESS_MAX + 1];
	int found;

	found = rewrite_find(sender.worker->map, REWRITE_SENDER,
	    job->qf.envelope.sender, rewritten, NULL);
	free(job->sender);
	job->sender = found == 1 ? mem_dup(rewritten) : NULL;
	return found;
}

/*
 * Does the map put others in the place of that recipient now?  The engine has
 * asked it before, so those are rows that came since.
 */
static int
is_replaced(const struct job *job, size_t i)
{
	size_t number = job->rcpts[i].number;
	const struct rcpt_progress *p = &job->progress.rcpts[number];

	if (!progress_may_expand(p))
		return 0;
	return alias_replaces(
	    sender.worker->map, job->qf.envelope.recipients[number].address);
}

/* The same as what its name says? */
static enum route_answer
route_again(const struct job *job, size_t i, const char *tag)
{
	static struct route route; /* large; used here only */
	enum route_answer answer = job_find_route(job, i, &route);

	if (answer != ROUTE_FOUND)
		return answer;
	return strcmp(route.tag, tag) == 0 ? ROUTE_FOUND : ROUTE_NONE;
}

enum route_answer
job_route(struct job *job, struct destination *d)
{
	enum route_answer answer = ROUTE_FOUND;
	int replaced;

	for (size_t i = 0; i < job->nrcpts && answer == ROUTE_FOUND; i++) {
		replaced = is_replaced(job, i);
		if (replaced != 0)
			answer = replaced == 1 ? ROUTE_NONE : ROUTE_TEMPFAIL;
		else if (d->route == NULL)
			answer = destination_learn(d, job, i);
		else
			answer = route_again(job, i, d->tag);
	}
	if (answer == ROUTE_FOUND &&
	    tag_part(d->tag, job->entry.shard, d->route->shards,
		d->route->shards) == 0)
		answer = ROUTE_NONE; /* dealt to another shard now */
	if (answer == ROUTE_FOUND && job_rewrite_sender(job) == -1)
		answer = ROUTE_TEMPFAIL;
	if (answer == ROUTE_FOUND)
		job->profile = d->profile;
	return answer;
}
