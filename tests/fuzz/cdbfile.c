/* SPDX-License-Identifier: ISC */
/*
 * Fuzz a constant database: open the input as a file, walk it, look up what
 * the walk showed and what it did not.
 */
#include "base/cdbfile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t sum;

static void
touch(struct str a)
{
	for (size_t i = 0; i < a.len; i++)
		sum += (unsigned char)a.s[i];
}

static int
on_record(void *arg, struct str key, struct str value)
{
	struct str found;

	touch(key);
	touch(value);
	if (cdbfile_find(arg, key, &found) == 1)
		touch(found);
	return 0;
}

static char dir_path[] = "/tmp/stagepost.XXXXXX";
static int dir = -1;

static void
remove_dir(void)
{
	unlinkat(dir, "map", 0);
	rmdir(dir_path);
}

static void
make_dir(void)
{
	if (!mkdtemp(dir_path))
		abort();
	dir = open(dir_path, O_RDONLY | O_DIRECTORY);
	atexit(remove_dir);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cdbfile *cf;
	struct str value;
	int fd;

	if (dir == -1)
		make_dir();
	fd = openat(dir, "map", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1 || fd_write_all(fd, data, size) == -1)
		abort();
	fd_close(&fd);
	cf = cdbfile_open(dir, "map");
	if (!cf)
		return 0;
	cdbfile_walk(cf, on_record, cf);
	if (cdbfile_find(cf, str_of("example.org"), &value) == 1)
		touch(value);
	cdbfile_close(&cf);
	return 0;
}
