/* SPDX-License-Identifier: ISC */
/*
 * lazy-flush: preloaded into a daemon, it makes some of its flushes do nothing
 * and report success.  A power-cut test that finds nothing then proves nothing.
 *
 *	LAZY=directory,file,filesystem LD_PRELOAD=.../lazy-flush.so receiver
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int
is_lazy(const char *what)
{
	const char *lazy = getenv("LAZY");
	size_t len = strlen(what);

	for (; lazy != NULL && *lazy != '\0'; lazy += strcspn(lazy, ",")) {
		lazy += *lazy == ',';
		if (strncmp(lazy, what, len) == 0 &&
		    (lazy[len] == '\0' || lazy[len] == ','))
			return 1;
	}
	return 0;
}

static int
flush(int fd, long number)
{
	struct stat st;

	if (fstat(fd, &st) == 0 &&
	    is_lazy(S_ISDIR(st.st_mode) ? "directory" : "file"))
		return 0;
	return (int)syscall(number, fd);
}

int
fsync(int fd)
{
	return flush(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return flush(fd, SYS_fdatasync);
}

int
syncfs(int fd)
{
	return is_lazy("filesystem") ? 0 : (int)syscall(SYS_syncfs, fd);
}
