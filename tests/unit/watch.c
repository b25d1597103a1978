/* SPDX-License-Identifier: ISC */
#include "proc/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "proc/loop.h"
#include "tap.h"

static int top, one, two;
static struct watch *watch;
static struct buf told;
static unsigned names, rescans[3];

static void
on_name(void *arg, int key, const char *name)
{
	(void)arg;
	names++;
	if (told.len < 1000)
		buf_addf(&told, "%d:%s ", key, name);
	if (strcmp(name, "end") == 0)
		loop_stop();
	if (strcmp(name, "remove") == 0)
		watch_remove(watch, key);
	if (strcmp(name, "free") == 0) {
		watch_free(&watch);
		loop_stop();
	}
}

static void
on_rescan(void *arg, int key)
{
	(void)arg;
	rescans[key]++;
	if (rescans[1] && rescans[2])
		loop_stop();
}

static int
make_directory(const char *name)
{
	if (mkdirat(top, name, 0700) == -1)
		bail_out("make a directory");
	return openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
make_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		bail_out("make a file");
	fd_close(&fd);
}

static void
run_and_check(const char *want, const char *what)
{
	loop_run();
	is_str(buf_text(&told), want, "%s", what);
	buf_clear(&told);
}

static void
test_arrivals(void)
{
	make_file(top, "a");
	make_file(one, "earlier");
	is_int(watch_add(watch, one, 1), 0, "watches a directory");
	is_int(watch_add(watch, two, 2), 0, "and another");
	if (renameat(top, "a", one, "a") == -1 ||
	    linkat(one, "a", two, "b", 0) == -1 || unlinkat(one, "a", 0) == -1)
		bail_out("move a file about");
	make_file(two, "end");
	run_and_check("1:a 2:b 2:end ",
	    "a rename, a link, a new file; no removal, nothing of before");
	unlinkat(two, "end", 0);
}

static void
test_removal(void)
{
	make_file(one, "remove");
	make_file(one, "unseen");
	make_file(two, "end");
	run_and_check("1:remove 2:end ",
	    "no word of a directory that its handler has removed");
	unlinkat(two, "end", 0);
	is_int(watch_add(watch, one, 1), 0, "watches it again");
	is_int(watch_add(watch, top, 7), 0, "and one that goes");
	make_file(one, "end");
	run_and_check("1:end ", "and reports it again");
	watch_remove(watch, 7);
	unlinkat(one, "end", 0);
}

static void
test_wrong(int file)
{
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_open("watch", quiet, true);
	is_int(watch_add(watch, file, 3), -1, "a file is no directory");
	log_open("watch", 2, true);
	fd_close(&quiet);
}

/* More arrivals than the kernel keeps. */
static void
test_overflow(void)
{
	int limit_fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY);
	char text[32] = "", name[32];
	int limit;

	if (limit_fd == -1 || read(limit_fd, text, sizeof(text) - 1) <= 0)
		bail_out("read the length of the queue");
	fd_close(&limit_fd);
	limit = atoi(text);
	names = 0;
	make_file(one, "from");
	for (int i = 0; i < limit + 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (renameat(one, i == 0 ? "from" : text, one, name) == -1)
			bail_out("rename %s", name);
		memcpy(text, name, sizeof(name));
	}
	loop_run();
	ok(names < (unsigned)limit + 100, "%u arrivals are told, not all",
	    names);
	is_int(rescans[1], 1, "then the directory is to be read again");
	is_int(rescans[2], 1, "and so is the other");
	buf_clear(&told);
	make_file(two, "end");
	run_and_check("2:end ", "and all goes on as before");
}

static void
test_free(void)
{
	make_file(one, "free");
	make_file(one, "later");
	run_and_check("1:free ", "may be freed by its own handler");
	watch_free(&watch);
	ok(watch == NULL, "twice is fine");
}

int
main(void)
{
	int file;

	top = tmpdir();
	one = make_directory("one");
	two = make_directory("two");
	make_file(top, "file");
	file = openat(top, "file", O_RDONLY | O_CLOEXEC);
	loop_init();
	watch = watch_new(on_name, on_rescan, NULL);
	test_arrivals();
	test_removal();
	test_wrong(file);
	test_overflow();
	test_free();
	buf_free(&told);
	return done();
}
