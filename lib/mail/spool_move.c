/* SPDX-License-Identifier: ISC */
/*
 * Every move of an entry is one renameat2(2) with RENAME_NOREPLACE: a plain
 * rename would overwrite, and between two names of one file do nothing and
 * report success.  Dying before a rename leaves the old name, after it the new
 * one, never both and never neither.
 */
#include "mail/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "mail/journal.h"
#include "mail/queuefile.h"
#include "mail/spool_path.h"

/* ---- limits and failure ---- */

void
spool_set_limits(struct spool *sp, uint64_t reserve_bytes,
    uint64_t reserve_inodes, size_t syncfs_at)
{
	sp->reserve_bytes = reserve_bytes;
	sp->reserve_inodes = reserve_inodes;
	sp->syncfs_at = syncfs_at;
	sp->space_ms = 0;
}

static void
measure_space(struct spool *sp)
{
	struct statvfs fs;
	uint64_t bytes;

	sp->space_errno = 0;
	sp->space_bytes = sp->space_inodes = 0;
	sp->spent_bytes = sp->spent_inodes = 0;
	if (fstatvfs(sp->incoming[0], &fs) == -1) {
		sp->space_errno = errno;
		return;
	}
	bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	/* f_files is 0 where inodes are made on demand. */
	if (fs.f_files == 0)
		fs.f_favail = UINT64_MAX;
	if (bytes < sp->reserve_bytes || fs.f_favail < sp->reserve_inodes) {
		sp->space_errno = ENOSPC;
		return;
	}
	sp->space_bytes = bytes - sp->reserve_bytes;
	sp->space_inodes = fs.f_favail - sp->reserve_inodes;
}

int
spool_space(struct spool *sp, uint64_t size)
{
	int64_t now_ms = clock_steady_ms();

	if (spool_failed(sp)) {
		errno = EIO;
		return -1;
	}
	if (sp->space_ms == 0 || now_ms - sp->space_ms >= 1000 ||
	    sp->spent_bytes >= sp->space_bytes / 16 ||
	    sp->spent_inodes >= sp->space_inodes / 16) {
		measure_space(sp);
		sp->space_ms = now_ms;
	}
	if (sp->space_errno == 0 &&
	    (sp->spent_bytes > sp->space_bytes ||
		size > sp->space_bytes - sp->spent_bytes)) {
		errno = ENOSPC;
		return -1;
	}
	if (sp->space_errno != 0) {
		errno = sp->space_errno;
		return -1;
	}
	sp->spent_bytes += size;
	sp->spent_inodes++;
	return 0;
}

int64_t
spool_changed_s(const struct spool *sp, enum state state, unsigned shard)
{
	struct stat st;

	if (fstat(spool_dirfd(sp, state, shard), &st) == -1)
		return 0;
	return st.st_mtime;
}

void
spool_spend(struct spool *sp, uint64_t size)
{
	sp->spent_bytes += size;
}

bool
spool_failed(const struct spool *sp)
{
	return *sp->failed != 0;
}

void
spool_fail(struct spool *sp, const char *step)
{
	int saved = errno;

	if (*sp->failed == 0)
		log_warnx("spool: FAILED at \"%s\": %s: nothing more is taken "
			  "until the disk is seen to and this daemon restarted",
		    step, strerror(saved));
	*sp->failed = 1;
	errno = saved;
}

int
spool_flush(struct spool *sp)
{
	if (spool_failed(sp)) {
		errno = EIO;
		return -1;
	}
	if (syncfs(sp->tmp[0]) == 0)
		return 0;
	spool_fail(sp, "flush");
	return -1;
}

void
spool_flush_alone(struct spool *sp)
{
	int fd;

	fd = openat(sp->tmp[0], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || dup3(fd, sp->tmp[0], O_CLOEXEC) == -1)
		fatal("spool: open tmp/ for flushes");
	fd_close(&fd);
}

bool
spool_shard_take(struct spool *sp, unsigned shard)
{
	struct flock lock = {
	    .l_type = F_WRLCK,
	    .l_whence = SEEK_SET,
	    .l_start = (off_t)shard,
	    .l_len = 1,
	};

	assert(shard < SHARDS);
	return fcntl(sp->locks, F_SETLK, &lock) == 0;
}

void
spool_shard_drop(struct spool *sp, unsigned shard)
{
	struct flock lock = {
	    .l_type = F_UNLCK,
	    .l_whence = SEEK_SET,
	    .l_start = (off_t)shard,
	    .l_len = 1,
	};

	fcntl(sp->locks, F_SETLK, &lock);
}

/* ---- names to places ---- */

int
spool_dirfd(const struct spool *sp, enum state state, unsigned shard)
{
	assert(shard < SHARDS);
	switch (state) {
	case STATE_INCOMING:
		return sp->incoming[shard];
	case STATE_SPLIT:
		return sp->split[shard];
	case STATE_PROCESSED:
		return sp->processed[shard];
	case STATE_SENDING:
		return sp->sending[shard];
	case STATE_DEFERRED:
		return sp->deferred[shard];
	case STATE_HELD:
		return sp->held;
	case STATE_CORRUPT:
		return sp->corrupt;
	}
	return -1;
}

void
spool_path(const struct entry *e, char out[SPOOL_PATH_SIZE])
{
	int n = 0;

	if (e->state == STATE_DEFERRED)
		n = snprintf(out, SPOOL_PATH_SIZE, "%" PRId64 "/",
		    e->due_s >> BUCKET_SHIFT);
	entry_format(e, out + n);
}

/*
 * O_NONBLOCK: a fifo put there must not hold us up.  That it is no regular file
 * shows at the first pread(2), without a system call of its own.
 */
int
spool_open_entry(struct spool *sp, const struct entry *e)
{
	char path[SPOOL_PATH_SIZE];
	int fd;

	spool_path(e, path);
	fd = openat(spool_dirfd(sp, e->state, e->shard), path,
	    O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd != -1)
		return fd;
	if (errno == ELOOP || errno == EISDIR || errno == ENXIO)
		errno = EBADMSG;
	else if (errno != ENOENT)
		log_warn("%s: open in %s/", e->id, state_name(e->state));
	return -1;
}

/* ---- moves ---- */

/* One rename, nothing logged: 0 and *e is `to`, or -1. */
int
spool_rename(struct spool *sp, struct entry *e, const struct entry *to)
{
	char from_path[SPOOL_PATH_SIZE], to_path[SPOOL_PATH_SIZE];

	spool_path(e, from_path);
	spool_path(to, to_path);
	if (renameat2(spool_dirfd(sp, e->state, e->shard), from_path,
		spool_dirfd(sp, to->state, to->shard), to_path,
		RENAME_NOREPLACE) == -1)
		return -1;
	*e = *to;
	return 0;
}

static int
move(struct spool *sp, struct entry *e, const struct entry *to)
{
	enum state from = e->state;

	if (spool_rename(sp, e, to) == 0)
		return 0;
	if (errno != ENOENT) /* else somebody else's rename was first */
		log_warn("%s: rename from %s/ into %s/", e->id,
		    state_name(from), state_name(to->state));
	return -1;
}

int
spool_process(struct spool *sp, struct entry *e, int flush_fd, char prio,
    const char *tag, unsigned shard)
{
	struct entry to = *e;

	assert(e->state == STATE_INCOMING || e->state == STATE_SPLIT);
	assert(prio >= '0' && prio <= '9');
	/* Dying before the move leaves it in incoming/, where it is routed
	 * again; a record that decided its way must be there then. */
	if (flush_fd != -1 && queuefile_flush(flush_fd) == -1) {
		if (errno == EIO)
			spool_fail(sp, "flush route record");
		else
			log_warn("%s: flush route record", e->id);
		return -1;
	}
	to.state = STATE_PROCESSED;
	to.shard = shard;
	to.prio = prio;
	memcpy(to.tag, tag, sizeof(to.tag));
	return move(sp, e, &to);
}

int
spool_claim(struct spool *sp, struct entry *e)
{
	struct entry to = *e;

	assert(e->state == STATE_PROCESSED);
	to.state = STATE_SENDING;
	return move(sp, e, &to);
}

int
spool_unclaim(struct spool *sp, struct entry *e)
{
	struct entry to = *e;

	assert(e->state == STATE_SENDING);
	to.state = STATE_PROCESSED;
	if (move(sp, e, &to) == 0)
		return 0;
	return errno == EEXIST ? spool_reroute(sp, e) : -1;
}

int
spool_wake(struct spool *sp, struct entry *e)
{
	struct entry to = *e;

	assert(e->state == STATE_DEFERRED);
	to.state = STATE_PROCESSED;
	to.due_s = 0;
	return move(sp, e, &to);
}

int
spool_defer(struct spool *sp, struct entry *e, int64_t due_s)
{
	struct entry to = *e;
	char bucket[24];

	assert(e->state == STATE_SENDING);
	to.state = STATE_DEFERRED;
	to.due_s = due_s < 0 ? 0 : due_s;
	if (spool_rename(sp, e, &to) == 0)
		return 0;
	if (errno != ENOENT) {
		log_warn("%s: rename into deferred/", e->id);
		return -1;
	}
	/* Most often the bucket is there; else it is made now.  Metadata is
	 * ordered: no power cut keeps the rename and loses the directory. */
	snprintf(bucket, sizeof(bucket), "%" PRId64, to.due_s >> BUCKET_SHIFT);
	if (mkdirat(sp->deferred[e->shard], bucket, 0770) == -1 &&
	    errno != EEXIST) {
		log_warn("%s: make deferred/%u/%s", e->id, e->shard, bucket);
		return -1;
	}
	return move(sp, e, &to);
}

int
spool_bucket_remove(struct spool *sp, unsigned shard, int64_t bucket)
{
	char name[24];

	snprintf(name, sizeof(name), "%" PRId64, bucket);
	return unlinkat(sp->deferred[shard], name, AT_REMOVEDIR);
}

int
spool_reroute(struct spool *sp, struct entry *e)
{
	struct entry to = {.state = STATE_INCOMING, .shard = id_shard(e->id)};

	assert(e->state != STATE_SPLIT && e->state != STATE_INCOMING);
	assert(e->state != STATE_SENDING || sp->room == ROOM_SENDER);
	memcpy(to.id, e->id, sizeof(to.id));
	return move(sp, e, &to);
}

int
spool_hold(struct spool *sp, struct entry *e)
{
	struct entry to = {.state = STATE_HELD};

	assert(e->state != STATE_SPLIT);
	assert(e->state != STATE_SENDING || sp->room == ROOM_SENDER);
	memcpy(to.id, e->id, sizeof(to.id));
	return move(sp, e, &to);
}

int
spool_hold_suspect(struct spool *sp, struct entry *e)
{
	struct record rec = {
	    .kind = RECORD_HOLD,
	    .time_s = clock_wall_s(),
	    .suffix = id_suffix(e->id),
	    .who = str_of(room_name(sp->room)),
	    .text = str_of("crashed its worker twice"),
	};
	struct buf line = {0};
	int fd = spool_open_entry(sp, e), rc;

	record_format(&rec, &line);
	if (fd != -1 && queuefile_append(fd, &line) == -1)
		log_warn("%s: journal the hold", e->id);
	fd_close(&fd);
	buf_free(&line);
	rc = spool_hold(sp, e);
	if (rc == 0)
		log_warnx("%s: held reason=\"%.*s\"", e->id, (int)rec.text.len,
		    rec.text.s);
	return rc;
}

int
spool_corrupt(struct spool *sp, struct entry *e, const char *why)
{
	struct entry to = {.state = STATE_CORRUPT};
	char from[ENTRY_SIZE];
	enum state state = e->state;
	int rc;

	entry_format(e, from);
	memcpy(to.id, e->id, sizeof(to.id));
	rc = spool_rename(sp, e, &to);
	if (rc == -1 && errno == EEXIST) { /* two damaged ones of one id */
		id_make(to.id);
		rc = spool_rename(sp, e, &to);
	}
	if (rc == 0)
		log_warnx("%s: damaged: %s: moved from %s/%s to corrupt/%s",
		    e->id, why, state_name(state), from, to.id);
	else if (errno != ENOENT)
		log_warn("%s: damaged: %s: rename from %s/ into corrupt/",
		    e->id, why, state_name(state));
	return rc;
}

/*
 * An operator's deletion first takes the entry into the tool's own tmp/ slot,
 * so that exactly one of two deletions, or of a deletion and a claim, wins.
 */
static int
remove_by_operator(struct spool *sp, struct entry *e)
{
	char path[SPOOL_PATH_SIZE];

	spool_path(e, path);
	if (renameat2(spool_dirfd(sp, e->state, e->shard), path, sp->tmp[0],
		e->id, RENAME_NOREPLACE) == -1)
		return -1;
	return unlinkat(sp->tmp[0], e->id, 0);
}

int
spool_remove(struct spool *sp, struct entry *e)
{
	char path[SPOOL_PATH_SIZE];
	int rc;

	if (sp->room == ROOM_QUEUE_TOOL) {
		assert(e->state != STATE_SENDING && e->state != STATE_SPLIT);
		rc = remove_by_operator(sp, e);
	} else {
		spool_path(e, path);
		rc = unlinkat(spool_dirfd(sp, e->state, e->shard), path, 0);
	}
	if (rc == -1 && errno != ENOENT)
		log_warn("%s: remove from %s/", e->id, state_name(e->state));
	return rc;
}
