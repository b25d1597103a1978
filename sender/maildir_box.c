/* SPDX-License-Identifier: ISC */
#include "maildir_box.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

static int
open_directory(int dirfd, const char *name)
{
	return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* 1 made, 0 there already, -1 errno. */
static int
make_directory(int dirfd, const char *name)
{
	if (mkdirat(dirfd, name, 0770) == 0)
		return 1;
	return errno == EEXIST ? 0 : -1;
}

/*
 * Make a directory, its name durable in its parent.  Below the spool what is
 * missing above it is made too; elsewhere it may be a file system that is not
 * mounted.
 */
static int
make_path(const char *path)
{
	char *copy = mem_dup(path);
	const char *above = dirname(copy);
	int parent, made, rc = -1;

	parent = open_directory(AT_FDCWD, above);
	if (parent == -1 && errno == ENOENT && *path != '/' &&
	    make_path(above) == 0)
		parent = open_directory(AT_FDCWD, above);
	if (parent == -1)
		goto out;
	made = make_directory(AT_FDCWD, path);
	if (made == 0 || (made == 1 && fsync(parent) == 0))
		rc = 0;
out:
	fd_close(&parent);
	free(copy);
	return rc;
}

/* Open the directory of the maildir itself, made when it is missing. */
static int
open_top(const char *path)
{
	int top = open_directory(AT_FDCWD, path);

	if (top == -1 && errno == ENOENT && make_path(path) == 0)
		top = open_directory(AT_FDCWD, path);
	return top;
}

/* tmp/ is made last: it is what is opened first. */
static int
make_inner(int top)
{
	if (make_directory(top, "cur") == -1 ||
	    make_directory(top, "new") == -1 ||
	    make_directory(top, "tmp") == -1)
		return -1;
	return fsync(top);
}

int
maildir_box_open(struct maildir_box *box, const char *path)
{
	struct stat st;
	int top;

	*box = (struct maildir_box){.tmp = -1, .fresh = -1};
	top = open_top(path);
	if (top == -1)
		return -1;
	box->tmp = open_directory(top, "tmp");
	if (box->tmp == -1 && errno == ENOENT && make_inner(top) == 0)
		box->tmp = open_directory(top, "tmp");
	if (box->tmp == -1 || fstat(box->tmp, &st) == -1)
		goto fail;
	box->fresh = open_directory(top, "new");
	if (box->fresh == -1)
		goto fail;
	box->dev = st.st_dev;
	box->path = mem_dup(path);
	fd_close(&top);
	return 0;
fail:
	fd_close(&top);
	maildir_box_close(box);
	return -1;
}

void
maildir_box_close(struct maildir_box *box)
{
	fd_close(&box->tmp);
	fd_close(&box->fresh);
	free(box->path);
	box->path = NULL;
}

int
maildir_box_create(const struct maildir_box *box, const char *name)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(box->tmp, name, flags, 0660);

	if (fd == -1 && errno == EEXIST && unlinkat(box->tmp, name, 0) == 0)
		fd = openat(box->tmp, name, flags, 0660);
	return fd;
}

void
maildir_box_drop(const struct maildir_box *box, const char *name)
{
	int kept = errno;

	unlinkat(box->tmp, name, 0);
	errno = kept;
}

bool
maildir_box_has(const struct maildir_box *box, const char *name)
{
	struct stat st;

	return fstatat(box->fresh, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int
maildir_box_publish(const struct maildir_box *box, const char *name)
{
	if (renameat2(box->tmp, name, box->fresh, name, RENAME_NOREPLACE) == 0)
		return 0;
	maildir_box_drop(box, name);
	return errno == EEXIST ? 0 : -1;
}

void
maildir_box_unpublish(const struct maildir_box *box, const char *name)
{
	int kept = errno;

	unlinkat(box->fresh, name, 0);
	errno = kept;
}
