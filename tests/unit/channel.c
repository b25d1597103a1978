/* SPDX-License-Identifier: ISC */
#include "proc/channel.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "proc/loop.h"
#include "tap.h"

#define FLOOD 900 /* several times what a pair holds */

static struct channel *channel;
static unsigned expected, wrong;

/* Sends each message back; "die" ends it. */
static void
echo_main(int fd, void *arg)
{
	static char data[CHANNEL_MAX];
	ssize_t n;

	(void)arg;
	while ((n = channel_receive(fd, data, sizeof(data))) > 0) {
		if (n == 3 && memcmp(data, "die", 3) == 0)
			_exit(7);
		if (channel_reply(fd, data, n) == -1)
			return;
	}
}

static size_t
length_of(unsigned i)
{
	return i % 500 == 499 ? CHANNEL_MAX : 200 + i % 300;
}

static void
fill(char *data, unsigned i)
{
	memset(data, 'a' + i % 26, length_of(i));
	memcpy(data, &i, sizeof(i));
}

static void
on_echo(void *arg, const void *data, size_t len)
{
	static char want[CHANNEL_MAX];

	if (arg != &expected)
		wrong++;
	fill(want, expected);
	if (len != length_of(expected) || memcmp(data, want, len) != 0)
		wrong++;
	if (++expected == FLOOD)
		loop_stop();
}

static void
test_flood(void)
{
	static char data[CHANNEL_MAX];

	channel = channel_helper("echo", echo_main, NULL, on_echo, &expected);
	for (unsigned i = 0; i < FLOOD; i++) {
		fill(data, i);
		channel_send(channel, data, length_of(i));
	}
	is_int(expected, 0, "sending never waits and never calls back");
	loop_run();
	is_int(expected, FLOOD, "every message comes back");
	is_int(wrong, 0, "whole, unchanged, in order");
}

/* Answers what it reads from the descriptor that came along. */
static void
reader_main(int fd, void *arg)
{
	static char data[CHANNEL_MAX];
	int passed;
	ssize_t n;

	(void)arg;
	while (channel_receive_fd(fd, data, sizeof(data), &passed) > 0) {
		n = passed == -1 ? 0 : fd_pread_full(passed, data, 100, 0);
		if (channel_reply(fd, n > 0 ? data : "none", n > 0 ? n : 4) ==
		    -1)
			return;
		fd_close(&passed);
	}
}

static void
on_content(void *arg, const void *data, size_t len)
{
	bool without = expected % 7 == 0;

	(void)arg;
	if (len != 4 || memcmp(data, without ? "none" : "mail", 4) != 0)
		wrong++;
	if (++expected == FLOOD)
		loop_stop();
}

/* What the pair does not take at once is kept, though the caller closes his. */
static void
test_descriptors(int dir)
{
	struct channel *ch;
	int fd = openat(dir, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	expected = wrong = 0;
	if (fd == -1 || fd_write_all(fd, "mail", 4) == -1)
		bail_out("write a file");
	ch = channel_helper("reader", reader_main, NULL, on_content, NULL);
	for (unsigned i = 0; i < FLOOD; i++)
		if (i % 7 == 0)
			channel_send(ch, "x", 1);
		else
			channel_send_fd(ch, "x", 1, fd);
	fd_close(&fd);
	loop_run();
	is_int(expected, FLOOD, "messages with descriptors arrive");
	is_int(wrong, 0, "each with its own, or with none");
}

static void
on_nothing(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
}

static void
as_worker_whose_helper_dies(void)
{
	struct channel *ch;
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_open("channel", quiet, true);
	loop_init();
	ch = channel_helper("dying", echo_main, NULL, on_nothing, NULL);
	channel_send(ch, "die", 3);
	loop_run();
}

static void
test_helper_dies(void)
{
	pid_t worker = fork();
	int status;

	if (worker == 0) {
		as_worker_whose_helper_dies();
		_exit(0);
	}
	if (waitpid(worker, &status, 0) != worker)
		bail_out("wait for the worker");
	ok(WIFEXITED(status), "a worker ends when its helper has died");
	is_int(WEXITSTATUS(status), 1, "with status 1");
}

/* Holds the pipe `arg` open for as long as it lives, whatever it does. */
static void
idle_main(int fd, void *arg)
{
	char data[8];

	fd_write_all(*(int *)arg, "+", 1);
	channel_receive(fd, data, sizeof(data));
}

static void
busy_main(int fd, void *arg)
{
	(void)fd;
	fd_write_all(*(int *)arg, "+", 1);
	for (;;)
		pause();
}

static void
test_worker_dies(void (*helper_main)(int fd, void *arg), const char *what)
{
	int ends[2];
	pid_t worker;
	char c;

	if (pipe2(ends, O_CLOEXEC) == -1)
		bail_out("make a pipe");
	worker = fork();
	if (worker == 0) {
		loop_init();
		channel_helper("first", helper_main, &ends[1], on_nothing, 0);
		channel_helper("second", helper_main, &ends[1], on_nothing, 0);
		loop_run();
		_exit(0);
	}
	fd_close(&ends[1]);
	if (fd_read_full(ends[0], &c, 1) != 1 ||
	    fd_read_full(ends[0], &c, 1) != 1)
		bail_out("wait for the helpers");
	kill(worker, SIGKILL);
	waitpid(worker, NULL, 0);
	is_int(fd_read_full(ends[0], &c, 1), 0, "%s", what);
	fd_close(&ends[0]);
}

int
main(void)
{
	loop_init();
	test_flood();
	test_descriptors(tmpdir());
	test_helper_dies();
	test_worker_dies(idle_main, "waiting helpers end with their worker");
	test_worker_dies(busy_main, "and so do busy ones");
	return done();
}
