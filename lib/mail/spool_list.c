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
mend_name(struct spool *sp, int dirfd, const char *where, const char *name)
{
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
	bool mend;
	int (*on_entry)(void *arg, const struct entry *e);
	void *arg;
};

/* One directory of entries. */
static int
list_directory(const struct listing *l, int dirfd, const char *name)
{
	struct dirent *de;
	struct entry e;
	int rc = 0;
	DIR *dir;

	if ((dir = open_stream(dirfd, name)) == NULL)
		return -1;
	while (rc == 0 && (errno = 0, de = readdir(dir)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		if (entry_parse(l->state, l->shard, de->d_name, &e) == 0)
			rc = l->on_entry(l->arg, &e);
		else if (l->mend)
			mend_name(
			    l->sp, dirfd, state_name(l->state), de->d_name);
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
	struct dirent *de;
	uint64_t bucket;
	int rc = 0;
	DIR *dir;

	if ((dir = open_stream(sp->deferred[shard], ".")) == NULL)
		return -1;
	while (rc == 0 && (errno = 0, de = readdir(dir)) != NULL)
		if (str_number(str_of(de->d_name), INT64_MAX >> BUCKET_SHIFT,
			&bucket) == 0)
			rc = on_bucket(arg, (int64_t)bucket);
	if (rc == 0 && errno != 0)
		rc = -1;
	closedir(dir);
	return rc;
}

static int
list_bucket(const struct listing *l, int64_t bucket)
{
	char name[24];
	int rc;

	snprintf(name, sizeof(name), "%" PRId64, bucket);
	rc = list_directory(l, l->sp->deferred[l->shard], name);
	return rc == -1 && errno == ENOENT ? 0 : rc;
}

int
spool_list_bucket(struct spool *sp, unsigned shard, int64_t bucket,
    int (*on_entry)(void *arg, const struct entry *e), void *arg)
{
	struct listing l = {sp, STATE_DEFERRED, shard, false, on_entry, arg};

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
	struct listing l = {sp, state, shard, mend, on_entry, arg};

	if (state == STATE_DEFERRED)
		return spool_list_buckets(sp, shard, on_bucket, &l);
	return list_directory(&l, spool_dirfd(sp, state, shard), ".");
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
