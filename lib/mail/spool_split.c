/* SPDX-License-Identifier: ISC */
/*
 * A message for several destinations becomes several names of one file.
 *
 *	1  append the split record, flush the file
 *	2  link every part but the first into split/<s>/
 *	3  flush that directory
 *	4  rename the original from incoming/ to split/<s>/<id>.0: the commit
 *	5  rename each part into processed/, or back into incoming/ if that is
 *	   where it is to go on; part 0 last
 *
 * A crash leaves one of three pictures, told apart by two names:
 *
 *	original in incoming/        before 4: unlink the parts, start over
 *	<id>.0 in split/             after 4: go on; the parts go back to
 *	                             incoming/ as entries of their own, where
 *	                             the engine routes each as it routes any
 *	neither                      an operator took the original between 3
 *	                             and 4: unlink the parts
 *
 * Part 0 leaves split/ last, so that it tells the second from the third.
 */
#include "mail/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "mail/journal.h"
#include "mail/queuefile.h"
#include "mail/spool_path.h"

static int
append_record(const struct entry *e, int fd, const struct split_part *parts,
    size_t n, int64_t now_s)
{
	struct buf lists = {0}, line = {0};
	struct record rec = {.kind = RECORD_SPLIT, .time_s = now_s};
	int rc;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(&lists, '/');
		buf_add_str(&lists, parts[i].recipients);
	}
	rec.suffix = id_suffix(e->id);
	rec.recipients = (struct str){buf_text(&lists), lists.len};
	record_format(&rec, &line);
	rc = queuefile_append(fd, &line);
	buf_free(&line);
	buf_free(&lists);
	return rc;
}

/* The part's name; -1 when the id has no room for one more suffix. */
static int
part_entry(const struct entry *e, size_t i, struct entry *part)
{
	*part = (struct entry){.state = STATE_SPLIT, .shard = e->shard};
	if ((size_t)snprintf(part->id, sizeof(part->id), "%s.%zu", e->id, i) >=
	    sizeof(part->id)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

/* The file has as many names as the file system allows (65,000 on ext4): this
 * part becomes a copy with a journal of its own from here on. */
static int
copy_part(struct spool *sp, int from, unsigned shard, const char *name)
{
	char data[65536];
	off_t at = 0;
	ssize_t n;
	int fd;

	fd = openat(sp->split[shard], name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0660);
	if (fd == -1)
		return -1;
	while ((n = pread(from, data, sizeof(data), at)) > 0) {
		if (fd_write_all(fd, data, (size_t)n) == -1)
			break;
		at += n;
	}
	if (n != 0 || fsync(fd) == -1) {
		fd_close(&fd);
		return -1;
	}
	return fd_close(&fd);
}

static int
link_part(struct spool *sp, const struct entry *e, int fd, size_t i)
{
	struct entry part;
	int tries;

	if (part_entry(e, i, &part) == -1)
		return -1;
	for (tries = 0; tries < 2; tries++) {
		if (linkat(sp->incoming[e->shard], e->id, sp->split[e->shard],
			part.id, 0) == 0)
			return 0;
		if (errno == EMLINK)
			return copy_part(sp, fd, e->shard, part.id);
		if (errno != EEXIST)
			return -1;
		/* Left by a split of this entry that failed half-way. */
		unlinkat(sp->split[e->shard], part.id, 0);
	}
	return -1;
}

static void
unlink_parts(struct spool *sp, const struct entry *e, size_t n)
{
	struct entry part;

	for (size_t i = 1; i < n; i++)
		if (part_entry(e, i, &part) == 0)
			unlinkat(sp->split[e->shard], part.id, 0);
}

/* Steps 1 to 4.  On failure nothing is left in split/. */
static int
split_commit(struct spool *sp, const struct entry *e, int fd,
    const struct split_part *parts, size_t n, int64_t now_s)
{
	struct entry original = *e, first, last;
	const char *step;
	int saved;

	step = "name the parts";
	if (part_entry(e, n - 1, &last) == -1)
		goto fail;
	step = "journal the split";
	if (append_record(e, fd, parts, n, now_s) == -1)
		goto fail;
	step = "flush the split's record";
	if (queuefile_flush(fd) == -1)
		goto flush_failed;
	step = "link into split/";
	for (size_t i = 1; i < n; i++)
		if (link_part(sp, e, fd, i) == -1)
			goto fail;
	step = "flush split/";
	if (fsync(sp->split[e->shard]) == -1)
		goto flush_failed;
	step = "rename into split/";
	if (part_entry(e, 0, &first) == 0 &&
	    spool_rename(sp, &original, &first) == 0)
		return 0;
	goto fail;
flush_failed:
	if (errno == EIO)
		spool_fail(sp, step);
fail:
	saved = errno;
	if (errno != ENOENT) /* else an operator took it */
		log_warn("%s: %s", e->id, step);
	unlink_parts(sp, e, n);
	errno = saved;
	return -1;
}

static int
return_part(struct spool *sp, struct entry *part)
{
	struct entry to = {.state = STATE_INCOMING, .shard = part->shard};

	memcpy(to.id, part->id, sizeof(to.id));
	return spool_rename(sp, part, &to);
}

static int
move_part(struct spool *sp, struct entry *part, const struct split_part *to)
{
	if (to->tag == NULL)
		return return_part(sp, part);
	return spool_process(sp, part, -1, to->prio, to->tag, to->shard);
}

int
spool_split(struct spool *sp, struct entry *e, int fd,
    const struct split_part *parts, size_t n, int64_t now_s)
{
	struct entry part;
	int rc = 0;

	assert(e->state == STATE_INCOMING && n > 1);
	if (split_commit(sp, e, fd, parts, n, now_s) == -1)
		return -1;
	for (size_t i = n; i-- > 0;) {
		/* While another part is left, part 0 stays to tell. */
		if (i == 0 && rc == -1)
			break;
		if (part_entry(e, i, &part) == -1 ||
		    move_part(sp, &part, &parts[i]) == -1)
			rc = -1; /* logged; recovery finishes it */
	}
	return rc;
}

/* ---- recovery ---- */

struct leftovers {
	struct entry *list;
	size_t n;
};

static int
on_leftover(void *arg, const struct entry *e)
{
	struct leftovers *l = arg;

	l->list = mem_resize(l->list, l->n + 1, sizeof(*l->list));
	l->list[l->n++] = *e;
	return 0;
}

/* Cut the last suffix off: the id that was split.  Returns that suffix. */
static const char *
cut_suffix(char id[ID_SIZE])
{
	char *dot = strrchr(id, '.');

	if (dot == NULL)
		return NULL;
	*dot = '\0';
	return dot + 1;
}

/* 1, 0, or -1: it cannot be told, and nothing may be undone by that. */
static int
exists(int dirfd, const char *name)
{
	if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -1;
}

static int
recover_part(struct spool *sp, struct entry *e)
{
	char parent[ID_SIZE], first[ID_SIZE + 2];
	int waits, committed;

	memcpy(parent, e->id, sizeof(parent));
	if (cut_suffix(parent) == NULL)
		return spool_corrupt(sp, e, "no part of a split");
	snprintf(first, sizeof(first), "%s.0", parent);
	waits = exists(sp->incoming[e->shard], parent);
	committed = exists(sp->split[e->shard], first);
	if (waits == -1 || committed == -1)
		return -1;
	if (waits || !committed) {
		if (unlinkat(sp->split[e->shard], e->id, 0) == 0)
			return 0;
		return errno == EISDIR ? spool_corrupt(sp, e, "a directory")
		                       : -1;
	}
	return return_part(sp, e);
}

static bool
is_first_part(const struct entry *e)
{
	size_t len = strlen(e->id);

	return len > 2 && strcmp(e->id + len - 2, ".0") == 0;
}

/* Those that are part 0 of a split, or those that are not: 0, or -1 when one
 * of them is still there. */
static int
recover_parts(struct spool *sp, struct leftovers *left, bool first_parts)
{
	int rc = 0;

	for (size_t i = 0; i < left->n; i++) {
		struct entry *e = &left->list[i];

		if (is_first_part(e) != first_parts)
			continue;
		if (recover_part(sp, e) == -1 && errno != ENOENT) {
			log_warn("%s: recover a split", e->id);
			rc = -1;
		}
	}
	return rc;
}

int
spool_recover_splits(struct spool *sp, unsigned shard)
{
	struct leftovers left = {0};
	int rc;

	rc = spool_list(sp, STATE_SPLIT, shard, true, on_leftover, &left);
	if (rc == 0)
		rc = recover_parts(sp, &left, false);
	if (rc == 0)
		rc = recover_parts(sp, &left, true);
	if (left.n > 0)
		log_info("split/%u: recovered %zu parts", shard, left.n);
	free(left.list);
	return rc;
}

struct recovery {
	struct spool *sp;
	bool (*is_claimed)(const struct entry *e);
	size_t n;
	bool failed;
};

static int
on_claim_left(void *arg, const struct entry *e)
{
	struct recovery *r = arg;
	struct entry copy = *e;

	if (r->is_claimed != NULL && r->is_claimed(e))
		return 0;
	if (spool_unclaim(r->sp, &copy) == 0)
		r->n++;
	else if (errno != ENOENT)
		r->failed = true; /* logged */
	return 0;
}

int
spool_recover_sending(
    struct spool *sp, unsigned shard, bool (*is_claimed)(const struct entry *e))
{
	struct recovery r = {.sp = sp, .is_claimed = is_claimed};
	int rc;

	rc = spool_list(sp, STATE_SENDING, shard, true, on_claim_left, &r);
	if (r.n > 0)
		log_info("sending/%u: recovered %zu claims", shard, r.n);
	return r.failed ? -1 : rc;
}
