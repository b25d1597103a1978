/* SPDX-License-Identifier: ISC */
/*
 * A constant database file, through tinycdb; the only file of ours that
 * includes <cdb.h>.  Layer: base.
 *
 * Files are only ever replaced by rename, so an open one stays whole.  It is
 * still not trusted: opening checks a checksum at the end of the file, and that
 * the hash tables are contiguous, end there and hold as many records as the
 * sentinel record says, so a truncated, altered or foreign file is an error and
 * never "not found".  One that is shortened while it is open is an error from
 * then on (guard.h).
 */
#ifndef BASE_CDBFILE_H
#define BASE_CDBFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

struct cdbfile;
struct cdbwriter;

#define CDBFILE_KEY_MAX 2047 /* longer keys are not searched, not stored */

/* Open for reading: NULL and errno (EPROTO: damaged or not ours). */
struct cdbfile *cdbfile_open(int dirfd, const char *name);
/* Nothing is fine; stores NULL. */
void cdbfile_close(struct cdbfile **cf);

/* Is there another file under that name now? One fstatat(2). */
bool cdbfile_replaced(const struct cdbfile *cf, int dirfd, const char *name);

/* Was it, or what stands there under that name, written to since?  Then what it
 * answers is worth nothing. */
bool cdbfile_altered(const struct cdbfile *cf, int dirfd, const char *name);

/* Could others than its owner and group open it? */
bool cdbfile_is_public(const struct cdbfile *cf);

/* 1 found (the value stays valid until close; of several records with that key
 * it is the first), 0 absent, -1 damaged: to be treated as a temporary failure,
 * never as absent. */
int cdbfile_find(struct cdbfile *cf, struct str key, struct str *value_r);

/* Call for every record in the order of writing; stops at and returns the
 * first non-zero answer; -1 when the file is damaged. */
int cdbfile_walk(struct cdbfile *cf,
    int (*on_record)(void *arg, struct str key, struct str value), void *arg);

/*
 * Write a new file NAME.new beside `name` and put it in its place by one
 * rename, all of it flushed.  The previous file is kept as NAME.previous.  All
 * may read it: who may come near is for the directory's mode to say.
 *
 * begin: NULL and errno, EWOULDBLOCK while another writer is at work in that
 * directory.  add: -1 and errno, EFBIG when the file would pass 4 GiB, EINVAL
 * for a key that is over the limit or kept for us (a NUL and "count");
 * duplicates are the caller's to refuse.  commit: -1 and errno; the old file
 * is then still in place, unless what failed was the last flush, of the
 * directory: then the new one is, and a power cut may bring the old one back.
 * commit and abandon free it.
 */
struct cdbwriter *cdbwriter_begin(int dirfd, const char *name);
/* Before anything is added: only the owner and that group will be able to read
 * it; (gid_t)-1: only the owner. */
int cdbwriter_restrict(struct cdbwriter *w, gid_t group);
int cdbwriter_add(struct cdbwriter *w, struct str key, struct str value);
int cdbwriter_commit(struct cdbwriter **w);
void cdbwriter_abandon(struct cdbwriter **w);

#endif
