/* SPDX-License-Identifier: ISC */
#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "tap.h"

static bool
near(int64_t got, int64_t want)
{
	return got >= want - 5 && got <= want + 5;
}

static void
test_formats(void)
{
	static const struct {
		int64_t wall_s;
		const char *date, *stamp;
	} cases[] = {
	    {0,          "Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z"},
	    {1795240862, "Sat, 21 Nov 2026 06:01:02 +0000",
             "2026-11-21T06:01:02Z"					       },
	    {1709164799, "Wed, 28 Feb 2024 23:59:59 +0000",
             "2024-02-28T23:59:59Z"					       },
	    {1709164800, "Thu, 29 Feb 2024 00:00:00 +0000",
             "2024-02-29T00:00:00Z"					       },
	    {4294967296, "Sun, 07 Feb 2106 06:28:16 +0000",
             "2106-02-07T06:28:16Z"					       },
	    {INT64_MIN,  "Thu, 01 Jan 1970 00:00:00 +0000",
             "1970-01-01T00:00:00Z"					       },
	    {INT64_MAX,  "Fri, 31 Dec 9999 23:59:59 +0000",
             "9999-12-31T23:59:59Z"					       },
	};
	char out[CLOCK_DATE_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clock_date(cases[i].wall_s, out);
		is_str(out, cases[i].date, "a date of mail");
		clock_stamp(cases[i].wall_s, out);
		is_str(out, cases[i].stamp, "a stamp");
	}
}

static void
test_trust(void)
{
	clock_init();
	clock_turn(30 * 86400);
	ok(clock_trusted(), "what a test turns is not a wrong clock");
	ok(!clock_doubt(time(NULL) - 80000) && clock_trusted(),
	    "nor is a day without anybody there");
	ok(!clock_doubt(time(NULL) + 60) && clock_trusted(), "nor a minute");
	clock_turn(-30 * 86400);
	ok(clock_doubt(time(NULL) - 90000), "after more than a day");
	ok(!clock_trusted(), "it is not trusted at once");
	ok(clock_doubt(time(NULL) + 4000), "nor where time has gone back");
}

static void
test_turning(void)
{
	int64_t steady = clock_steady_ms();

	ok(near(clock_wall_s(), time(NULL)), "the time of the system");
	clock_turn(86400);
	ok(near(clock_wall_s(), time(NULL) + 86400), "a day later");
	ok(near(clock_wall_us() / 1000000, time(NULL) + 86400), "in us too");
	ok(clock_steady_ms() - steady < 60000, "the steady clock stays");
	clock_turn(-86400);
	ok(near(clock_wall_s(), time(NULL)), "and back");
}

static void
write_file(int fd, const char *text)
{
	if (ftruncate(fd, 0) == -1 ||
	    fd_pwrite_all(fd, text, strlen(text), 0) == -1)
		bail_out("write the clock's file");
}

static void
test_file(int dir)
{
	static const char *const wrong[] = {"", "soon\n", "-", "1 2\n", "\n"};
	char path[256];
	int fd;

	fd = openat(dir, "clock", O_RDWR | O_CREAT, 0600);
	snprintf(path, sizeof(path), "%s/clock", tmpdir_path());
	setenv("STAGEPOST_CLOCK", path, 1);
	write_file(fd, "3600\n");
	clock_init();
	ok(near(clock_wall_s(), time(NULL) + 3600), "the file's hour");
	write_file(fd, "-7200");
	clock_refresh();
	ok(near(clock_wall_s(), time(NULL) - 7200), "two hours ago");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		write_file(fd, wrong[i]);
		clock_refresh();
		ok(near(clock_wall_s(), time(NULL) - 7200),
		    "\"%.4s\" changes nothing", wrong[i]);
	}
	write_file(fd, "600\n");
	while (!near(clock_wall_s(), time(NULL) + 600))
		; /* the test's time limit tells when it is never seen */
	ok(true, "seen without being told");

	unlinkat(dir, "clock", 0);
	clock_init();
	ok(near(clock_wall_s(), time(NULL)), "no file, no turn");
	unsetenv("STAGEPOST_CLOCK");
	fd_close(&fd);
}

/* Who runs us with more rights than his own must not turn our clock. */
static void
test_privileged(int dir)
{
	int status, fd;
	char path[256];
	pid_t child;

	if (geteuid() != 0) {
		ok(true, "skipped # SKIP needs root to have two users");
		return;
	}
	fd = openat(dir, "other", O_RDWR | O_CREAT, 0644);
	write_file(fd, "3600\n");
	fd_close(&fd);
	snprintf(path, sizeof(path), "%s/other", tmpdir_path());
	setenv("STAGEPOST_CLOCK", path, 1);
	child = fork();
	if (child == 0) {
		if (setresuid(65534, 0, 0) == -1)
			_exit(2);
		clock_init();
		_exit(near(clock_wall_s(), time(NULL)) ? 0 : 1);
	}
	waitpid(child, &status, 0);
	is_int(status, 0, "the environment does not count across users");
	unsetenv("STAGEPOST_CLOCK");
}

int
main(void)
{
	int dir = tmpdir();

	unsetenv("STAGEPOST_CLOCK");
	test_formats();
	test_trust();
	test_turning();
	test_file(dir);
	test_privileged(dir);
	fd_close(&dir);
	return done();
}
