/* SPDX-License-Identifier: ISC */
#include "sender/calendar.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "proc/loop.h"
#include "mapfile.h"
#include "sender/sender.h"
#include "spool_fixture.h"
#include "tap.h"

#define SHARD 3
#define HOUR  (1 << BUCKET_SHIFT)

struct sender sender;

bool
sender_may_begin(void)
{
	return false;
}

void
sender_pause(void)
{
}

/* Links of one empty file are entries enough: the calendar goes by names. */
static void
deferred(int64_t due_s, unsigned number)
{
	int dirfd = sender.spool->deferred[SHARD];
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%lld", (long long)due_s >> BUCKET_SHIFT);
	mkdirat(dirfd, path, 0770);
	snprintf(path, sizeof(path), "%lld/%lld.501234567.00000000000%07u",
	    (long long)due_s >> BUCKET_SHIFT, (long long)due_s, number);
	fd = openat(sender.spool->root, "empty", O_CREAT | O_WRONLY, 0660);
	if (fd == -1 ||
	    linkat(sender.spool->root, "empty", dirfd, path, 0) == -1)
		bail_out("%s", path);
	fd_close(&fd);
}

static size_t want_woken, want_kept;

static void
stop_when_woken(void *arg)
{
	(void)arg;
	if (calendar_count() == want_kept &&
	    fixture_count(sender.spool, STATE_PROCESSED, NULL, 0) == want_woken)
		loop_stop();
}

/* Run the loop until so many entries have been woken in all and so many are in
 * memory; a test that waits in vain ends by its time limit. */
static void
await(size_t woken, size_t kept, const char *what)
{
	want_woken = woken;
	want_kept = kept;
	calendar_shard(SHARD); /* looks at once, not at the next tick */
	loop_run();
	ok(true, "%s: %zu woken, %zu in memory", what, woken, kept);
}

static size_t
buckets(void)
{
	struct stat st;

	fstat(sender.spool->deferred[SHARD], &st);
	return st.st_nlink - 2;
}

/* Three days are the longest retry delay. */
static void
open_map(void)
{
	static const struct mapfile_record records[] = {
	    {"P", "-:0\t259200"},
            {0  }
        };
	static struct worker worker;

	mapfile_write(sender.spool->map, 1, records);
	worker.map = map_open(sender.spool->map);
	sender.worker = &worker;
}

/* The wall clock was ten days ahead and is set right: what was deferred
 * meanwhile is due, but for what may have been deferred before. */
static void
test_set_back(unsigned n, size_t woken)
{
	int64_t now_s = clock_wall_s();

	deferred(now_s + HOUR, n++);
	clock_turn(10 * 86400);
	for (int i = 0; i < 5; i++)
		deferred(clock_wall_s() + 100 + i * 15 * HOUR, n++);
	await(woken + 1, 1, "ahead: what is due within the hour is in memory");
	clock_turn(-10 * 86400);
	await(woken + 1 + 5, 0, "set back by days: nothing sleeps for days");
}

int
main(void)
{
	int64_t now_s, late_s;
	unsigned n = 0;

	sender.spool = fixture_spool(ROOM_SENDER);
	open_map();
	loop_init();
	loop_on_turn(stop_when_woken, NULL);

	/* So that nothing comes due by itself: the middle of a bucket. */
	now_s = clock_wall_s();
	clock_turn((now_s & ~(HOUR - 1)) + HOUR / 2 - now_s);
	now_s = clock_wall_s();

	deferred(now_s - 30 * HOUR, n++);
	deferred(now_s - 1, n++);
	deferred(now_s + 600, n++);
	deferred(now_s + HOUR, n++);
	deferred(now_s + 40 * HOUR, n++);
	deferred(now_s + 400 * 86400, n++); /* by a wrong clock */
	calendar_start();
	calendar_shard(SHARD);
	is_int((long long)calendar_count(), 4,
	    "what is not due within the hour is left on disk");
	await(3, 1, "what is past, due and absurd");
	is_int((long long)buckets(), 3, "closed buckets that are empty go");

	clock_turn(601);
	await(4, 0, "ten minutes on");
	clock_turn(HOUR);
	await(5, 0, "the next bucket");
	clock_turn(39 * HOUR);
	await(6, 0, "two days on");

	/* More than fit: the earliest are kept, the others read later. */
	now_s = clock_wall_s() & ~(HOUR - 1);
	clock_turn(now_s - clock_wall_s() + HOUR);
	now_s += HOUR;
	for (unsigned i = 0; i < CALENDAR_MAX + 2000; i++)
		deferred(now_s + 1000 + i / 100, n++);
	await(6, CALENDAR_MAX, "22,000 in the calendar");
	late_s = now_s + 1000 + CALENDAR_MAX / 100 + 30;
	deferred(late_s, n++);
	calendar_deferred(&(struct entry){.state = STATE_DEFERRED,
	    .shard = SHARD,
	    .prio = '5',
	    .tag = "01234567",
	    .due_s = late_s});
	is_int((long long)calendar_count(), CALENDAR_MAX,
	    "one more that is late is left on disk");
	clock_turn(1000 + CALENDAR_MAX / 100 + 100);
	await(6 + CALENDAR_MAX + 2000 + 1, 0, "all have their turn");
	test_set_back(n, 6 + CALENDAR_MAX + 2000 + 1);
	return done();
}
