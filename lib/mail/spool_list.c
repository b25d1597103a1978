/* SPDX-License-Identifier: ISC */
/*
 * Reading the spool's directories.  A directory that changes meanwhile shows a
 * name or not; whoever acts on a name finds out by his rename.
 */
#include "mail/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "mail/spool_path.h"

/* A fresh stream on name below dirfd, which keeps its own position. */
static DIR *
open_stream(int dirfd, const char *name)
{
	int fd;
	DIR *dir;

	fd = openat(
	    dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return NULL;
	if ((dir = fdopendir(fd)) == NULL)
		fd_close(&fd);
	return dir;
}

/* A name that no entry can have: it must not be mail that is never seen. */
static void
mend_name(void *arg, int dirfd, const char *where, const char *name)
{
	struct spool *sp = arg;
	char id[ID_LEN + 1];

	id_make(id);
	if (renameat2(dirfd, name, sp->corrupt, id, RENAME_NOREPLACE) == 0)
		log_warnx("%s: moved %s/%s, which is no entry's name, to "
			  "corrupt/",
		    id, where, name);
	else if (errno != ENOENT)
		log_warn("%s/%s: rename into corrupt/", where, name);
}

struct listing {
	struct spool *sp;
	enum state state;
	unsigned shard;
	int (*on_entry)(void *arg, const struct entry *e);
	void *arg;
	spool_on_odd on_odd; /* NULL: odd names are passed over */
	void *odd_arg;
};

static void
odd(const struct listing *l, int dirfd, const char *name)
{
	if (l->on_odd != NULL)
		l->on_odd(l->odd_arg, dirfd, state_name(l->state), name);
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* One directory of entries; deferred: those of that bucket. */
static int
list_directory(
    const struct listing *l, int parent, const char *name, int64_t bucket)
{
	struct dirent *de;
	struct entry e;
	int rc = 0;
	DIR *dir;

	if ((dir = open_stream(parent, name)) == NULL)
		return -1;
	while (rc == 0 && (errno = 0, de = readdir(dir)) != NULL) {
		if (is_dots(de->d_name))
			continue;
		if (entry_parse(l->state, l->shard, de->d_name, &e) == 0 &&
		    (l->state != STATE_DEFERRED ||
			e.due_s >> BUCKET_SHIFT == bucket))
			rc = l->on_entry(l->arg, &e);
		else
			odd(l, dirfd(dir), de->d_name);
	}
	if (rc == 0 && errno != 0)
		rc = -1;
	closedir(dir);
	return rc;
}

#define BUCKET_SIZE 24

static void
bucket_format(int64_t bucket, char out[BUCKET_SIZE])
{
	snprintf(out, BUCKET_SIZE, "%" PRId64, bucket);
}

static int
bucket_parse(const char *name, int64_t *bucket_r)
{
	char again[BUCKET_SIZE];
	uint64_t bucket;

	if (str_number(str_of(name), INT64_MAX >> BUCKET_SHIFT, &bucket) == -1)
		return -1;
	*bucket_r = (int64_t)bucket;
	bucket_format(*bucket_r, again);
	return strcmp(name, again) == 0 ? 0 : -1;
}

/* All buckets of a shard; what else is in its directory is odd. */
static int
list_buckets(const struct listing *l,
    int (*on_bucket)(void *arg, int64_t bucket), void *arg)
{
	struct dirent *de;
	int64_t bucket;
	int rc = 0;
	DIR *dir;

	if ((dir = open_stream(l->sp->deferred[l->shard], ".")) == NULL)
		return -1;
	while (rc == 0 && (errno = 0, de = readdir(dir)) != NULL) {
		if (bucket_parse(de->d_name, &bucket) == 0)
			rc = on_bucket(arg, bucket);
		else if (!is_dots(de->d_name))
			odd(l, dirfd(dir), de->d_name);
	}
	if (rc == 0 && errno != 0)
		rc = -1;
	closedir(dir);
	return rc;
}

int
spool_list_buckets(struct spool *sp, unsigned shard,
    int (*on_bucket)(void *arg, int64_t bucket), void *arg)
{
	struct listing l = {.sp = sp,
	    .state = STATE_DEFERRED,
	    .shard = shard,
	    .on_odd = mend_name,
	    .odd_arg = sp};

	return list_buckets(&l, on_bucket, arg);
}

/* What is no directory is odd: nothing could be deferred into it. */
static int
list_bucket(const struct listing *l, int64_t bucket)
{
	int parent = l->sp->deferred[l->shard], rc;
	char name[BUCKET_SIZE];

	bucket_format(bucket, name);
	rc = list_directory(l, parent, name, bucket);
	if (rc == -1 && (errno == ENOTDIR || errno == ELOOP))
		odd(l, parent, name);
	else if (rc == -1 && errno != ENOENT)
		return -1;
	return rc == -1 ? 0 : rc;
}

int
spool_list_bucket(struct spool *sp, unsigned shard, int64_t bucket,
    int (*on_entry)(void *arg, const struct entry *e), void *arg)
{
	struct listing l = {
	    sp, STATE_DEFERRED, shard, on_entry, arg, mend_name, sp};

	return list_bucket(&l, bucket);
}

static int
on_bucket(void *arg, int64_t bucket)
{
	return list_bucket(arg, bucket);
}

int
spool_list(struct spool *sp, enum state state, unsigned shard, bool mend,
    int (*on_entry)(void *arg, const struct entry *e), void *arg)
{
	struct listing l = {
	    sp, state, shard, on_entry, arg, mend ? mend_name : NULL, sp};

	if (state == STATE_DEFERRED)
		return list_buckets(&l, on_bucket, &l);
	return list_directory(&l, spool_dirfd(sp, state, shard), ".", 0);
}

static int
pass_over(void *arg, const struct entry *e)
{
	(void)arg;
	(void)e;
	return 0;
}

int
spool_list_odd(struct spool *sp, enum state state, unsigned shard,
    spool_on_odd on_odd, void *arg)
{
	struct listing l = {sp, state, shard, pass_over, NULL, on_odd, arg};

	if (state == STATE_DEFERRED)
		return list_buckets(&l, on_bucket, &l);
	return list_directory(&l, spool_dirfd(sp, state, shard), ".", 0);
}

/* ---- finding one ---- */

static bool
is_here(struct spool *sp, const char *id, enum state state, unsigned shard,
    struct entry *e_r)
{
	struct entry e = {.state = state, .shard = shard};

	str_copy(e.id, sizeof(e.id), str_of(id));
	if (faccessat(spool_dirfd(sp, state, shard), id, F_OK,
		AT_SYMLINK_NOFOLLOW) == -1)
		return false;
	*e_r = e;
	return true;
}

struct wanted {
	const char *id;
	struct entry *e_r;
};

static int
on_candidate(void *arg, const struct entry *e)
{
	struct wanted *w = arg;

	if (strcmp(e->id, w->id) != 0)
		return 0;
	*w->e_r = *e;
	return 1;
}

int
spool_find(struct spool *sp, const char *id, struct entry *e_r)
{
	static const enum state listed[] = {
	    STATE_PROCESSED, STATE_SENDING, STATE_DEFERRED};
	struct wanted w = {id, e_r};

	if (id_check(id)) {
		if (is_here(sp, id, STATE_HELD, 0, e_r) ||
		    is_here(sp, id, STATE_CORRUPT, 0, e_r))
			return 0;
		for (unsigned s = 0; s < SHARDS; s++)
			if (is_here(sp, id, STATE_INCOMING, s, e_r) ||
			    is_here(sp, id, STATE_SPLIT, s, e_r))
				return 0;
		for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
			for (unsigned s = 0; s < SHARDS; s++)
				if (spool_list(sp, listed[i], s, false,
					on_candidate, &w) == 1)
					return 0;
	}
	errno = ENOENT;
	return -1;
}
