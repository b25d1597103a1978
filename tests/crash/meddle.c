/* SPDX-License-Identifier: ISC */
/*
 * meddle: preloaded into a daemon, it bends what the daemon does to the disk,
 * so that a power-cut test meets on purpose what else it would meet by luck.
 *
 *	LAZY=directory,file,filesystem	such flushes do nothing, and succeed
 *	EAGER=yes	each name that is made, moved or removed is flushed at
 *			once, so that every step is something a cut can leave
 *	ONWARD=yes	a flush waits until the names that were renamed into
 *			that directory (any, when the whole file system is
 *			flushed) have gone on from there
 *	TALLY=FILE	what was done, in lines
 *
 *	directory|file|filesystem PATH BEGUN ENDED	a flush
 *	onward PATH WORD	a name had gone on before its flush, a WORD
 *	moved|gone PATH TIME	a name is not there any more
 *
 * A test that finds nothing when a flush is left out proves nothing: so LAZY.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ARRIVED_MAX 4096
#define ONWARD_MS   5000 /* an entry that stays so long is not waited for */

/* Renamed to where it is, and not flushed since. */
struct arrived {
	int dir;
	char name[NAME_MAX + 1];
};

static struct arrived arrived[ARRIVED_MAX];
static size_t n_arrived;

/* ---- what was done ---- */

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
tally(const char *line)
{
	static int fd = -1;
	const char *path = getenv("TALLY");
	int kept = errno;

	if (path == NULL)
		return;
	if (fd == -1)
		fd =
		    open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd == -1 || write(fd, line, strlen(line)) == -1)
		err(1, "%s", path);
	errno = kept;
}

/* Where a descriptor leads, and a name below it. */
static const char *
path_of(int fd, const char *name)
{
	static char path[2 * PATH_MAX];
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX);
	if (n < 0)
		n = 0;
	snprintf(path + n, sizeof(path) - (size_t)n, "%s%s",
	    *name == '\0' ? "" : "/", name);
	return path;
}

static void
tally_name(const char *what, int dir, const char *name)
{
	char line[3 * PATH_MAX];

	snprintf(line, sizeof(line), "%s %s %.6f\n", what, path_of(dir, name),
	    now());
	tally(line);
}

static void
tally_flush(const char *what, int fd, double begun)
{
	char line[3 * PATH_MAX];

	snprintf(line, sizeof(line), "%s %s %.6f %.6f\n", what, path_of(fd, ""),
	    begun, now());
	tally(line);
}

/* ---- flushes ---- */

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
has_gone_on(const struct arrived *a)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < ONWARD_MS; i++) {
		if (faccessat(a->dir, a->name, F_OK, 0) == -1)
			return 1;
		nanosleep(&ms, NULL);
	}
	return 0;
}

/* Before a flush of this directory, or of all when it is -1. */
static void
wait_onward(int dir, const char *what)
{
	char line[3 * PATH_MAX];
	size_t left = 0;

	for (size_t i = 0; i < n_arrived; i++) {
		if (dir != -1 && arrived[i].dir != dir) {
			arrived[left++] = arrived[i];
		} else if (has_gone_on(&arrived[i])) {
			snprintf(line, sizeof(line), "onward %s %s\n",
			    path_of(arrived[i].dir, arrived[i].name), what);
			tally(line);
		}
	}
	n_arrived = left;
}

static int
flush(int fd, const char *what, long number)
{
	double begun = now();
	int rc = 0;

	if (strcmp(what, "file") != 0)
		wait_onward(strcmp(what, "directory") == 0 ? fd : -1, what);
	if (!is_lazy(what))
		rc = (int)syscall(number, fd);
	tally_flush(what, fd, begun);
	return rc;
}

static const char *
kind_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? "directory"
	                                                  : "file";
}

int
fsync(int fd)
{
	return flush(fd, kind_of(fd), SYS_fsync);
}

int
fdatasync(int fd)
{
	return flush(fd, kind_of(fd), SYS_fdatasync);
}

int
syncfs(int fd)
{
	return flush(fd, "filesystem", SYS_syncfs);
}

/* ---- names ---- */

/* The directory of a name that has changed. */
static void
flush_name(int dir, const char *path)
{
	char copy[PATH_MAX];
	int fd, kept = errno;

	if (getenv("EAGER") == NULL)
		return;
	snprintf(copy, sizeof(copy), "%s", path);
	fd = openat(dir, dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || syscall(SYS_fsync, fd) == -1)
		err(1, "fsync %s", path_of(dir, path));
	close(fd);
	errno = kept;
}

static void
note_arrived(int dir, const char *name)
{
	struct arrived *a = &arrived[n_arrived];

	if (getenv("ONWARD") == NULL || n_arrived == ARRIVED_MAX)
		return;
	a->dir = dir;
	snprintf(a->name, sizeof(a->name), "%s", name);
	n_arrived++;
}

int
renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	int rc = (int)syscall(SYS_renameat2, from, old, to, new, flags);

	if (rc == 0) {
		tally_name("moved", from, old);
		note_arrived(to, new);
		flush_name(to, new);
	}
	return rc;
}

int
linkat(int from, const char *old, int to, const char *new, int flags)
{
	int rc = (int)syscall(SYS_linkat, from, old, to, new, flags);

	if (rc == 0)
		flush_name(to, new);
	return rc;
}

int
unlinkat(int dir, const char *name, int flags)
{
	int rc = (int)syscall(SYS_unlinkat, dir, name, flags);

	if (rc == 0) {
		tally_name("gone", dir, name);
		flush_name(dir, name);
	}
	return rc;
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
	int rc = (int)syscall(SYS_mkdirat, dir, name, mode);

	if (rc == 0)
		flush_name(dir, name);
	return rc;
}
