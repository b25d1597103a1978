/* SPDX-License-Identifier: ISC */
#include "base/guard.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define PAGES 4

static size_t page;

static int
make_file(int dir)
{
	int fd = openat(dir, "file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (int i = 0; i < PAGES; i++)
		if (pwrite(fd, "full", 4, (off_t)(i * page)) != 4)
			bail_out("write a file");
	return fd;
}

static const char *
mapped(int fd)
{
	const char *mem =
	    mmap(NULL, PAGES * page, PROT_READ, MAP_SHARED, fd, 0);

	if (mem == MAP_FAILED)
		bail_out("map a file");
	return mem;
}

static void
test_lost(int fd)
{
	const char *mem = mapped(fd), *other = mapped(fd);
	struct guard g, second;

	guard_begin(&g, mem, PAGES * page);
	guard_begin(&second, other, PAGES * page);
	is_int(mem[(PAGES - 1) * page], 'f', "a file is read through memory");
	ok(!guard_lost(&g), "and nothing is lost");
	if (ftruncate(fd, (off_t)page) == -1)
		bail_out("shorten it");
	is_int(mem[(PAGES - 1) * page], 0, "shortened: zeros behind its end");
	ok(guard_lost(&g), "and it is lost");
	is_int(mem[0], 0, "all of it");
	ok(!guard_lost(&second), "the other mapping was not read yet");
	is_int(other[page], 0, "now it is");
	ok(guard_lost(&second), "and lost, too");
	guard_end(&g);
	guard_end(&g);
	guard_end(&second);
	munmap((void *)(uintptr_t)mem, PAGES * page);
	munmap((void *)(uintptr_t)other, PAGES * page);
}

/* Who reads another mapping dies of it. */
static void
test_others(int fd)
{
	const char *mem = mapped(fd), *guarded = mapped(fd);
	struct rlimit none = {0};
	struct guard g;
	int status;
	pid_t pid;

	guard_begin(&g, guarded, page);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		_exit(mem[(PAGES - 1) * page]);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS,
	    "an unguarded mapping kills");
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		raise(SIGBUS);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS,
	    "and so does somebody who sends it");
	guard_end(&g);
}

int
main(void)
{
	int fd;

	page = (size_t)sysconf(_SC_PAGESIZE);
	fd = make_file(tmpdir());
	test_lost(fd);
	test_others(fd);
	close(fd);
	return done();
}
