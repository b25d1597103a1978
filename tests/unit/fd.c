/* SPDX-License-Identifier: ISC */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "tap.h"

#define BIG 300000 /* several times what a pipe holds */

static void
test_close(void)
{
	int fd = dup(1), number = fd;

	errno = EXDEV;
	is_int(fd_close(&fd), 0, "closes");
	is_int(fd, -1, "and stores -1");
	is_int(fcntl(number, F_GETFD), -1, "it is closed indeed");
	errno = EXDEV;
	is_int(fd_close(&fd), 0, "twice is fine");
	is_int(errno, EXDEV, "errno is kept");
	fd = number;
	is_int(fd_close(&fd), -1, "a failed close is told");
	is_int(errno, EBADF, "with its errno");
}

/* A pipe holds 64 KiB, so the writer must write in parts. */
static void
test_pipe(void)
{
	static char sent[BIG], got[BIG + 1];
	int ends[2], status;
	pid_t child;

	for (size_t i = 0; i < BIG; i++)
		sent[i] = i % 251;
	if (pipe(ends) == -1)
		bail_out("make a pipe");
	child = fork();
	if (child == 0) {
		fd_close(&ends[0]);
		_exit(fd_write_all(ends[1], sent, BIG) == 0 ? 0 : 1);
	}
	fd_close(&ends[1]);
	is_int(fd_read_full(ends[0], got, BIG + 1), BIG,
	    "reads to the end of the file");
	is_mem(got, BIG, sent, BIG, "all that was written");
	waitpid(child, &status, 0);
	is_int(status, 0, "the writer was content");
	fd_close(&ends[0]);
}

static void
test_positions(int dir)
{
	char got[8] = "";
	int fd = openat(dir, "at", O_RDWR | O_CREAT, 0600);

	is_int(fd_write_all(fd, "0123456789", 10), 0, "write");
	is_int(fd_pwrite_all(fd, "ab", 2, 4), 0, "write at 4");
	is_int(fd_pread_full(fd, got, 4, 3), 4, "read 4 at 3");
	is_str(got, "3ab6", "what was put there");
	is_int(fd_pread_full(fd, got, 8, 7), 3, "less at the end of the file");
	is_int(fd_pread_full(fd, got, 8, 70), 0, "nothing beyond it");
	is_int(fd_read_full(fd, got, 8), 0, "the file's own place stayed");
	fd_close(&fd);

	fd = openat(dir, "at", O_RDONLY);
	is_int(fd_write_all(fd, "x", 1), -1, "write what is only for reading");
	is_int(errno, EBADF, "and say so");
	fd_close(&fd);
	fd = open("/dev/full", O_WRONLY);
	is_int(fd_write_all(fd, "x", 1), -1, "write to what is full");
	is_int(errno, ENOSPC, "and say so");
	fd_close(&fd);
}

static void
test_slurp(int dir)
{
	struct buf b = {0}, big = {0};
	int fd = openat(dir, "slurp", O_RDWR | O_CREAT, 0600);

	while (big.len < 200000)
		buf_addf(&big, "%zu ", big.len);
	fd_write_all(fd, big.data, big.len);
	buf_add_str(&b, ">");
	lseek(fd, 0, SEEK_SET);
	is_int(fd_slurp(fd, &b, big.len), 0, "a file of exactly the limit");
	is_mem(b.data + 1, b.len - 1, big.data, big.len, "it is appended");
	buf_clear(&b);
	lseek(fd, 0, SEEK_SET);
	is_int(fd_slurp(fd, &b, big.len - 1), -1, "one byte over the limit");
	is_int(errno, EFBIG, "too big");
	buf_clear(&b);
	lseek(fd, 0, SEEK_SET);
	is_int(fd_slurp(fd, &b, (size_t)-1), 0, "without a limit");
	is_int(b.len, big.len, "all of it");
	buf_free(&b);
	buf_free(&big);
	fd_close(&fd);
}

static void
test_flags(void)
{
	char c;
	int ends[2];

	if (pipe(ends) == -1)
		bail_out("make a pipe");
	is_int(fd_nonblock(ends[0]), 0, "set it non-blocking");
	is_int(read(ends[0], &c, 1), -1, "an empty pipe does not block");
	is_int(errno, EAGAIN, "but says so");
	is_int(fd_cloexec(ends[0], true), 0, "close it at exec");
	is_int(fcntl(ends[0], F_GETFD), FD_CLOEXEC, "set");
	is_int(fd_cloexec(ends[0], false), 0, "or leave it open");
	is_int(fcntl(ends[0], F_GETFD), 0, "not set");
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	is_int(fd_nonblock(-1), -1, "no descriptor: no");
	is_int(fd_cloexec(-1, true), -1, "nor here");
}

int
main(void)
{
	int dir = tmpdir();

	test_close();
	test_pipe();
	test_positions(dir);
	test_slurp(dir);
	test_flags();
	fd_close(&dir);
	return done();
}
