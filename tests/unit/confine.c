/* SPDX-License-Identifier: ISC */
#include "proc/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "tap.h"

/* What a helper can still do, as bits. */
enum {
	CONFINED = 1,
	READS_OPEN = 2, /* from what it had open */
	OPENS = 4,
	MAKES = 8,
	REMOVES = 16,
};

static int
try_all(int dir, int file)
{
	int done = confine_files() ? CONFINED : 0, fd;
	char c;

	if (pread(file, &c, 1, 0) == 1)
		done |= READS_OPEN;
	fd = openat(dir, "there", O_RDONLY | O_CLOEXEC);
	if (fd != -1)
		done |= OPENS;
	if (mkdirat(dir, "new", 0700) == 0)
		done |= MAKES;
	if (unlinkat(dir, "there", 0) == 0)
		done |= REMOVES;
	return done;
}

int
main(void)
{
	int dir = tmpdir(), status;
	int file = openat(dir, "there", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	pid_t helper;

	if (file == -1 || fd_write_all(file, "x", 1) == -1)
		bail_out("write a file");
	helper = fork();
	if (helper == 0)
		_exit(try_all(dir, file));
	if (waitpid(helper, &status, 0) != helper || !WIFEXITED(status))
		bail_out("wait for the helper");
	status = WEXITSTATUS(status);
	if (status & CONFINED)
		is_int(status, CONFINED | READS_OPEN,
		    "a helper reads what it has open, and that is all");
	else
		is_int(status, READS_OPEN | OPENS | MAKES | REMOVES,
		    "without Landlock nothing has changed");
	unlinkat(dir, "there", 0);
	fd_close(&file);
	return done();
}
