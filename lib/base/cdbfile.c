/* SPDX-License-Identifier: ISC */
#include "base/cdbfile.h"

#include <assert.h>
#include <cdb.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc.h"
#include "base/fd.h"
#include "base/guard.h"

/*
 * The file begins with 256 pairs (position, slots) of 4 bytes each, one for
 * each hash table; then come the records, then the tables, each slot a pair
 * (hash, position) that is empty when its position is 0.  We add a checksum of
 * all of that, "crc32c " and 8 digits and a newline.
 */
#define TRAILER      "crc32c "
#define TRAILER_SIZE 16
#define HEAD_SIZE    2048
#define TABLES       256
#define PAIR_SIZE    8
#define RECORD_COST  (8 + 2 * PAIR_SIZE) /* lengths, and two slots */

/* The sentinel: how many records there are, this one included. */
static const struct str count_key = {"\0count", 6};

struct cdbfile {
	struct cdb cdb;
	struct guard guard;
	struct stat st; /* when it was opened */
	uint64_t records;
};

struct cdbwriter {
	struct cdb_make make;
	int dir; /* locked as long as we write */
	int fd;
	char *name, *new_name, *previous_name;
	uint64_t records, bytes;
	bool finished;
};

static bool
same(struct str a, struct str b)
{
	return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}

static int
find(struct cdb *cdb, struct str key, struct str *value_r)
{
	int found = cdb_find(cdb, key.s, key.len);

	if (found != 1)
		return found;
	value_r->s = cdb_getdata(cdb);
	value_r->len = cdb_datalen(cdb);
	return value_r->s ? 1 : -1;
}

/* How many slots of a table are in use. */
static int
count_used(const struct cdb *cdb, unsigned at, unsigned slots, uint64_t *used)
{
	const unsigned char *slot;

	if (slots == 0)
		return 0;
	slot = cdb_get(cdb, slots * PAIR_SIZE, at);
	if (!slot)
		return -1;
	for (; slots > 0; slots--, slot += PAIR_SIZE)
		if (cdb_unpack(slot + 4) != 0)
			++*used;
	return 0;
}

static bool
checksum_fits(const struct cdbfile *cf, uint64_t size)
{
	const char *all = cdb_get(&cf->cdb, (unsigned)size + TRAILER_SIZE, 0);
	char trailer[TRAILER_SIZE + 1];

	if (all == NULL)
		return false;
	snprintf(
	    trailer, sizeof(trailer), TRAILER "%08x\n", crc32c(0, all, size));
	return memcmp(all + size, trailer, TRAILER_SIZE) == 0;
}

/*
 * Do the tables follow each other up to the very end of the file, and hold as
 * many records as the sentinel says?  Does the checksum fit?  The
 * library asks nothing; a file whose tail a power cut left zeroed would answer
 * "not found" to everything.
 */
static int
check(struct cdbfile *cf, uint64_t size)
{
	const unsigned char *head;
	uint64_t at, used = 0;
	unsigned slots;
	struct str value;

	if (size < HEAD_SIZE + TRAILER_SIZE)
		goto damaged;
	size -= TRAILER_SIZE;
	if ((head = cdb_get(&cf->cdb, HEAD_SIZE, 0)) == NULL)
		return -1;
	at = cdb_unpack(head);
	for (int t = 0; t < TABLES; t++, head += PAIR_SIZE) {
		slots = cdb_unpack(head + 4);
		if (cdb_unpack(head) != at ||
		    at + (uint64_t)slots * PAIR_SIZE > size ||
		    count_used(&cf->cdb, at, slots, &used) == -1)
			goto damaged;
		at += (uint64_t)slots * PAIR_SIZE;
	}
	if (at != size || !checksum_fits(cf, size) ||
	    find(&cf->cdb, count_key, &value) != 1 ||
	    str_number(value, UINT32_MAX, &cf->records) == -1 ||
	    cf->records != used || guard_lost(&cf->guard))
		goto damaged;
	return 0;
damaged:
	errno = EPROTO;
	return -1;
}

struct cdbfile *
cdbfile_open(int dirfd, const char *name)
{
	struct cdbfile *cf = mem_alloc(sizeof(*cf));
	int fd;

	fd =
	    openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1 || fstat(fd, &cf->st) == -1)
		goto fail;
	if (!S_ISREG(cf->st.st_mode) || cf->st.st_size > UINT32_MAX) {
		errno = EPROTO;
		goto fail;
	}
	if (cdb_init(&cf->cdb, fd) == -1)
		goto fail;
	guard_begin(&cf->guard, cf->cdb.cdb_mem, cf->cdb.cdb_fsize);
	if (check(cf, cf->cdb.cdb_fsize) == -1)
		goto fail;
	fd_close(&fd); /* the mapping lasts */
	return cf;
fail:
	fd_close(&fd);
	cdbfile_close(&cf);
	return NULL;
}

bool
cdbfile_is_public(const struct cdbfile *cf)
{
	return (cf->st.st_mode & S_IRWXO) != 0;
}

void
cdbfile_close(struct cdbfile **cf)
{
	int kept = errno;

	if (!*cf)
		return;
	guard_end(&(*cf)->guard);
	cdb_free(&(*cf)->cdb);
	free(*cf);
	*cf = NULL;
	errno = kept;
}

bool
cdbfile_replaced(const struct cdbfile *cf, int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return false;
	return st.st_ino != cf->st.st_ino || st.st_dev != cf->st.st_dev;
}

bool
cdbfile_altered(const struct cdbfile *cf, int dirfd, const char *name)
{
	struct stat st;

	if (guard_lost(&cf->guard))
		return true;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    st.st_ino != cf->st.st_ino || st.st_dev != cf->st.st_dev)
		return false;
	return st.st_size != cf->st.st_size ||
	       st.st_mtim.tv_sec != cf->st.st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != cf->st.st_mtim.tv_nsec;
}

int
cdbfile_find(struct cdbfile *cf, struct str key, struct str *value_r)
{
	int found;

	if (key.len > CDBFILE_KEY_MAX || same(key, count_key))
		return 0;
	found = find(&cf->cdb, key, value_r);
	return guard_lost(&cf->guard) ? -1 : found;
}

int
cdbfile_walk(struct cdbfile *cf,
    int (*on_record)(void *arg, struct str key, struct str value), void *arg)
{
	unsigned cursor, before;
	struct str key, value;
	uint64_t seen = 0;
	int more, answer;

	cdb_seqinit(&cursor, &cf->cdb);
	for (before = cursor; (more = cdb_seqnext(&cursor, &cf->cdb)) == 1;
	     before = cursor) {
		if (cursor <= before) /* forged lengths lead it in a circle */
			return -1;
		key = (struct str){cdb_getkey(&cf->cdb), cdb_keylen(&cf->cdb)};
		value =
		    (struct str){cdb_getdata(&cf->cdb), cdb_datalen(&cf->cdb)};
		if (!key.s || !value.s)
			return -1;
		seen++;
		if (same(key, count_key))
			continue;
		answer = on_record(arg, key, value);
		if (answer != 0)
			return answer;
	}
	if (guard_lost(&cf->guard))
		return -1;
	return more == 0 && seen == cf->records ? 0 : -1;
}

static char *
name_with(const char *name, const char *suffix)
{
	struct buf b = {0};

	buf_addf(&b, "%s%s", name, suffix);
	return b.data;
}

/*
 * The lock on the directory makes us the only writer, so a NAME.new that is
 * there already belongs to one that died.  It is unlinked, not written over:
 * it may be the map of yesterday, which somebody still has mapped.
 */
struct cdbwriter *
cdbwriter_begin(int dirfd, const char *name)
{
	struct cdbwriter *w = mem_alloc(sizeof(*w));

	w->fd = -1;
	w->name = mem_dup(name);
	w->new_name = name_with(name, ".new");
	w->previous_name = name_with(name, ".previous");
	w->bytes = HEAD_SIZE + TRAILER_SIZE;
	w->dir = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dir == -1 || flock(w->dir, LOCK_EX | LOCK_NB) == -1)
		goto fail;
	if (unlinkat(w->dir, w->new_name, 0) == -1 && errno != ENOENT)
		goto fail;
	w->fd = openat(w->dir, w->new_name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (w->fd == -1)
		goto fail;
	if (cdb_make_start(&w->make, w->fd) == -1 || fchmod(w->fd, 0644) == -1)
		goto fail;
	return w;
fail:
	cdbwriter_abandon(&w);
	return NULL;
}

int
cdbwriter_restrict(struct cdbwriter *w, gid_t group)
{
	if (group == (gid_t)-1)
		return fchmod(w->fd, 0600);
	if (fchmod(w->fd, 0600) == -1 || fchown(w->fd, (uid_t)-1, group) == -1)
		return -1;
	return fchmod(w->fd, 0640);
}

static int
add(struct cdbwriter *w, struct str key, struct str value)
{
	uint64_t cost = (uint64_t)key.len + value.len + RECORD_COST;

	/* The library does not count the tables, and would make a file in
	 * which the last records cannot be found. */
	if (value.len > UINT32_MAX || w->bytes + cost > UINT32_MAX) {
		errno = EFBIG;
		return -1;
	}
	if (cdb_make_add(&w->make, key.s, key.len, value.s, value.len) == -1)
		return -1;
	w->bytes += cost;
	w->records++;
	return 0;
}

int
cdbwriter_add(struct cdbwriter *w, struct str key, struct str value)
{
	if (key.len > CDBFILE_KEY_MAX || same(key, count_key)) {
		errno = EINVAL;
		return -1;
	}
	return add(w, key, value);
}

/* Read back what was written, and add its checksum. */
static int
add_trailer(int fd)
{
	char bytes[65536], trailer[TRAILER_SIZE + 1];
	uint32_t crc = 0;
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		crc = crc32c(crc, bytes, (size_t)n);
		at += n;
	}
	if (n == -1)
		return -1;
	snprintf(trailer, sizeof(trailer), TRAILER "%08x\n", crc);
	return fd_pwrite_all(fd, trailer, TRAILER_SIZE, at);
}

static int
finish(struct cdbwriter *w)
{
	char count[24];

	snprintf(
	    count, sizeof(count), "%llu", (unsigned long long)w->records + 1);
	if (add(w, count_key, str_of(count)) == -1)
		return -1;
	w->finished = true;
	if (cdb_make_finish(&w->make) == -1) {
		if (errno == ENOENT) /* its word for no memory */
			errno = ENOMEM;
		return -1;
	}
	return add_trailer(w->fd) == -1 ? -1 : fsync(w->fd);
}

/*
 * Dying before the exchange leaves the old map; after it the new one, with the
 * old one called NAME.new until the second rename.
 */
static int
put_in_place(struct cdbwriter *w)
{
	int error;

	if (renameat2(w->dir, w->new_name, w->dir, w->name, RENAME_EXCHANGE) ==
	    -1) {
		if (errno != ENOENT) /* that is: the first map of all */
			return -1;
		if (renameat2(w->dir, w->new_name, w->dir, w->name,
			RENAME_NOREPLACE) == -1)
			return -1;
		return fsync(w->dir);
	}
	if (renameat(w->dir, w->new_name, w->dir, w->previous_name) == -1) {
		error = errno;
		renameat2(
		    w->dir, w->new_name, w->dir, w->name, RENAME_EXCHANGE);
		errno = error;
		return -1;
	}
	return fsync(w->dir);
}

/* Only finishing gives the library's memory back; without a descriptor it
 * writes nothing. */
static void
give_back(struct cdbwriter *w)
{
	if (w->finished)
		return;
	w->make.cdb_fd = -1;
	cdb_make_finish(&w->make);
}

static void
release(struct cdbwriter **w)
{
	fd_close(&(*w)->fd);
	fd_close(&(*w)->dir);
	free((*w)->name);
	free((*w)->new_name);
	free((*w)->previous_name);
	free(*w);
	*w = NULL;
}

int
cdbwriter_commit(struct cdbwriter **w)
{
	if (finish(*w) == -1 || put_in_place(*w) == -1) {
		cdbwriter_abandon(w);
		return -1;
	}
	release(w);
	return 0;
}

void
cdbwriter_abandon(struct cdbwriter **w)
{
	int kept = errno;

	if (!*w)
		return;
	if ((*w)->fd != -1) {
		unlinkat((*w)->dir, (*w)->new_name, 0);
		give_back(*w);
	}
	release(w);
	errno = kept;
}
