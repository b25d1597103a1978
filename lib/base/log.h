/* SPDX-License-Identifier: ISC */
/*
 * Log lines.  Layer: base (but lib/base itself never logs).
 *
 * One line per event: "ID: verb key=value ...", past tense for what happened,
 * a bare infinitive and the system's words for what failed.  Whoever knows the
 * name of the thing logs, once.  Bytes that are not printable ASCII come out
 * as \ooo, so no stranger can forge a line.
 *
 * Lines are collected and written together: by log_flush() (the event loop
 * calls it at the end of every turn), when 4 KiB are waiting, and at once for
 * warnings and by fatal(), at exit() and before fork().  Each write is whole
 * lines of at most 4 KiB in all, so lines of several processes on one pipe do
 * not mix; a longer line is cut and ends in "...".  errno is kept.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

/*
 * Start logging as `program` to fd (normally 2).  With `stamps` each line
 * begins with a UTC time and the program, "2026-11-21T06:01:02Z engine[12]: ";
 * without, each begins with the syslog priority "<6>".
 */
void log_open(const char *program, int fd, bool stamps);
void log_set_debug(bool on);
void log_flush(void);

void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* log_warn adds ": " and strerror(errno); log_warnx does not. */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For start-up and for memory; never for what a stranger sent.  Exit 1. */
void fatal(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));
void fatalx(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

#endif
