/* SPDX-License-Identifier: ISC */
#include "job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "destination.h"
#include "mail/rewrite.h"
#include "mail/ruling.h"
#include "orders.h"
#include "outcome.h"
#include "sender.h"

/* What became of a claimed entry when it was opened. */
enum opened {
	OPENED_READY,   /* there is something to send */
	OPENED_SEEN_TO, /* it has gone another way */
	OPENED_SHORT,   /* we lack memory or descriptors: not now */
};

static LIST_HEAD(, job) claims = LIST_HEAD_INITIALIZER(claims);

static struct job *
job_new(const struct entry *e)
{
	struct job *job = mem_alloc(sizeof(*job));

	job->entry = *e;
	job->fd = -1;
	job->qf.fd = -1;
	LIST_INSERT_HEAD(&claims, job, claims);
	return job;
}

void
job_free(struct job *job)
{
	struct answer *a;

	LIST_REMOVE(job, claims);
	while ((a = job->answers) != NULL) {
		job->answers = a->next;
		free(a);
	}
	free(job->rcpts);
	free(job->sender);
	progress_free(&job->progress);
	buf_free(&job->journal);
	buf_free(&job->headers);
	buf_free(&job->owed);
	queuefile_free(&job->qf);
	fd_close(&job->fd);
	free(job);
}

void
job_left(struct job *job, int result)
{
	if (result == -1 && errno != ENOENT)
		outcome_return(job);
	else
		job_free(job);
}

void
job_return(struct job *job)
{
	job_left(job, spool_unclaim(sender.spool, &job->entry));
}

struct job *
job_find(const char *id)
{
	struct job *job;

	LIST_FOREACH(job, &claims, claims)
	if (strcmp(job->entry.id, id) == 0)
		return job;
	return NULL;
}

int
job_reopen(struct job *job)
{
	if (job->fd == -1)
		job->fd = spool_open_entry(sender.spool, &job->entry);
	job->qf.fd = job->fd;
	return job->fd == -1 ? -1 : 0;
}

/* ---- answers ---- */

struct answer *
job_answer(struct job *job, const char *host, const char *text)
{
	size_t text_size = strlen(text) + 1, host_size = strlen(host) + 1;
	struct answer *a = mem_alloc(sizeof(*a) + text_size + host_size);

	memcpy(a->text, text, text_size);
	a->host = memcpy(a->text + text_size, host, host_size);
	a->next = job->answers;
	job->answers = a;
	return a;
}

void
job_result(
    struct job *job, size_t i, enum result result, const struct answer *answer)
{
	job->rcpts[i].result = result;
	if (answer != NULL)
		job->rcpts[i].answer = answer;
}

void
job_result_all(
    struct job *job, enum result result, const char *host, const char *text)
{
	const struct answer *answer = job_answer(job, host, text);

	for (size_t i = 0; i < job->nrcpts; i++)
		if (job->rcpts[i].result <= RESULT_ACCEPTED)
			job_result(job, i, result, answer);
}

size_t
job_count(const struct job *job, enum result result)
{
	size_t n = 0;

	for (size_t i = 0; i < job->nrcpts; i++)
		n += job->rcpts[i].result == result;
	return n;
}

const char *
job_sender(const struct job *job)
{
	return job->sender ? job->sender : job->qf.envelope.sender;
}

const char *
job_address(const struct job *job, size_t i)
{
	return job->qf.envelope.recipients[job->rcpts[i].number].address;
}

/* ---- opening ---- */

/* Damaged: out of the way, for a person to look at. */
static enum opened
job_corrupt(struct job *job, const char *why)
{
	job_left(job, spool_corrupt(sender.spool, &job->entry, why));
	return OPENED_SEEN_TO;
}

/* A message that has killed its worker twice is not opened again. */
static enum opened
job_hold_suspect(struct job *job)
{
	int result = spool_hold_suspect(sender.spool, &job->entry);

	if (result == 0)
		parent_forget(job->entry.id); /* released, it has a new trial */
	job_left(job, result);
	return OPENED_SEEN_TO;
}

static enum opened
job_open_failed(struct job *job, const char *step)
{
	if (errno == EACCES)
		step = "not ours to read";
	if (errno == EBADMSG || errno == EACCES)
		return job_corrupt(job, step);
	if (errno == ENOENT) {
		log_warnx("%s: it has vanished from sending/", job->entry.id);
		job_free(job);
		return OPENED_SEEN_TO;
	}
	log_warn("%s: %s", job->entry.id, step);
	if (errno == ENOTSUP) { /* written by a newer Stagepost */
		job_left(job, spool_hold(sender.spool, &job->entry));
		return OPENED_SEEN_TO;
	}
	job_return(job);
	return OPENED_SHORT;
}

/* The newest in front: Delivered-To of the alias that it came by, which stops
 * loops, above what rules have ordered. */
static void
job_add_headers(struct job *job, size_t number)
{
	const struct rcpt_progress *p = &job->progress.rcpts[number];
	const char *address = job->qf.envelope.recipients[p->parent].address;

	if (p->via) {
		if (p->via[0] != '\0')
			buf_addf(&job->headers, "Delivered-To: %s\r\n", p->via);
		if (sender.set->original_header)
			buf_addf(
			    &job->headers, "X-Original-To: %s\r\n", address);
		job_add_headers(job, p->parent);
	} else if (p->headers != 0)
		ruling_headers(
		    (struct str){buf_text(&job->journal), job->journal.len},
		    number, &job->headers);
}

/* The recipients that this name stands for and that have no final outcome. */
static void
job_list_pending(struct job *job)
{
	size_t n = 0;

	job->nrcpts = progress_pending(&job->progress);
	job->rcpts = mem_alloc((job->nrcpts + 1) * sizeof(*job->rcpts));
	for (size_t i = 0; i < job->progress.nrcpts; i++)
		if (job->progress.rcpts[i].mine &&
		    !job->progress.rcpts[i].final)
			job->rcpts[n++].number = i;
	if (n > 0)
		job_add_headers(job, job->rcpts[0].number);
}

static int
job_read_journal(struct job *job)
{
	struct buf store = {0};
	struct str journal;
	int result;

	result = queuefile_journal(&job->qf, &store, &journal);
	if (result == 0 && job->qf.torn)
		log_warnx("%s: skipped a torn record", job->entry.id);
	if (result == 0 && journal.len > 0)
		buf_add(&job->journal, journal.s, journal.len);
	buf_free(&store);
	return result;
}

int
job_read_progress(struct job *job)
{
	struct str journal = {buf_text(&job->journal), job->journal.len};

	progress_free(&job->progress);
	return progress_read(journal, id_suffix(job->entry.id),
	    job->qf.envelope.nrecipients, &job->progress);
}

static enum opened
job_read(struct job *job)
{
	job->fd = spool_open_entry(sender.spool, &job->entry);
	if (job->fd == -1)
		return job_open_failed(job, "open");
	if (queuefile_open(job->fd, &job->qf) == -1)
		return job_open_failed(job, "read preamble and envelope");
	if (job_read_journal(job) == -1)
		return job_open_failed(job, "read journal");
	if (job_read_progress(job) == -1)
		return job_corrupt(job, "its split record is missing");
	job_list_pending(job);
	if (job->qf.head.len == (size_t)job->qf.size) {
		if (queuefile_verify(&job->qf) != 1)
			return job_corrupt(job, "content does not match its "
						"checksum");
		fd_close(&job->fd); /* opened again when a mark is due */
		job->qf.fd = -1;
	}
	return OPENED_READY;
}

/* An order that came too late for the last attempt. */
static enum opened
job_obey(struct job *job)
{
	if (orders_obey(job) == -1)
		outcome_postpone(job, 60);
	else
		job_free(job);
	return OPENED_SEEN_TO;
}

static enum opened
job_open(struct job *job)
{
	enum opened opened;

	if (parent_suspects(job->entry.id))
		return job_hold_suspect(job);
	parent_note(job->entry.id);
	opened = job_read(job);
	parent_note(NULL);
	if (opened == OPENED_READY && orders_has(job->entry.id))
		return job_obey(job);
	return opened;
}

/* Nothing left to send, or nowhere: true when it can be sent. */
static bool
job_prepare(struct job *job, struct destination *d)
{
	bool known = d->route != NULL;

	if (job->nrcpts == 0) {
		outcome_settle(job);
		return false;
	}
	switch (job_route(job, d)) {
	case ROUTE_FOUND:
		if (job_waits(job)) {
			outcome_postpone(
			    job, job->progress.due_s - clock_wall_s());
			return false;
		}
		if (known ? !d->paused : !destination_waits(d))
			return true;
		job_return(job); /* it waits, as we have learned just now */
		return false;
	case ROUTE_NONE:
		job_reroute(job);
		return false;
	case ROUTE_TEMPFAIL:
		outcome_postpone(job, 60);
		return false;
	}
	return false;
}

struct job *
job_claim(struct destination *d, struct entry *e)
{
	struct job *job;

	if (spool_claim(sender.spool, e) == -1) {
		if (errno != ENOENT)
			backlog_miss(e);
		return NULL;
	}
	job = job_new(e);
	switch (job_open(job)) {
	case OPENED_READY:
		return job_prepare(job, d) ? job : NULL;
	case OPENED_SHORT:
		sender_pause();
		break;
	case OPENED_SEEN_TO:
		break;
	}
	return NULL;
}

struct job *
job_take(struct destination *d)
{
	struct job *job = NULL;
	struct entry e;

	while (job == NULL && !destination_waits(d) && sender_may_begin() &&
	       backlog_next(d, &e))
		job = job_claim(d, &e);
	return job;
}
