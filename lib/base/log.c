/* SPDX-License-Identifier: ISC */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define WAITING_MAX 4096 /* PIPE_BUF: a pipe takes so much in one piece */
#define RAW_MAX     2048
#define PATIENCE_MS 1000

enum priority { LOG_FATAL = 3, LOG_WARNING = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

static struct {
	char program[32];
	int fd;
	pid_t pid;
	bool open, stamps, debug;
	char waiting[WAITING_MAX];
	size_t len;
} journal = {.fd = 2};

static void
note_pid(void)
{
	journal.pid = getpid();
}

void
log_open(const char *program, int fd, bool stamps)
{
	log_flush();
	snprintf(journal.program, sizeof(journal.program), "%s", program);
	journal.fd = fd;
	journal.stamps = stamps;
	note_pid();
	if (journal.open)
		return;
	journal.open = true;
	if (atexit(log_flush) != 0)
		fatalx("register log_flush for the exit");
	if (pthread_atfork(log_flush, NULL, note_pid) != 0)
		fatalx("register log_flush for forks");
}

void
log_set_debug(bool on)
{
	journal.debug = on;
}

/* A reader that is stuck for a second loses lines: mail is not to wait for a
 * log. */
void
log_flush(void)
{
	struct pollfd reader = {.fd = journal.fd, .events = POLLOUT};
	size_t done = 0;
	ssize_t n;
	int kept = errno;

	while (done < journal.len) {
		n = write(
		    journal.fd, journal.waiting + done, journal.len - done);
		if (n > 0)
			done += n;
		else if (n == 0 || errno == EINTR)
			continue;
		else if (errno != EAGAIN || poll(&reader, 1, PATIENCE_MS) != 1)
			break;
	}
	journal.len = 0;
	errno = kept;
}

/* Everything that is not printable ASCII as \ooo; cut with "..." at size. */
static size_t
escape(char *out, size_t size, const char *raw)
{
	const unsigned char *p;
	size_t len = 0;

	for (p = (const unsigned char *)raw; *p; p++) {
		if (len + 4 + 3 > size) {
			memcpy(out + len, "...", 3);
			return len + 3;
		}
		if (*p >= ' ' && *p <= '~')
			out[len++] = *p;
		else
			len += snprintf(out + len, 5, "\\%03o", *p);
	}
	return len;
}

static size_t
begin_line(char *line, size_t size, enum priority priority)
{
	char stamp[CLOCK_DATE_SIZE];

	if (!journal.open)
		return 0;
	if (!journal.stamps)
		return snprintf(line, size, "<%d>", priority);
	clock_stamp(clock_wall_s(), stamp);
	return snprintf(line, size, "%s %s[%d]: ", stamp, journal.program,
	    (int)journal.pid);
}

/* error 0: none to tell. */
__attribute__((format(printf, 3, 0))) static void
put(enum priority priority, int error, const char *fmt, va_list ap)
{
	char raw[RAW_MAX], line[WAITING_MAX];
	size_t len;
	int n;

	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	if (n >= RAW_MAX)
		memcpy(raw + RAW_MAX - 4, "...", 4);
	else if (error != 0 && n >= 0)
		snprintf(raw + n, sizeof(raw) - n, ": %s", strerror(error));
	len = begin_line(line, sizeof(line), priority);
	len += escape(line + len, sizeof(line) - len - 1, raw);
	line[len++] = '\n';

	if (journal.len + len > WAITING_MAX)
		log_flush();
	memcpy(journal.waiting + journal.len, line, len);
	journal.len += len;
	if (priority <= LOG_WARNING || !journal.open)
		log_flush();
}

void
log_info(const char *fmt, ...)
{
	va_list ap;
	int kept = errno;

	va_start(ap, fmt);
	put(LOG_INFO, 0, fmt, ap);
	va_end(ap);
	errno = kept;
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;
	int kept = errno;

	if (!journal.debug)
		return;
	va_start(ap, fmt);
	put(LOG_DEBUG, 0, fmt, ap);
	va_end(ap);
	errno = kept;
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;
	int kept = errno;

	va_start(ap, fmt);
	put(LOG_WARNING, kept, fmt, ap);
	va_end(ap);
	errno = kept;
}

void
log_warnx(const char *fmt, ...)
{
	va_list ap;
	int kept = errno;

	va_start(ap, fmt);
	put(LOG_WARNING, 0, fmt, ap);
	va_end(ap);
	errno = kept;
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_FATAL, errno, fmt, ap);
	va_end(ap);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_FATAL, 0, fmt, ap);
	va_end(ap);
	exit(1);
}
