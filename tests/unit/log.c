/* SPDX-License-Identifier: ISC */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "tap.h"

static int ends[2]; /* what is logged comes out of ends[0] */

/* What was written since the last call. */
static const char *
written(void)
{
	static struct buf b;
	ssize_t n;

	buf_clear(&b);
	while ((n = read(ends[0], buf_reserve(&b, 65536), 65536)) > 0)
		buf_grew(&b, n);
	return buf_text(&b);
}

static void
test_unopened(void)
{
	int err = dup(2);

	dup2(ends[1], 2);
	log_info("too early");
	dup2(err, 2);
	fd_close(&err);
	is_str(written(), "too early\n", "before log_open: at once, to stderr");
}

static void
test_lines(void)
{
	log_open("engine", ends[1], false);
	log_info("01ABC: routed next=%s", "maildir:/tmp");
	is_str(written(), "", "a line waits");
	log_flush();
	is_str(written(), "<6>01ABC: routed next=maildir:/tmp\n", "and goes");
	log_flush();
	is_str(written(), "", "once");

	log_debug("unseen");
	log_set_debug(true);
	log_debug("seen");
	log_set_debug(false);
	errno = ENOSPC;
	log_warn("01ABC: rename into processed/");
	is_int(errno, ENOSPC, "errno is kept");
	is_str(written(),
	    "<7>seen\n<4>01ABC: rename into processed/: No space left on "
	    "device\n",
	    "a warning goes at once, after what waited");
	log_warnx("01ABC: refused");
	is_str(written(), "<4>01ABC: refused\n", "without an error");
}

static void
test_stamps(void)
{
	unsigned y, mo, d, h, mi, s;
	int pid, end = 0;
	const char *line;

	log_open("receiver", ends[1], true);
	log_warnx("hello");
	line = written();
	is_int(sscanf(line, "%4u-%2u-%2uT%2u:%2u:%2uZ receiver[%d]: hello\n%n",
		   &y, &mo, &d, &h, &mi, &s, &pid, &end),
	    7, "a stamp, the program and its number");
	ok(end > 0 && line[end] == '\0', "then the words: %s", line);
	is_int(pid, getpid(), "the number is ours");
	log_open("engine", ends[1], false);
}

static void
test_strangers(void)
{
	char *text;
	size_t len;

	log_warnx("client=%s", "a\r\n<3>forged\t\x1b[2J\x7f\xc3\xa4");
	is_str(written(),
	    "<4>client=a\\015\\012<3>forged\\011\\033[2J\\177\\303\\244\n",
	    "no stranger breaks a line");

	text = mem_alloc(10001);
	memset(text, 'x', 10000);
	log_warnx("%s", text);
	len = strlen(written());
	ok(len > 2000 && len <= 4096, "a long line is cut, to %zu", len);
	log_warnx("%s", text);
	ok(strstr(written(), "x...\n") != NULL, "and says so");
	memset(text, '\n', 10000);
	log_warnx("%s", text);
	len = strlen(written());
	ok(len > 2000 && len <= 4096, "also when it grows, to %zu", len);
	memset(text, 'x', 10000);
	text[2040] = '\0';
	errno = ENOSPC;
	log_warn("%s", text);
	len = strlen(written());
	ok(len > 2040 && len <= 4096, "also the system's words, to %zu", len);
	free(text);
}

static void
test_collecting(void)
{
	int lines = 0;
	const char *got;

	while (*(got = written()) == '\0' && lines < 1000)
		log_info("line %d", lines++);
	ok(lines > 100 && lines < 500, "%d lines go together", lines);
	ok(strlen(got) <= 4096 && got[strlen(got) - 1] == '\n', "whole lines");
	log_flush();
	written();
}

static void
test_processes(void)
{
	char want[64];
	int status;
	pid_t child;

	log_info("before the fork");
	child = fork();
	if (child == 0) {
		log_info("child");
		errno = ENOENT;
		fatal("open the map");
	}
	waitpid(child, &status, 0);
	log_flush();
	is_str(written(),
	    "<6>before the fork\n<6>child\n<3>open the map: No such file or "
	    "directory\n",
	    "each line once, also those of a child that ends");
	is_int(WEXITSTATUS(status), 1, "fatal ends with 1");

	log_open("engine", ends[1], true);
	child = fork();
	if (child == 0)
		fatalx("child %d", (int)getpid());
	waitpid(child, &status, 0);
	snprintf(want, sizeof(want), "engine[%d]: child %d\n", (int)child,
	    (int)child);
	ok(strstr(written(), want) != NULL, "a child has its number");
	log_open("engine", ends[1], false);
}

/* Nobody reads: the line is given up, and the next ones still come. */
static void
test_stuck(void)
{
	char block[4096];

	memset(block, '.', sizeof(block));
	fd_nonblock(ends[1]);
	while (write(ends[1], block, sizeof(block)) > 0)
		;
	log_warnx("lost");
	ok(strstr(written(), "lost") == NULL, "a full pipe loses a line");
	log_warnx("found");
	is_str(written(), "<4>found\n", "the next one comes");
}

int
main(void)
{
	int fd;

	if (pipe(ends) == -1 || fd_nonblock(ends[0]) == -1)
		bail_out("make a pipe");
	signal(SIGPIPE, SIG_IGN);
	test_unopened();
	test_lines();
	test_stamps();
	test_strangers();
	test_collecting();
	test_processes();
	test_stuck();
	fd = ends[1];
	log_open("engine", 2, false);
	fd_close(&fd);
	return done();
}
