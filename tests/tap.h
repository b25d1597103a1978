/* SPDX-License-Identifier: ISC */
/*
 * TAP for unit tests: each check prints one "ok" or "not ok" line and, when
 * it failed, what was got and what was expected.  `return done();` ends
 * main(); a test that ends before it has no plan, and prove says so.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stddef.h>

/* Each returns whether the check held. */
#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) \
	tap_int((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...) \
	tap_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_mem(got, gotlen, want, wantlen, ...)                         \
	tap_mem((got), (gotlen), (want), (wantlen), __FILE__, __LINE__, \
	    __VA_ARGS__)

bool tap_ok(bool cond, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool tap_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Either may be NULL. */
bool tap_str(const char *got, const char *want, const char *file, int line,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
bool tap_mem(const void *got, size_t gotlen, const void *want, size_t wantlen,
    const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));

/* A remark in the output, and the end of a test that cannot be set up. */
void diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void bail_out(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* The plan; 0 when all was well, else 1. */
int done(void);

/*
 * A fresh directory that goes, with all in it, when the test process exits
 * normally; a descriptor of it is returned.  tmpdir_path() is its name.
 */
int tmpdir(void);
const char *tmpdir_path(void);

#endif
