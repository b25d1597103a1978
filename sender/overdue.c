/* SPDX-License-Identifier: ISC */
#include "overdue.h"

#include "base/clock.h"
#include "destination.h"
#include "job.h"
#include "outcome.h"
#include "sender.h"

static int64_t
age_limit(const struct profile *p)
{
	return p->lifetime_s > 0 ? p->lifetime_s : (int64_t)profile_total_s(p);
}

/* Give up what arrived at or before that time. */
static void
give_up(struct destination *d, int64_t arrival_s, const char *reason)
{
	struct entry e;
	struct job *job;

	while (sender_may_begin() && backlog_next_old(d, arrival_s, &e)) {
		job = job_claim(d, &e);
		if (job == NULL)
			continue;
		job->give_up = true;
		job_result_all(job, RESULT_TEMPORARY, "", reason);
		outcome_settle(job);
	}
}

/* Those that were warned before return to processed/ as they were. */
static void
warn(struct destination *d, int64_t arrival_s)
{
	struct entry e;
	struct job *job;

	while (sender_may_begin() && backlog_next_old(d, arrival_s, &e)) {
		job = job_claim(d, &e);
		if (job != NULL)
			outcome_warn(job);
	}
}

void
overdue_review(struct destination *d, const char *reason)
{
	const struct profile *p = &d->profile;
	int64_t now_s = clock_wall_s();

	if (d->paused) /* since the attempt began */
		return;
	if (!clock_trusted())
		return;
	give_up(d, now_s - age_limit(p), reason);
	if (p->delay_warning_s > 0)
		warn(d, now_s - p->delay_warning_s);
}
