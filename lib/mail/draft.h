/* SPDX-License-Identifier: ISC */
/*
 * A message that is being written: a file in this room's tmp/ slot that
 * belongs to nobody who was told 250.  Layer: mail.
 *
 *	draft_begin -> draft_add ... -> draft_finish -> spool_commit
 *
 * A small message is collected in memory and written by draft_finish() in one
 * write(2); a larger one goes to its file as it comes, and its write-back is
 * started each MiB.
 */
#ifndef MAIL_DRAFT_H
#define MAIL_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mail/entry.h"
#include "mail/envelope.h"
#include "mail/queuefile.h"
#include "mail/spool.h"

struct draft {
	char id[ID_LEN + 1];
	unsigned slot;    /* tmp/<room>.<slot> and incoming/<slot> */
	int fd;           /* -1 while all of it is in memory */
	int error;        /* errno of the first failed step, 0 */
	struct buf bytes; /* not yet written */
	struct preamble preamble;
	uint64_t written; /* bytes of the file so far */
	uint64_t started; /* bytes whose write-back was started */
};

/* Begin with a new id, or with `id` when it is not NULL.  An envelope beyond its
 * limits is d->error EMSGSIZE. */
void draft_begin(
    struct draft *d, unsigned slot, const char *id, const struct envelope *env);

/* Add content in wire form (content_flag bits go to d->preamble.flags).  0, or
 * -1 and errno (also in d->error; further calls do nothing). */
int draft_add(struct draft *d, struct spool *sp, const void *data, size_t len);

/* Add a record to its journal, after all of the content. */
void draft_add_record(struct draft *d, const struct buf *record);

/* Write what is left and the preamble, close: the file is whole, not yet
 * durable.  0, or -1 and errno. */
int draft_finish(struct draft *d, struct spool *sp);
/* The same, but the file stays open until it is durable: what the kernel could
 * not write it tells only while somebody has the file open. */
int draft_complete(struct draft *d, struct spool *sp);

/* Remove the file if there is one, free the memory; leaves an empty draft. */
void draft_abandon(struct draft *d, struct spool *sp);

/*
 * Make finished drafts visible in incoming/<slot>: data durable (fdatasync for
 * few, one syncfs for many), rename all, one fsync of each directory.
 *
 * Each status becomes 0 (no power cut can lose it any more: say 250) or an
 * errno (nothing of it is left in incoming/ or tmp/: say 451).  EEXIST counts
 * as 0 for an id that was derived: the report is there already.  Returns -1
 * when a flush failed with EIO: the spool has failed (spool_failed()) and no
 * flush is ever tried again.
 */
struct commit {
	char id[ID_LEN + 1];
	unsigned slot;
	bool derived;
	int status;
};
int spool_commit(struct spool *sp, struct commit *batch, size_t n);

/* The same for one draft alone, by draft_complete(), in fewer calls: 0, or -1
 * and errno.  Its file is closed. */
int spool_commit_draft(struct spool *sp, struct draft *d);

/*
 * A draft of a derived id whose publication was decided, durably, elsewhere:
 * make it visible in incoming/<slot>, wherever among this room's slots it was
 * written.  1 now it is, 0 there is no such draft: it was made visible before;
 * -1 and errno, logged.
 */
int spool_publish_draft(struct spool *sp, const char *id, unsigned slot);
/* Remove what an earlier try has left of it. */
void spool_drop_draft(struct spool *sp, unsigned slot, const char *id);

/*
 * The same in steps, for who has the next batch waiting: a flush of the whole
 * file system for the next batch's data makes the names of this one durable
 * too, and saves this one's own.
 *
 *	data(1) names(1) [data(2, whole) settle(1, durable)] names(2) ...
 *
 * data: 0, or -1 and errno when a flush failed.  settle: without `durable` it
 * flushes the directories itself; then every status is final, and nothing is
 * left of those that are not 0.
 */
int spool_commit_data(
    struct spool *sp, struct commit *batch, size_t n, bool whole);
void spool_commit_names(struct spool *sp, struct commit *batch, size_t n);
void spool_commit_settle(
    struct spool *sp, struct commit *batch, size_t n, bool durable);

#endif
