/* SPDX-License-Identifier: ISC */
/*
 * The main() of a fuzz target built as a test, .../NAME.t: each file of
 * tests/fuzz/corpus/NAME goes through it once.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay(int dirfd, const char *name)
{
	struct buf input = {0};
	uint8_t *exact; /* for the sanitizer to see reads beyond the end */
	int fd = openat(dirfd, name, O_RDONLY);

	if (fd == -1 || fd_slurp(fd, &input, 1 << 24) == -1)
		bail_out("cannot read %s", name);
	fd_close(&fd);
	exact = malloc(input.len ? input.len : 1);
	if (!exact)
		bail_out("no memory");
	if (input.len > 0)
		memcpy(exact, input.data, input.len);
	is_int(LLVMFuzzerTestOneInput(exact, input.len), 0, "%s", name);
	free(exact);
	buf_free(&input);
}

int
main(int argc, char *argv[])
{
	char path[PATH_MAX];
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	struct dirent *entry;
	DIR *dir;

	if (!name)
		bail_out("call it by its path");
	snprintf(path, sizeof(path), "tests/fuzz/corpus/%.*s",
	    (int)strcspn(name + 1, "."), name + 1);
	dir = opendir(path);
	if (!dir)
		bail_out("no %s: it is run where the sources are", path);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			replay(dirfd(dir), entry->d_name);
	closedir(dir);
	return done();
}
