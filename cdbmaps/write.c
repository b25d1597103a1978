/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cdbfile.h"
#include "base/clock.h"
#include "base/fd.h"

int
map_directory(const char *spool, bool make)
{
	int root, dir = -1;

	root = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root == -1) {
		fprintf(stderr, "cdbmaps: open the spool %s: %s\n", spool,
		    strerror(errno));
		return -1;
	}
	if (!make || mkdirat(root, "map", 0755) == 0 || errno == EEXIST)
		dir = openat(root, "map",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir == -1)
		fprintf(stderr, "cdbmaps: open %s/map: %s\n", spool,
		    strerror(errno));
	fd_close(&root);
	return dir;
}

/*
 * It grows, and by the clock, so that it does so too when the map before is
 * lost or cannot be read.
 */
static uint64_t
next_generation(int dir)
{
	struct cdbfile *old = cdbfile_open(dir, MAP_FILE);
	uint64_t now = (uint64_t)clock_wall_s(), last = 0;
	struct str value;

	if (!old)
		return now;
	if (cdbfile_find(old, str_of("G"), &value) == 1) {
		str_cut(&value, '\t');
		if (str_number(value, UINT64_MAX - 1, &last) == -1)
			last = 0;
	}
	cdbfile_close(&old);
	return last < now ? now : last + 1;
}

static int
add_record(struct cdbwriter *w, const struct record *r, struct buf *space)
{
	buf_clear(space);
	record_where(r, space);
	buf_add_char(space, '\t');
	buf_add(space, record_value(r).s, record_value(r).len);
	return cdbwriter_add(
	    w, record_key(r), (struct str){space->data, space->len});
}

static int
add_generation(struct cdbwriter *w, int dir, struct buf *space)
{
	buf_clear(space);
	buf_addf(space, MAP_FORMAT "\t%llu",
	    (unsigned long long)next_generation(dir));
	return cdbwriter_add(w, str_of("G"), str_of(space->data));
}

/* Of use during the compilation only. */
static bool
is_ours(const struct record *r)
{
	return record_key(r).s[0] >= 'a';
}

/* Dying before the commit leaves the map as it was. */
int
write_map(int dir)
{
	struct cdbwriter *w = cdbwriter_begin(dir, MAP_FILE);
	struct buf space = {0};
	const struct record *r;
	size_t i = 0;

	if (!w || add_generation(w, dir, &space) == -1)
		goto fail;
	while ((r = record_get(i++)))
		if (!is_ours(r) && add_record(w, r, &space) == -1)
			goto fail;
	if (cdbwriter_commit(&w) == -1)
		goto fail;
	buf_free(&space);
	return 0;
fail:
	fprintf(stderr, "cdbmaps: write %s: %s\n", MAP_FILE,
	    errno == EWOULDBLOCK ? "another cdbmaps is writing it"
				 : strerror(errno));
	cdbwriter_abandon(&w);
	buf_free(&space);
	return -1;
}
