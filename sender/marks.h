/* SPDX-License-Identifier: ISC */
/*
 * What a job writes into the journal of its entry (mail/journal.h).
 */
#ifndef SENDER_MARKS_H
#define SENDER_MARKS_H

#include "job.h"

/* What a result comes to by the job's next due time: OUTCOME_DEFERRED, or given
 * up. */
enum outcome marks_outcome(const struct job *job, enum result result);

/* Append formatted records and read the job's progress anew: 0, or -1 with the
 * reason logged. */
int marks_append(struct job *job, const struct buf *records);

/* Note what the attempt came to, one record for each answer; the same. */
int marks_note(struct job *job);

/* Note the reports that are in the queue already (job->owed), so that they are
 * not made again; the same. */
int marks_note_reports(struct job *job);

#endif
