/* SPDX-License-Identifier: ISC */
#include "local.h"

#include <stdlib.h>

#include "base/buf.h"
#include "destination.h"
#include "job.h"
#include "maildir.h"
#include "outcome.h"
#include "sender.h"

struct local {
	struct destination *dest;
	struct job *job;
	size_t left; /* deliveries under way */
	bool damaged;
	struct local_rcpt {
		struct local *local;
		size_t i; /* of the job */
	} rcpts[];
};

static unsigned count;

static void
finish(struct local *l)
{
	if (l->damaged) {
		job_left(l->job, spool_corrupt(sender.spool, &l->job->entry,
				     "content does not match its checksum"));
	} else {
		outcome_settle(l->job);
	}
	destination_conn_closed(l->dest);
	count--;
	free(l);
}

static enum result
result_of(enum maildir_status status)
{
	if (status == MAILDIR_DELIVERED)
		return RESULT_DELIVERED;
	return status == MAILDIR_FAILED ? RESULT_PERMANENT : RESULT_TEMPORARY;
}

static void
on_done(void *arg, enum maildir_status status, const char *text)
{
	struct local_rcpt *rcpt = arg;
	struct local *l = rcpt->local;

	if (status == MAILDIR_DAMAGED)
		l->damaged = true;
	job_result(l->job, rcpt->i, result_of(status),
	    job_answer(l->job, "maildir", text));
	if (--l->left == 0)
		finish(l);
}

static void
deliver_one(struct local_rcpt *rcpt)
{
	const struct job *job = rcpt->local->job;
	struct maildir_delivery m = {
	    .fd = job->fd,
	    .id = job->entry.id,
	    .number = (unsigned)job->rcpts[rcpt->i].number,
	    .path = rcpt->local->dest->route->path,
	    .sender = job->qf.envelope.sender,
	    .address = job_address(job, rcpt->i),
	};

	maildir_deliver(&m, on_done, rcpt);
}

void
local_deliver(struct destination *d, struct job *job)
{
	struct local *l;

	if (job_reopen(job) == -1) {
		outcome_postpone(job, 60);
		return;
	}
	l = mem_alloc(sizeof(*l) + job->nrcpts * sizeof(l->rcpts[0]));
	l->dest = d;
	l->job = job;
	l->left = job->nrcpts;
	count++;
	destination_conn_opened(d);
	for (size_t i = 0; i < job->nrcpts; i++) {
		l->rcpts[i] = (struct local_rcpt){l, i};
		deliver_one(&l->rcpts[i]);
	}
}

unsigned
local_count(void)
{
	return count;
}
