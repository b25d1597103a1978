/* SPDX-License-Identifier: ISC */
/*
 * File descriptors: whole writes, whole reads, closing once.  Layer: base.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;

/* Close unless it is -1, and store -1.  errno is kept.  Returns what close
 * said: on some file systems it reports a failed write. */
int fd_close(int *fd);

/* Write all of it: 0, else -1 and errno; after a failure an unknown part is
 * written.  A short write that reports no error is ENOSPC. */
int fd_write_all(int fd, const void *data, size_t len);
int fd_pwrite_all(int fd, const void *data, size_t len, off_t at);

/* Read until len bytes or the end of the file: how many, or -1. */
ssize_t fd_read_full(int fd, void *data, size_t len);
ssize_t fd_pread_full(int fd, void *data, size_t len, off_t at);

/* Append a whole file to a buffer, at most max bytes: 0, else -1 (EFBIG when
 * there is more). */
int fd_slurp(int fd, struct buf *out, size_t max);

/* 0, else -1 and errno. */
int fd_nonblock(int fd);
int fd_cloexec(int fd, bool on);

#endif
