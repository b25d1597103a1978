/* SPDX-License-Identifier: ISC */
/*
 * The calls that call-fault counts: all that have to do with files, directories
 * and sockets, and how each may end.
 */
#ifndef CRASH_CALLS_H
#define CRASH_CALLS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

/* What a call acts on, by its descriptor. */
enum thing { FILES = 1, STREAMS = 2, OTHERS = 4, ANY = 7 };

/* What it may answer. */
enum errors {
	IO = 1,     /* EIO */
	SPACE = 2,  /* ENOSPC, EDQUOT */
	NUMBER = 4, /* EMFILE */
	MEMORY = 8, /* ENOMEM */
	SHORT = 16, /* less than it was asked for */
	ENDS = 5,
};

struct call {
	int number;
	const char *name;
	unsigned errors;
	unsigned things; /* that its first argument must be, to answer so */
	int path;        /* which argument is a path; 0: none */
};

#define CALL(name, errors, things, path)                \
	{                                               \
		SYS_##name, #name, errors, things, path \
	}

/* Closing does not fail on sockets, and a file's descriptor that stays open
 * after an error is no harm. */
static const struct call calls[] = {
#ifdef SYS_open
    CALL(open, IO | NUMBER | MEMORY, ANY, 0),
    CALL(rename, IO | SPACE | MEMORY, ANY, 0),
    CALL(unlink, IO | MEMORY, ANY, 0),
    CALL(mkdir, IO | SPACE | MEMORY, ANY, 0),
    CALL(stat, IO | MEMORY, ANY, 0),
    CALL(access, IO | MEMORY, ANY, 0),
#endif
    CALL(openat, IO | NUMBER | MEMORY, ANY, 1),
    CALL(close, IO, FILES, 0),
    CALL(read, IO | MEMORY, FILES, 0),
    CALL(pread64, IO | MEMORY, FILES, 0),
    CALL(write, IO | SPACE | MEMORY | SHORT, FILES, 0),
    CALL(pwrite64, IO | SPACE | MEMORY | SHORT, FILES, 0),
    CALL(writev, IO | SPACE | MEMORY, FILES, 0),
    CALL(fsync, IO | SPACE, ANY, 0),
    CALL(fdatasync, IO | SPACE, ANY, 0),
    CALL(syncfs, IO | SPACE, ANY, 0),
    CALL(sync_file_range, IO | SPACE, ANY, 0),
    CALL(renameat, IO | SPACE | MEMORY, ANY, 1),
    CALL(renameat2, IO | SPACE | MEMORY, ANY, 1),
    CALL(linkat, IO | SPACE | MEMORY, ANY, 1),
    CALL(unlinkat, IO | MEMORY, ANY, 1),
    CALL(mkdirat, IO | SPACE | MEMORY, ANY, 1),
    CALL(fstat, IO | MEMORY, FILES, 0),
    CALL(newfstatat, IO | MEMORY, ANY, 1),
    CALL(statx, IO | MEMORY, ANY, 1),
    CALL(faccessat, IO | MEMORY, ANY, 1),
    CALL(faccessat2, IO | MEMORY, ANY, 1),
    CALL(fstatfs, IO | MEMORY, ANY, 0),
    CALL(getdents64, IO | MEMORY, ANY, 0),
    CALL(ftruncate, IO | SPACE, ANY, 0),
    CALL(fcntl, 0, ANY, 0),
    CALL(inotify_add_watch, SPACE | MEMORY, ANY, 0),
    CALL(socket, NUMBER | MEMORY, ANY, 0),
    CALL(socketpair, NUMBER | MEMORY, ANY, 0),
    CALL(bind, MEMORY, ANY, 0),
    CALL(listen, 0, ANY, 0),
    CALL(accept4, NUMBER | MEMORY, ANY, 0),
    CALL(connect, MEMORY, ANY, 0),
    CALL(setsockopt, MEMORY, STREAMS, 0),
    CALL(getsockname, 0, ANY, 0),
    CALL(getpeername, MEMORY, STREAMS, 0),
    CALL(shutdown, 0, ANY, 0),
    CALL(sendto, MEMORY | SHORT, STREAMS, 0),
    CALL(sendmsg, MEMORY, STREAMS | OTHERS, 0),
    CALL(recvfrom, MEMORY, STREAMS | OTHERS, 0),
    CALL(recvmsg, MEMORY, STREAMS | OTHERS, 0),
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

static inline const struct call *
call_find(int number)
{
	for (size_t i = 0; i < CALLS; i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

#define NO_CALL 0xffffffffU /* a number that none has */

/* Does it count?  FAULT_CALLS may name those that do. */
static inline bool
is_asked_about(const struct call *c)
{
	const char *only = getenv("FAULT_CALLS"), *at;
	size_t len = strlen(c->name);

	for (at = only; at != NULL && (at = strstr(at, c->name)) != NULL; at++)
		if ((at == only || at[-1] == ' ') &&
		    (at[len] == ' ' || at[len] == '\0'))
			return true;
	return only == NULL;
}

/* The bit of an errno, 0 for one that no call answers with. */
static inline unsigned
error_bit(int64_t error)
{
	switch (error) {
	case EIO:
		return IO;
	case ENOSPC:
	case EDQUOT:
		return SPACE;
	case EMFILE:
		return NUMBER;
	case ENOMEM:
		return MEMORY;
	}
	return 0;
}

#endif
