/* SPDX-License-Identifier: ISC */
/*
 * Group commit: the bytes, then the names, then the directories.  Only after
 * all three may anybody be told 250.
 *
 *	died before the renames      leftovers in tmp/, cleaned by the next
 *	                             holder; nobody was told 250
 *	died between rename, fsync   the message is there or not; nobody was
 *	                             told 250, the client sends again
 */
#include "mail/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#define DRAFT_KEPT_S 86400

/* Make one finished draft's bytes durable: 0 or an errno.  Closes its file. */
static int
flush_file(const char *id, int *fd)
{
	int error = 0;

	if (fdatasync(*fd) == -1) {
		error = errno;
		log_warn("%s: flush in tmp/", id);
	}
	if (fd_close(fd) == -1 && error == 0) {
		error = errno;
		log_warn("%s: close in tmp/", id);
	}
	return error;
}

/* False: it could not even be opened, which says nothing of the disk. */
static bool
flush_by_name(struct spool *sp, struct commit *c)
{
	int fd;

	fd = openat(sp->tmp[c->slot], c->id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd != -1) {
		c->status = flush_file(c->id, &fd);
		return true;
	}
	c->status = errno;
	log_warn("%s: open in tmp/", c->id);
	return false;
}

/* One flush of the whole file system for all of them. */
static int
flush_together(struct spool *sp, struct commit *batch, size_t n)
{
	int error = 0;

	if (syncfs(sp->tmp[0]) == -1) {
		error = errno;
		log_warn("flush of %zu messages in tmp/", n);
	}
	for (size_t i = 0; i < n; i++)
		batch[i].status = error;
	return error;
}

/* A flush each. */
static int
flush_singly(struct spool *sp, struct commit *batch, size_t n)
{
	int error = 0;

	for (size_t i = 0; i < n; i++)
		if (flush_by_name(sp, &batch[i]) && batch[i].status == EIO)
			error = EIO;
	return error;
}

/* A failed flush is never tried again: the kernel may have dropped the pages
 * and would then report success. */
int
spool_commit_data(struct spool *sp, struct commit *batch, size_t n, bool whole)
{
	int error = EIO;

	if (!spool_failed(sp)) {
		error = whole || n >= sp->syncfs_at
		            ? flush_together(sp, batch, n)
		            : flush_singly(sp, batch, n);
		errno = error;
		if (error == EIO)
			spool_fail(sp, "flush of new messages");
	}
	for (size_t i = 0; error == EIO && i < n; i++)
		batch[i].status = EIO;
	errno = error;
	return error == 0 ? 0 : -1;
}

/* Into incoming/.  The name of a report is derived from what it reports; when
 * it is there already, so is the report. */
static void
publish(struct spool *sp, struct commit *c)
{
	if (c->status != 0)
		return;
	if (renameat2(sp->tmp[c->slot], c->id, sp->incoming[c->slot], c->id,
		RENAME_NOREPLACE) == 0)
		return;
	if (errno == EEXIST && c->derived) {
		unlinkat(sp->tmp[c->slot], c->id, 0);
		return;
	}
	c->status = errno;
	log_warn("%s: rename into incoming/", c->id);
}

/* One flush of each incoming directory that got a name.  error_r says of each
 * slot why it is not durable, or 0. */
static void
flush_names(
    struct spool *sp, const struct commit *batch, size_t n, int error_r[SHARDS])
{
	unsigned used = 0;

	for (size_t i = 0; i < n; i++)
		if (batch[i].status == 0)
			used |= 1U << batch[i].slot;
	for (unsigned s = 0; s < SHARDS; s++) {
		if ((used & (1U << s)) == 0)
			continue;
		if (!spool_failed(sp) && fsync(sp->incoming[s]) == -1) {
			error_r[s] = errno;
			if (errno == EIO)
				spool_fail(sp, "flush of incoming/");
			else
				log_warn("flush of incoming/%u", s);
		}
		if (spool_failed(sp))
			error_r[s] = EIO;
	}
}

/* Nothing may be left of what is answered with 451, or the client's next try
 * makes a second one.  False: the engine has taken it onward meanwhile, and it
 * cannot be called back. */
static bool
withdraw(struct spool *sp, struct commit *c)
{
	if (unlinkat(sp->tmp[c->slot], c->id, 0) == 0 || errno != ENOENT)
		return true;
	return unlinkat(sp->incoming[c->slot], c->id, 0) == 0 ||
	       errno != ENOENT;
}

/* A report that has gone onward is not made again: that it was made becomes
 * durable no earlier than its name. */
static void
settle(struct spool *sp, struct commit *c, int error)
{
	bool published = c->status == 0;

	if (published)
		c->status = error;
	if (c->status != 0 && !withdraw(sp, c) && published && c->derived &&
	    c->status != EIO)
		c->status = 0;
}

void
spool_commit_names(struct spool *sp, struct commit *batch, size_t n)
{
	for (size_t i = 0; i < n; i++)
		publish(sp, &batch[i]);
}

void
spool_commit_settle(
    struct spool *sp, struct commit *batch, size_t n, bool durable)
{
	int error[SHARDS] = {0};

	if (!durable)
		flush_names(sp, batch, n, error);
	for (size_t i = 0; i < n; i++)
		settle(sp, &batch[i], error[batch[i].slot]);
}

int
spool_commit(struct spool *sp, struct commit *batch, size_t n)
{
	(void)spool_commit_data(sp, batch, n, false); /* each status tells */
	spool_commit_names(sp, batch, n);
	spool_commit_settle(sp, batch, n, false);
	return spool_failed(sp) ? -1 : 0;
}

int
spool_commit_draft(struct spool *sp, struct draft *d)
{
	struct commit c = {.slot = d->slot, .status = EIO};

	memcpy(c.id, d->id, sizeof(c.id));
	if (spool_failed(sp)) {
		fd_close(&d->fd);
	} else {
		c.status = flush_file(c.id, &d->fd);
		errno = c.status;
		if (c.status == EIO)
			spool_fail(sp, "flush of a new message");
	}
	spool_commit_names(sp, &c, 1);
	spool_commit_settle(sp, &c, 1, false);
	errno = c.status;
	return c.status == 0 ? 0 : -1;
}

int
spool_publish_draft(struct spool *sp, const char *id, unsigned slot)
{
	for (unsigned i = 0; i < SHARDS; i++) {
		unsigned s = (slot + i) % SHARDS;

		if (renameat2(sp->tmp[s], id, sp->incoming[slot], id,
			RENAME_NOREPLACE) == 0)
			return 1;
		if (errno == EEXIST) {
			unlinkat(sp->tmp[s], id, 0);
			return 0;
		}
		if (errno != ENOENT) {
			log_warn("%s: rename into incoming/", id);
			return -1;
		}
	}
	return 0;
}

void
spool_drop_draft(struct spool *sp, unsigned slot, const char *id)
{
	unlinkat(sp->tmp[slot], id, 0);
}

/*
 * A draft of the engine may be named by a journal already; it stays for a day,
 * since the entry whose journal that is may be with an operator meanwhile.
 */
static bool
may_be_wanted(const struct spool *sp, unsigned shard, const char *name)
{
	struct stat st;

	return sp->room == ROOM_ENGINE &&
	       fstatat(sp->tmp[shard], name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       clock_wall_s() - st.st_mtime < DRAFT_KEPT_S;
}

int
spool_clean_slot(struct spool *sp, unsigned shard)
{
	struct dirent *de;
	size_t n = 0;
	DIR *dir;
	int fd;

	fd = openat(sp->tmp[shard], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (dir = fdopendir(fd)) == NULL) {
		log_warn("tmp/%s.%u: open", room_name(sp->room), shard);
		fd_close(&fd);
		return -1;
	}
	while ((de = readdir(dir)) != NULL)
		if (de->d_name[0] != '.' &&
		    !may_be_wanted(sp, shard, de->d_name) &&
		    unlinkat(sp->tmp[shard], de->d_name, 0) == 0)
			n++;
	closedir(dir);
	if (n > 0)
		log_info("tmp/%s.%u: removed %zu leftovers",
		    room_name(sp->room), shard, n);
	return 0;
}

int
spool_share_slot(struct spool *sp)
{
	struct flock shared = {
	    .l_type = F_RDLCK,
	    .l_whence = SEEK_SET,
	    .l_start = 0,
	    .l_len = 1,
	};

	/* Alone: nobody who runs can have anything in it. */
	if (spool_shard_take(sp, 0))
		(void)spool_clean_slot(sp, 0);
	if (fcntl(sp->locks, F_SETLKW, &shared) == 0)
		return 0;
	log_warn("tmp/%s.0: share", room_name(sp->room));
	return -1;
}
