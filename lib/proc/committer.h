/* SPDX-License-Identifier: ISC */
/*
 * The helper process that waits for the disk so that its worker need not:
 * group commit of drafts and flushes of removals.  Layer: proc.
 *
 * All drafts handed over in one turn are one batch; while it is being flushed
 * the next batch gathers.
 */
#ifndef PROC_COMMITTER_H
#define PROC_COMMITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/draft.h"
#include "mail/spool.h"

/* Start it (once a worker, before the first draft). */
void committer_start(struct spool *sp);

/* Commit a finished draft; on_done from the loop with 0 or an errno, see
 * spool_commit().  After a failed flush spool_failed() is true. */
void committer_commit(const struct draft *d, bool derived,
    void (*on_done)(void *arg, int status), void *arg);

/* Make all earlier moves and appends durable (spool_flush): on_done with 0 or
 * an errno. */
void committer_flush(void (*on_done)(void *arg, int status), void *arg);

/* Drafts and flushes under way. */
unsigned committer_busy(void);

#endif
