/* SPDX-License-Identifier: ISC */
/*
 * From an entry to its directory and name: private to the files spool*.c.
 * Layer: mail.
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

#endif
