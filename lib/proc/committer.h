/* SPDX-License-Identifier: ISC */
/*
 * The helper process that waits for the disk so that its worker need not:
 * group commit of drafts and flushes of removals.  Layer: proc.
 *
 * All drafts handed over in one turn are one batch; while it is being flushed
 * the next batch gathers.  Requests are carried out in their order, batch by
 * batch.  A worker that dies loses what it had asked for: nobody was told 250.
 */
#ifndef PROC_COMMITTER_H
#define PROC_COMMITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/draft.h"
#include "mail/spool.h"

/* Start it (once a worker, before the first draft, after spool_set_limits). */
void committer_start(struct spool *sp);

/* Commit a finished or completed draft, of which only id, slot and the open
 * file are kept; on_done from the loop with 0 or an errno, see spool_commit(). */
void committer_commit(struct draft *d, bool derived,
    void (*on_done)(void *arg, int status), void *arg);

/* Make all earlier moves, appends and commits durable (spool_flush): on_done
 * with 0 or an errno. */
void committer_flush(void (*on_done)(void *arg, int status), void *arg);

/* A batch of fewer than n waits for company so long; 0, as it is at first: none
 * waits.  For who has others to work on meanwhile. */
void committer_company(size_t n, int64_t patience_ms);

/* Drafts and flushes under way. */
unsigned committer_busy(void);

#endif
