/* SPDX-License-Identifier: ISC */
#include "mail/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cdbfile.h"
#include "base/fd.h"
#include "base/log.h"

struct map {
	struct cdbfile *file;
	int dir;
	uint64_t generation;
	struct stat refused; /* a new map that was damaged: said once */
	bool damaged;        /* it was good once: said once */
	struct {
		void *data;
		void (*free)(void *kept);
	} kept[MAP_KEEPS];
};

static int
read_generation(struct map *m)
{
	struct str where, value;

	if (map_find(m, 'G', str_of(""), &where, &value) != 1 ||
	    str_number(value, UINT64_MAX, &m->generation) == -1) {
		log_warnx("map: not made by cdbmaps");
		return -1;
	}
	if (!str_eq(where, MAP_FORMAT)) {
		log_warnx("map: format %.*s is not ours, " MAP_FORMAT
			  ": compile it again",
		    (int)where.len, where.s);
		return -1;
	}
	return 0;
}

static void
log_unopened(void)
{
	if (errno == EPROTO)
		log_warnx("map: %s is damaged, or not made by this cdbmaps: "
			  "run it again",
		    MAP_FILE);
	else
		log_warn("map: open %s%s", MAP_FILE,
		    errno == ENOENT ? " (cdbmaps makes it)" : "");
}

static struct map *
open_map(int map_dirfd, bool quiet)
{
	struct map *m = mem_alloc(sizeof(*m));

	m->dir = openat(map_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dir == -1) {
		log_warn("map: open its directory");
		goto fail;
	}
	m->file = cdbfile_open(m->dir, MAP_FILE);
	if (!m->file) {
		if (!quiet)
			log_unopened();
		goto fail;
	}
	if (read_generation(m) == -1)
		goto fail;
	return m;
fail:
	map_close(&m);
	return NULL;
}

struct map *
map_open(int map_dirfd)
{
	return open_map(map_dirfd, false);
}

void
map_close(struct map **m)
{
	if (!*m)
		return;
	for (int i = 0; i < MAP_KEEPS; i++)
		if ((*m)->kept[i].data)
			(*m)->kept[i].free((*m)->kept[i].data);
	cdbfile_close(&(*m)->file);
	fd_close(&(*m)->dir);
	free(*m);
	*m = NULL;
}

/* Its inode may be one of a file that is gone. */
static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void
say_damaged(struct map *m, const char *why)
{
	if (!m->damaged)
		log_warnx("map: damaged: %s: nothing is looked up in it until "
			  "cdbmaps has written it anew",
		    why);
	m->damaged = true;
}

bool
map_refresh(struct map **m)
{
	struct map *old = *m, *fresh;
	struct stat st;
	bool altered = cdbfile_altered(old->file, old->dir, MAP_FILE);

	if (!altered && !cdbfile_replaced(old->file, old->dir, MAP_FILE))
		return false;
	if (fstatat(old->dir, MAP_FILE, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    (!altered && same_file(&st, &old->refused)))
		return false;
	fresh = open_map(old->dir, old->damaged);
	if (!fresh) {
		if (altered)
			say_damaged(old, "somebody has written into it");
		else
			log_warnx("map: keep generation %llu",
			    (unsigned long long)old->generation);
		old->refused = st;
		return false;
	}
	if (old->damaged || old->refused.st_ino != 0)
		log_info("map: generation %llu is good",
		    (unsigned long long)fresh->generation);
	map_close(m);
	*m = fresh;
	return true;
}

void **
map_keep(struct map *m, enum map_keeps what, void (*free_kept)(void *kept))
{
	m->kept[what].free = free_kept;
	return &m->kept[what].data;
}

uint64_t
map_generation(const struct map *m)
{
	return m->generation;
}

int
map_find(struct map *m, char table, struct str key, struct str *where_r,
    struct str *value_r)
{
	char full[CDBFILE_KEY_MAX];
	struct str value, where;
	int found;

	if (m->damaged)
		return -1;
	if (key.len >= sizeof(full)) /* none so long was stored */
		return 0;
	full[0] = table;
	if (key.len > 0)
		memcpy(full + 1, key.s, key.len);
	found = cdbfile_find(m->file, (struct str){full, key.len + 1}, &value);
	if (found == 0)
		return 0;
	if (found == 1 && value.len > 0 && memchr(value.s, '\t', value.len)) {
		where = str_cut(&value, '\t');
		if (where_r)
			*where_r = where;
		*value_r = value;
		return 1;
	}
	if (found == 1)
		log_warnx("map: damaged at table %c", table);
	else
		say_damaged(m, "somebody has shortened it, or its disk fails");
	return -1;
}
