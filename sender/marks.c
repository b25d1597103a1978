/* SPDX-License-Identifier: ISC */
#include "marks.h"

#include "base/clock.h"
#include "base/log.h"
#include "flush.h"

enum outcome
marks_outcome(const struct job *job, enum result result)
{
	if (result == RESULT_DELIVERED)
		return OUTCOME_DELIVERED;
	if (result == RESULT_PERMANENT)
		return OUTCOME_FAILED;
	if (job->due_s != -1)
		return OUTCOME_DEFERRED;
	return job->profile.discard ? OUTCOME_DISCARDED : OUTCOME_EXPIRED;
}

static void
add_record(struct job *job, const struct job_rcpt *like, struct buf *out)
{
	struct rcptset set;
	struct buf list = {0};
	struct record rec = {
	    .kind = RECORD_OUTCOME,
	    .time_s = clock_wall_s(),
	    .suffix = id_suffix(job->entry.id),
	    .attempt = job->progress.next_attempt,
	    .outcome = marks_outcome(job, like->result),
	    .host = str_of(like->answer->host),
	    .text = str_of(like->answer->text),
	};

	if (like->result == RESULT_DIVERTED)
		rec.kind = RECORD_DIVERTED;
	else if (rec.outcome == OUTCOME_DEFERRED)
		rec.due_s = job->due_s;
	rcptset_init(&set, job->progress.nrcpts, false);
	for (size_t i = 0; i < job->nrcpts; i++)
		if (job->rcpts[i].result == like->result &&
		    job->rcpts[i].answer == like->answer)
			rcptset_add(&set, job->rcpts[i].number);
	rcptset_format(&set, &list);
	rec.recipients = (struct str){list.data, list.len};
	record_format(&rec, out);
	buf_free(&list);
	rcptset_free(&set);
}

/* Who took it sees to what was asked by NOTIFY=SUCCESS: we owe no report. */
static void
add_passed_on(const struct job *job, struct buf *out)
{
	const struct recipient *rcpts = job->qf.envelope.recipients;
	struct rcptset set;
	struct buf list = {0};
	struct record rec = {
	    .kind = RECORD_DSN,
	    .time_s = clock_wall_s(),
	    .suffix = id_suffix(job->entry.id),
	    .report = REPORT_SUCCESS,
	};

	rcptset_init(&set, job->progress.nrcpts, false);
	for (size_t i = 0; i < job->nrcpts; i++)
		if (job->rcpts[i].result == RESULT_DELIVERED &&
		    job->rcpts[i].answer->reports &&
		    (rcpts[job->rcpts[i].number].notify & NOTIFY_SUCCESS))
			rcptset_add(&set, job->rcpts[i].number);
	if (rcptset_count(&set) > 0) {
		rcptset_format(&set, &list);
		rec.recipients = (struct str){list.data, list.len};
		record_format(&rec, out);
	}
	buf_free(&list);
	rcptset_free(&set);
}

/* Is it the first recipient with this result and answer? */
static bool
is_first(const struct job *job, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (job->rcpts[j].answer == job->rcpts[i].answer &&
		    job->rcpts[j].result == job->rcpts[i].result)
			return false;
	return true;
}

int
marks_append(struct job *job, const struct buf *records)
{
	if (job_reopen(job) == -1 || queuefile_append(job->fd, records) == -1) {
		log_warn("%s: append to the journal", job->entry.id);
		return -1;
	}
	buf_add(&job->journal, records->data, records->len);
	flush_dirty();
	return job_read_progress(job);
}

int
marks_note(struct job *job)
{
	struct buf records = {0};
	int result = 0;

	for (size_t i = 0; i < job->nrcpts; i++)
		if (is_first(job, i))
			add_record(job, &job->rcpts[i], &records);
	add_passed_on(job, &records);
	if (records.len > 0)
		result = marks_append(job, &records);
	buf_free(&records);
	return result;
}

int
marks_note_reports(struct job *job)
{
	if (job->owed.len == 0)
		return 0;
	if (marks_append(job, &job->owed) == -1)
		return -1;
	buf_clear(&job->owed);
	return 0;
}
