/* SPDX-License-Identifier: ISC */
/*
 * Delivery into a maildir, by a process of its own beside the worker, because
 * writing and flushing wait for the disk.
 *
 * A file appears in new/ under its final name, whole and durable, or not at
 * all.  The name is made of arrival time, queue id and recipient number:
 * delivering the same recipient again (after a crash before we noted the
 * first time) finds it in new/ and counts as delivered.  Only when the
 * owner has moved it to cur/ meanwhile does a second copy appear.
 */
#ifndef SENDER_MAILDIR_H
#define SENDER_MAILDIR_H

#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

enum maildir_status {
	MAILDIR_DELIVERED,
	MAILDIR_DEFERRED, /* no space, no parent directory, no right: later */
	MAILDIR_FAILED,   /* this recipient can have no maildir: for good */
	MAILDIR_DAMAGED,  /* the queue file's checksums do not match: nothing
	                   * was delivered, the entry belongs in corrupt/ */
};

struct maildir_delivery {
	int fd;             /* the queue file, which stays open until on_done */
	const char *id;     /* queue id; its suffixes do not matter */
	unsigned number;    /* the recipient's, in the envelope */
	struct str path;    /* the route's, with %u and %d */
	const char *sender; /* "" is the null sender */
	const char *address; /* the recipient's */
};

/* `text` begins with an enhanced status code, "2.1.5 delivered to ...". */
typedef void maildir_fn(
    void *arg, enum maildir_status status, const char *text);

/* Start the process; once a worker, before the first delivery.  Relative paths
 * are below the directory open at rootfd (the spool root). */
void maildir_start(int rootfd);

/*
 * Deliver: on_done is called from the loop, once, never from within this
 * call.  What is handed over in one turn is flushed together.  There is no
 * cancelling: a file may be on its way already.
 */
void maildir_deliver(
    const struct maildir_delivery *d, maildir_fn *on_done, void *arg);

/* Deliveries under way. */
unsigned maildir_busy(void);

/*
 * Append the route's path for an address: %u is its local part unquoted, %d
 * its domain, both in lower case, %% a percent sign.  0, or -1 when the
 * address cannot be a file name there: it is empty, begins with a dot, or
 * holds a slash or a control character; then nothing is appended.
 */
int maildir_path(struct str pattern, const char *address, struct buf *out);

#endif
