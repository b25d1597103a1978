/* SPDX-License-Identifier: ISC */
/*
 * Logging to syslog(3), by a process of its own: workers write lines to a pipe,
 * and only the logger talks to /dev/log.  So a worker that cannot see /dev does
 * not lose its lines when syslogd is restarted, and nobody waits for syslogd.
 *
 * It ends when the last writer has; what is in the pipe is logged first.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "proc/parent_private.h"

#define PIPE_BYTES 1048576 /* a burst that syslogd is too slow for */

static struct {
	const char *program;
	int pipe[2];
	pid_t pid;
} logger = {
    .pipe = {-1, -1}
};

/* "<6>text", as log.h says */
static void
hand_over(char *line)
{
	int priority = LOG_INFO;

	if (line[0] == '<' && line[1] >= '0' && line[1] <= '7' &&
	    line[2] == '>') {
		priority = line[1] - '0';
		line += 3;
	}
	syslog(priority, "%s", line);
}

/* Hand over whole lines; what is left of the last one moves to the front. */
static size_t
hand_over_lines(char *data, size_t len)
{
	char *line = data, *end;

	while ((end = memchr(line, '\n', data + len - line)) != NULL) {
		*end = '\0';
		hand_over(line);
		line = end + 1;
	}
	len -= line - data;
	memmove(data, line, len);
	return len;
}

/* The pipe becomes its stdin and nothing else stays open: neither sockets that
 * listen nor what shows the workers that the parent lives. */
static void
become_logger(void)
{
	if (dup2(logger.pipe[0], STDIN_FILENO) == -1)
		_exit(1);
	closefrom(STDERR_FILENO + 1);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	setproctitle("logger");
	openlog(logger.program, LOG_NDELAY, LOG_MAIL);
}

static void
logger_main(void)
{
	static char data[65536];
	size_t len = 0;
	ssize_t n;

	become_logger();
	for (;;) {
		n = read(STDIN_FILENO, data + len, sizeof(data) - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0);
		len = hand_over_lines(data, len + n);
		if (len == sizeof(data)) /* no line of ours is so long */
			len = 0;
	}
}

static void
start_logger(void)
{
	logger.pid = fork();
	if (logger.pid == 0)
		logger_main();
	if (logger.pid == -1)
		log_warn("fork the logger");
}

void
parent_syslog_start(const char *program)
{
	logger.program = program;
	if (pipe2(logger.pipe, O_CLOEXEC) == -1)
		fatal("make a pipe to the logger");
	/* a writer waits a second for a full pipe, not for ever: log.h */
	if (fd_nonblock(logger.pipe[1]) == -1)
		fatal("make a pipe to the logger");
	fcntl(logger.pipe[1], F_SETPIPE_SZ, PIPE_BYTES);
	start_logger();
	log_open(program, logger.pipe[1], false);
}

void
parent_syslog_leave(void)
{
	fd_close(&logger.pipe[0]);
}

bool
parent_syslog_died(pid_t pid)
{
	if (logger.pid == 0 || pid != logger.pid)
		return false;
	start_logger();
	return true;
}
