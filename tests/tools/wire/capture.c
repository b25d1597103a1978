/* SPDX-License-Identifier: ISC */
#include "capture.h"

#include <err.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static const char *
path_of(const struct capture *c, const char *prefix, char *path_r)
{
	snprintf(path_r, PATH_SIZE, "%s/%s%06u", c->dir, prefix, c->number);
	return path_r;
}

void
capture_begin(struct capture *c, const char *dir)
{
	static unsigned last;
	char path[PATH_SIZE];

	*c = (struct capture){.dir = dir};
	if (dir == NULL)
		return;
	do /* an earlier sink may have used the directory */
		c->number = ++last;
	while (access(path_of(c, "", path), F_OK) == 0);
	c->file = fopen(path_of(c, ".", path), "w");
	if (c->file == NULL)
		err(1, "%s", path);
}

void
capture_add(struct capture *c, const char *data, size_t len)
{
	if (c->file != NULL && fwrite(data, 1, len, c->file) != len)
		err(1, "%s", c->dir);
}

void
capture_line(struct capture *c, const char *line)
{
	capture_add(c, line, strlen(line));
	capture_add(c, "\n", 1);
}

void
capture_keep(struct capture *c)
{
	char path[PATH_SIZE], final[PATH_SIZE];

	if (c->file == NULL)
		return;
	if (fclose(c->file) == EOF ||
	    rename(path_of(c, ".", path), path_of(c, "", final)) == -1)
		err(1, "%s", path);
	c->file = NULL;
}

void
capture_drop(struct capture *c)
{
	char path[PATH_SIZE];

	if (c->file == NULL)
		return;
	fclose(c->file);
	unlink(path_of(c, ".", path));
	c->file = NULL;
}
