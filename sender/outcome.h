/* SPDX-License-Identifier: ISC */
/*
 * What became of a job: written down, reported, and the entry moved on.
 *
 * A message that was delivered whole is removed and nothing is written: its
 * absence is the record.  Otherwise the outcomes are appended to the journal,
 * then the reports that are due are put into the queue (bounce.h), then the
 * entry is deferred or removed.  Dying in between leaves the entry in
 * sending/; whoever recovers it reads in the journal how far we were.
 */
#ifndef SENDER_OUTCOME_H
#define SENDER_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job;

/* Once a worker. */
void outcome_start(void);

/* Settle the job by the results of its recipients; it belongs to this module
 * from now on and is freed when its entry has gone. */
void outcome_settle(struct job *job);

/* There was no attempt: warn its sender if that is due, and put it back. */
void outcome_warn(struct job *job);

/* There was no attempt: put it off for so long, without using up a retry. */
void outcome_postpone(struct job *job, int64_t seconds);

/* There was no attempt, and its entry could not be moved out of sending/: put
 * it back into processed/ as soon as the spool lets us. */
void outcome_return(struct job *job);

/* Jobs whose report is being written, or whose marks cannot be. */
size_t outcome_busy(void);

/* Are there marks that the spool would not take? Then nothing new is begun. */
bool outcome_stuck(void);

#endif
