/* SPDX-License-Identifier: ISC */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"

#define SLURP_STEP 65536

int
fd_close(int *fd)
{
	int result, kept = errno;

	if (*fd == -1)
		return 0;
	result = close(*fd); /* never again: Linux frees it even on EINTR */
	*fd = -1;
	if (result == 0 || errno == EINTR) {
		errno = kept;
		return 0;
	}
	return -1;
}

/* at is -1 for "where the file stands". */
static int
write_all(int fd, const char *data, size_t len, off_t at)
{
	ssize_t n;

	while (len > 0) {
		n = at == -1 ? write(fd, data, len) : pwrite(fd, data, len, at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return -1;
		data += n;
		len -= n;
		if (at != -1)
			at += n;
	}
	return 0;
}

int
fd_write_all(int fd, const void *data, size_t len)
{
	return write_all(fd, data, len, -1);
}

int
fd_pwrite_all(int fd, const void *data, size_t len, off_t at)
{
	return write_all(fd, data, len, at);
}

static ssize_t
read_full(int fd, char *data, size_t len, off_t at)
{
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		if (at == -1)
			n = read(fd, data + got, len - got);
		else
			n = pread(fd, data + got, len - got, at + (off_t)got);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		got += n;
	}
	return got;
}

ssize_t
fd_read_full(int fd, void *data, size_t len)
{
	return read_full(fd, data, len, -1);
}

ssize_t
fd_pread_full(int fd, void *data, size_t len, off_t at)
{
	return read_full(fd, data, len, at);
}

int
fd_slurp(int fd, struct buf *out, size_t max)
{
	size_t room, before = out->len;
	ssize_t n;

	for (;;) {
		/* One byte more than allowed tells that there is more. */
		room = max - (out->len - before);
		room = room < SLURP_STEP ? room + 1 : SLURP_STEP;
		n = fd_read_full(fd, buf_reserve(out, room), room);
		if (n == -1)
			return -1;
		if (out->len - before + n > max) {
			errno = EFBIG;
			return -1;
		}
		buf_grew(out, n);
		if ((size_t)n < room)
			return 0;
	}
}

int
fd_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		return -1;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int
fd_cloexec(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags == -1)
		return -1;
	flags = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
	return fcntl(fd, F_SETFD, flags);
}
