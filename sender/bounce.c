/* SPDX-License-Identifier: ISC */
#include "bounce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "job.h"
#include "mail/draft.h"
#include "mail/dsn.h"
#include "outcome.h"
#include "proc/committer.h"
#include "proc/loop.h"
#include "sender.h"

#define FULL_MAX (64u << 10) /* bytes of an original that comes back whole */

/* A report that is being made durable. */
struct bounce {
	struct job *job;
	enum report kind;
	struct rcptset recipients;
	char id[ID_LEN + 1]; /* of the report */
	int status;
	void (*on_done)(struct job *job, int status);
};

/* ---- who is reported ---- */

static bool
is_late(const struct job *job)
{
	return job->profile.delay_warning_s > 0 && clock_trusted() &&
	       clock_wall_s() - job->qf.envelope.arrival_s >=
	           job->profile.delay_warning_s;
}

static bool
is_due(const struct job *job, size_t number, enum report kind)
{
	const struct rcpt_progress *p = &job->progress.rcpts[number];

	if (!p->mine || !dsn_wanted(&job->qf.envelope.recipients[number], kind))
		return false;
	switch (kind) {
	case REPORT_FAILURE:
		return p->failed && !p->reported;
	case REPORT_DELAY:
		return !p->final && !p->delayed && is_late(job);
	case REPORT_SUCCESS:
		if (!p->final || p->confirmed)
			return false;
		return p->expanded ? p->scattered
		                   : p->outcome == OUTCOME_DELIVERED;
	}
	return false;
}

bool
bounce_due(const struct job *job, enum report kind)
{
	for (size_t i = 0; i < job->progress.nrcpts; i++)
		if (is_due(job, i, kind))
			return true;
	return false;
}

static void
choose_recipients(const struct job *job, enum report kind, struct rcptset *set)
{
	rcptset_init(set, job->progress.nrcpts, false);
	for (size_t i = 0; i < job->progress.nrcpts; i++)
		if (is_due(job, i, kind))
			rcptset_add(set, i);
}

/* ---- the report ---- */

/* The same report on the same entry has the same id. */
static void
name_report(struct bounce *b)
{
	struct buf text = {0};

	buf_addf(&text, "%s %s ", b->job->entry.id, report_name(b->kind));
	rcptset_format(&b->recipients, &text);
	id_derive(b->job->entry.id, hash_bytes(text.data, text.len), b->id);
	buf_free(&text);
}

static const char *
postmaster(struct buf *store)
{
	if (sender.set->postmaster[0] != '\0')
		return sender.set->postmaster;
	buf_addf(store, "postmaster@%s", sender.set->hostname);
	return store->data;
}

/* When we died after the delivery, the journal does not tell: the weaker claim
 * is the right one. */
static bool
was_passed_on(const struct job *job)
{
	for (size_t i = 0; i < job->nrcpts; i++)
		if (job->rcpts[i].result == RESULT_DELIVERED)
			return job->rcpts[i].answer->relayed;
	return true;
}

static int
compose(struct bounce *b, struct buf *content, unsigned *flags_r)
{
	struct job *job = b->job;
	struct buf store = {0};
	struct dsn dsn = {
	    .kind = b->kind,
	    .hostname = sender.set->hostname,
	    .postmaster = postmaster(&store),
	    .id = job->entry.id,
	    .own_id = b->id,
	    .now_s = clock_wall_s(),
	    .relayed = was_passed_on(job),
	    .envelope = &job->qf.envelope,
	    .progress = &job->progress,
	    .recipients = &b->recipients,
	};
	int result;

	if (b->kind == REPORT_DELAY && job->profile.lifetime_s > 0)
		dsn.will_retry_until_s =
		    job->qf.envelope.arrival_s + job->profile.lifetime_s;
	result = job_reopen(job);
	if (result == 0)
		result =
		    dsn_compose(&dsn, &job->qf, FULL_MAX, content, flags_r);
	buf_free(&store);
	return result;
}

/* Into a file of ours in tmp/: 0, or an errno.  Dying here leaves that file,
 * which belongs to nobody. */
static int
write_draft(struct bounce *b, struct draft *d)
{
	struct recipient to = {
	    .address = b->job->qf.envelope.sender, .notify = NOTIFY_NEVER};
	struct envelope env = {
	    .sender = "",
	    .recipients = &to,
	    .nrecipients = 1,
	    .protocol = "local",
	    .arrival_s = clock_wall_s(),
	};
	struct buf content = {0};
	unsigned flags = 0;
	int error = 0;

	draft_begin(d, b->job->entry.shard, b->id, &env);
	if (compose(b, &content, &flags) == -1)
		error = errno;
	d->preamble.flags |= flags;
	if (error == 0 &&
	    (draft_add(d, sender.spool, content.data, content.len) == -1 ||
		draft_complete(d, sender.spool) == -1))
		error = errno;
	buf_free(&content);
	return error;
}

/* ---- the order of things ---- */

static void
finish(struct bounce *b)
{
	struct job *job = b->job;
	void (*on_done)(struct job *, int) = b->on_done;
	int status = b->status;

	rcptset_free(&b->recipients);
	free(b);
	on_done(job, status);
}

/* The report is durable: the job owes a note of it. */
static void
on_committed(void *arg, int status)
{
	struct bounce *b = arg;
	struct buf list = {0};
	struct record rec = {
	    .kind = RECORD_DSN,
	    .time_s = clock_wall_s(),
	    .suffix = id_suffix(b->job->entry.id),
	    .report = b->kind,
	    .who = str_of(b->id),
	};

	b->status = status;
	if (status == 0) {
		log_info("%s: reported kind=%s to=<%s> id=%s", b->job->entry.id,
		    report_name(b->kind), b->job->qf.envelope.sender, b->id);
		rcptset_format(&b->recipients, &list);
		rec.recipients = (struct str){list.data, list.len};
		record_format(&rec, &b->job->owed);
		buf_free(&list);
	}
	finish(b);
}

static void
on_failed(void *arg)
{
	finish(arg);
}

/* A message without a sender is a report itself: nobody is told. */
static bool
drop(const struct job *job, enum report kind)
{
	if (job->qf.envelope.sender[0] != '\0')
		return false;
	if (kind == REPORT_FAILURE)
		log_info("%s: dropped reason=\"it has no sender to tell\"",
		    job->entry.id);
	return true;
}

bool
bounce_report(struct job *job, enum report kind,
    void (*on_done)(struct job *job, int status))
{
	struct rcptset recipients;
	struct draft draft = {.fd = -1};
	struct bounce *b;

	choose_recipients(job, kind, &recipients);
	if (rcptset_count(&recipients) == 0 || drop(job, kind)) {
		rcptset_free(&recipients);
		return false;
	}
	b = mem_alloc(sizeof(*b));
	b->job = job;
	b->kind = kind;
	b->recipients = recipients;
	b->on_done = on_done;
	name_report(b);
	b->status = write_draft(b, &draft);
	if (b->status == 0) {
		committer_commit(&draft, true, on_committed, b);
	} else {
		draft_abandon(&draft, sender.spool);
		loop_soon(on_failed, b);
	}
	return true;
}
