/* SPDX-License-Identifier: ISC */
#include "outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bounce.h"
#include "calendar.h"
#include "flush.h"
#include "job.h"
#include "marks.h"
#include "orders.h"
#include "proc/loop.h"
#include "sender.h"

#define STUCK_RETRY_MS 1000

/* How far a job is; each step is taken once, in this order. */
enum stage {
	STAGE_NOTE,    /* append the outcomes to the journal */
	STAGE_FAILURE, /* report what failed */
	STAGE_DELAY,   /* warn of what is late */
	STAGE_SUCCESS, /* confirm what was delivered */
	STAGE_LEAVE,   /* defer or remove the entry */
};

TAILQ_HEAD(job_queue, job);

/* Jobs whose marks the spool would not take.  What was sent is known here
 * only, so they are kept until it does, and nothing new is begun. */
static struct job_queue stuck = TAILQ_HEAD_INITIALIZER(stuck);
static struct loop_timer *stuck_timer;
static size_t busy;

static void go_on(struct job *job);

size_t
outcome_busy(void)
{
	return busy;
}

bool
outcome_stuck(void)
{
	return !TAILQ_EMPTY(&stuck);
}

/* ---- telling ---- */

/* Seconds since it was accepted.  Its id is finer than its envelope, but a
 * report's id bears the time of what it reports. */
static double
age_of(const struct job *job)
{
	int64_t then_us = id_time_us(job->entry.id);
	int64_t arrival_s = job->qf.envelope.arrival_s;

	if (llabs(then_us / 1000000 - arrival_s) > 2)
		then_us = arrival_s * 1000000;
	return (double)(clock_wall_us() - then_us) / 1e6;
}

static void
log_delivered(const struct job *job, size_t i)
{
	const struct answer *answer = job->rcpts[i].answer;
	const struct tls_facts *tls = &answer->tls;
	uint64_t size = job->qf.preamble.content_len;

	if (tls->version == NULL)
		log_info("%s: delivered to=<%s> host=%s reply=\"%s\" "
			 "delay=%.3fs size=%" PRIu64,
		    job->entry.id, job_address(job, i), answer->host,
		    answer->text, age_of(job), size);
	else
		log_info("%s: delivered to=<%s> host=%s reply=\"%s\" "
			 "delay=%.3fs size=%" PRIu64
			 " tls=%s cipher=%s verified=%s",
		    job->entry.id, job_address(job, i), answer->host,
		    answer->text, age_of(job), size, tls->version, tls->cipher,
		    tls->verified ? "yes" : "no");
}

static void
log_result(const struct job *job, size_t i)
{
	const struct job_rcpt *rcpt = &job->rcpts[i];
	enum outcome outcome = marks_outcome(job, rcpt->result);
	const struct answer *answer = rcpt->answer;
	char due[CLOCK_DATE_SIZE];

	if (rcpt->result == RESULT_DIVERTED) {
		log_info("%s: diverted to=<%s> host=%s reply=\"%s\"",
		    job->entry.id, job_address(job, i), answer->host,
		    answer->text);
		return;
	}
	switch (outcome) {
	case OUTCOME_DELIVERED:
		log_delivered(job, i);
		break;
	case OUTCOME_DEFERRED:
		clock_stamp(job->due_s, due);
		log_info("%s: deferred to=<%s> host=%s reply=\"%s\" due=%s "
			 "attempt=%u",
		    job->entry.id, job_address(job, i), answer->host,
		    answer->text, due, job->progress.next_attempt);
		break;
	case OUTCOME_FAILED:
	case OUTCOME_EXPIRED:
	case OUTCOME_DISCARDED:
		log_info("%s: %s to=<%s> host=%s reply=\"%s\"", job->entry.id,
		    outcome == OUTCOME_FAILED    ? "bounced"
		    : outcome == OUTCOME_EXPIRED ? "expired"
						 : "discarded",
		    job_address(job, i), answer->host, answer->text);
		break;
	}
}

/* ---- the entry ---- */

static void
keep_stuck(struct job *job)
{
	TAILQ_INSERT_TAIL(&stuck, job, link);
	if (!job->stuck)
		log_warnx("%s: kept in memory until the spool takes its marks",
		    job->entry.id);
	job->stuck = true;
	if (!spool_failed(sender.spool)) /* else for good */
		loop_timer_set(stuck_timer, STUCK_RETRY_MS);
}

static void
on_stuck_time(void *arg)
{
	struct job_queue again = TAILQ_HEAD_INITIALIZER(again);
	struct job *job;

	(void)arg;
	TAILQ_CONCAT(&again, &stuck, link);
	while ((job = TAILQ_FIRST(&again)) != NULL) {
		TAILQ_REMOVE(&again, job, link);
		go_on(job);
	}
}

static void
done(struct job *job)
{
	busy--;
	job_free(job);
}

/* Some of it goes by a fallback: it is routed anew at once.  Others that have to
 * wait are split off, unless it was split so often that its id has no room. */
static bool
is_diverted(const struct job *job)
{
	return job_count(job, RESULT_DIVERTED) > 0 &&
	       (job_count(job, RESULT_TEMPORARY) == 0 ||
		   strlen(job->entry.id) < ID_SIZE / 2);
}

/* What has to wait comes back as an entry of its own, and is put to wait then:
 * job_waits(). */
static int
divert(struct job *job)
{
	if (job_count(job, RESULT_TEMPORARY) > 0 && job->due_s != -1)
		job_divide(job);
	return spool_reroute(sender.spool, &job->entry);
}

/*
 * Take the entry out of sending/.  Dying before the move is flushed sends what
 * was delivered again: the duplicate that flush.c keeps rare.
 */
static void
leave(struct job *job)
{
	bool pending = progress_pending(&job->progress) > 0;
	int result;

	if (job->stays) {
		busy--;
		job_return(job);
		return;
	}
	if (pending && orders_has(job->entry.id)) {
		if (orders_obey(job) == -1)
			keep_stuck(job);
		else
			done(job);
		return;
	}
	if (pending && is_diverted(job))
		result = divert(job);
	else if (pending)
		result = spool_defer(sender.spool, &job->entry, job->due_s);
	else
		result = spool_remove(sender.spool, &job->entry);
	if (result == -1 && errno != ENOENT) {
		keep_stuck(job);
		return;
	}
	if (result == -1)
		log_warnx("%s: it has vanished from sending/ after an attempt",
		    job->entry.id);
	else if (pending && !is_diverted(job))
		calendar_deferred(&job->entry);
	else if (!pending)
		orders_forget(job->entry.id);
	flush_dirty();
	done(job);
}

/* A report is in the queue, or could not be put there: then what it is about
 * is read from the journal when the entry is due again. */
static void
on_reported(struct job *job, int status)
{
	int64_t soon_s = clock_wall_s() + 300;

	if (status == 0) {
		go_on(job);
		return;
	}
	if (status == EBADMSG) { /* nothing of it is sent, not even back */
		busy--;
		job_left(job, spool_corrupt(sender.spool, &job->entry,
				  "content does not match its checksum"));
		return;
	}
	log_warnx(
	    "%s: its report is put off: %s", job->entry.id, strerror(status));
	job->stage--; /* it is still to be made, should we keep the job */
	if (progress_pending(&job->progress) == 0 ||
	    (is_diverted(job) && job_count(job, RESULT_TEMPORARY) == 0))
		job->due_s = soon_s;
	if (spool_defer(sender.spool, &job->entry, job->due_s) == 0)
		calendar_deferred(&job->entry);
	else if (errno != ENOENT) {
		keep_stuck(job);
		return;
	} else
		log_warnx("%s: it has vanished from sending/ before its report",
		    job->entry.id);
	done(job);
}

/* Take the steps that are left; a report interrupts, on_reported goes on. */
static void
go_on(struct job *job)
{
	static const enum report kinds[] = {
	    [STAGE_FAILURE] = REPORT_FAILURE,
	    [STAGE_DELAY] = REPORT_DELAY,
	    [STAGE_SUCCESS] = REPORT_SUCCESS,
	};

	if (job->stage == STAGE_NOTE) {
		if (marks_note(job) == -1) {
			keep_stuck(job);
			return;
		}
		job->stage++;
	}
	for (;;) {
		if (marks_note_reports(job) == -1) {
			keep_stuck(job);
			return;
		}
		if (job->stage == STAGE_LEAVE)
			break;
		if (bounce_report(job, kinds[job->stage++], on_reported))
			return;
	}
	leave(job);
}

/* ---- settling ---- */

/* Delivered whole, and nobody wants to be told: nothing has to be written. */
static bool
leaves_no_trace(const struct job *job)
{
	const struct recipient *rcpts = job->qf.envelope.recipients;

	for (size_t i = 0; i < job->nrcpts; i++)
		if (job->rcpts[i].result != RESULT_DELIVERED ||
		    (rcpts[job->rcpts[i].number].notify & NOTIFY_SUCCESS))
			return false;
	return progress_unreported(&job->progress) == 0 &&
	       !bounce_due(job, REPORT_SUCCESS);
}

static void
remove_traceless(struct job *job)
{
	if (spool_remove(sender.spool, &job->entry) == -1) {
		if (errno != ENOENT) {
			go_on(job); /* write it down, then try again */
			return;
		}
		log_warnx("%s: it has vanished from sending/ after its "
			  "delivery",
		    job->entry.id);
	}
	orders_forget(job->entry.id);
	flush_dirty();
	done(job);
}

/* When to try again what is only temporary, or -1: give up. */
static void
decide_due(struct job *job)
{
	int64_t now_s = clock_wall_s();

	job->due_s = profile_next_due(&job->profile, job->progress.attempts + 1,
	    job->qf.envelope.arrival_s, now_s);
	if (job->give_up)
		job->due_s = -1;
	if (job->due_s == -1 && !clock_trusted()) {
		log_warnx("%s: not given up: the clock is not to be believed",
		    job->entry.id);
		job->due_s = now_s + job->profile.retry_s[0];
	}
}

void
outcome_settle(struct job *job)
{
	busy++;
	job->stage = STAGE_NOTE;
	if (job_count(job, RESULT_TEMPORARY) > 0)
		decide_due(job);
	for (size_t i = 0; i < job->nrcpts; i++)
		log_result(job, i);
	if (leaves_no_trace(job))
		remove_traceless(job);
	else
		go_on(job);
}

void
outcome_warn(struct job *job)
{
	busy++;
	job->nrcpts = 0;
	job->stays = true;
	job->due_s = clock_wall_s() + job->profile.retry_s[0];
	job->stage = STAGE_DELAY;
	go_on(job);
}

void
outcome_postpone(struct job *job, int64_t seconds)
{
	busy++;
	job->nrcpts = 0;
	job->due_s = clock_wall_s() + seconds;
	job->stage = STAGE_LEAVE;
	go_on(job);
}

void
outcome_return(struct job *job)
{
	busy++;
	job->stays = true;
	job->stage = STAGE_LEAVE;
	keep_stuck(job);
}

void
outcome_start(void)
{
	stuck_timer = loop_timer_new(on_stuck_time, NULL);
}
