/* SPDX-License-Identifier: ISC */
/*
 * What the files spool*.c share and nobody else needs: from an entry to its
 * directory and name, one rename, the check of the file system.  Layer: mail.
 */
#ifndef MAIL_SPOOL_PATH_H
#define MAIL_SPOOL_PATH_H

#include "mail/spool.h"

#define SPOOL_PATH_SIZE (ENTRY_SIZE + 24)

/* The directory of a state's shard, -1 when this room has not opened it. */
int spool_dirfd(const struct spool *sp, enum state state, unsigned shard);

/* The entry's path below that directory: with the bucket when deferred. */
void spool_path(const struct entry *e, char out[SPOOL_PATH_SIZE]);

/* One rename without replacing, nothing logged: 0 and *e is `to`, or -1. */
int spool_rename(struct spool *sp, struct entry *e, const struct entry *to);

/* Does the file system keep the order of renames?  0; 0 with a warning when
 * forced; or -1 with the reason logged. */
int spool_check_filesystem(int root, const char *path, bool force);

#endif
