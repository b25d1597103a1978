/* SPDX-License-Identifier: ISC */
#include "sender/backlog.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proc/loop.h"
#include "sender/destination.h"
#include "sender/sender.h"
#include "spool_fixture.h"
#include "tap.h"

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

static struct entry
named(const char *tag, char prio, unsigned number)
{
	struct entry e = {.state = STATE_PROCESSED, .shard = 1, .prio = prio};

	memcpy(e.tag, tag, sizeof(e.tag));
	snprintf(e.id, sizeof(e.id), "00000000000%07u", number);
	return e;
}

static void
add(const char *tag, char prio, unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++) {
		struct entry e = named(tag, prio, i);

		backlog_add(&e);
	}
}

static void
is_next(const char *tag, char prio, unsigned number, const char *what)
{
	struct entry want = named(tag, prio, number), got = {.id = ""};

	backlog_next(destination_get(tag), &got);
	is_str(got.id, want.id, "%s", what);
	ok(got.prio == prio && got.shard == 1 && strcmp(got.tag, tag) == 0 &&
		got.state == STATE_PROCESSED,
	    "all of its name");
}

static size_t
waiting(const char *tag)
{
	return destination_get(tag)->backlog.count;
}

static void
test_order(void)
{
	struct entry e;

	add("aaaaaaaa", '5', 10, 3);
	add("aaaaaaaa", '5', 7, 2);
	add("aaaaaaaa", '1', 20, 1);
	add("aaaaaaaa", '5', 7, 2);
	is_int((long long)waiting("aaaaaaaa"), 6, "a name counts once");
	is_next("aaaaaaaa", '1', 20, "priority first");
	is_next("aaaaaaaa", '5', 7, "then the oldest");
	is_next("aaaaaaaa", '5', 8, "and so on");
	for (int i = 0; i < 3; i++)
		backlog_next(destination_get("aaaaaaaa"), &e);
	ok(!backlog_next(destination_get("aaaaaaaa"), &e), "to the end");
	is_int((long long)backlog_total(), 0, "nothing is kept");
}

static void
test_window(void)
{
	char tag[TAG_LEN + 1];

	add("bbbbbbbb", '5', 0, BACKLOG_MAX);
	is_int((long long)waiting("bbbbbbbb"), BACKLOG_FIRST,
	    "one destination has a part of the window");
	ok(destination_get("bbbbbbbb")->backlog.left_out, "the rest is noted");
	add("bbbbbbbb", '1', 0, 1);
	is_int((long long)waiting("bbbbbbbb"), BACKLOG_FIRST,
	    "a prioritised one takes the place of the last");
	is_next("bbbbbbbb", '1', 0, "and goes first");
	for (unsigned i = 0; backlog_total() < BACKLOG_MAX / 2; i++) {
		snprintf(tag, sizeof(tag), "x%07u", i);
		add(tag, '5', 0, BACKLOG_FIRST + 5);
	}
	add("cccccccc", '5', 0, BACKLOG_MAX);
	is_int((long long)waiting("cccccccc"), BACKLOG_SHARE,
	    "when half of it is taken a new one has less");
	for (unsigned i = 0; backlog_total() < BACKLOG_MAX; i++) {
		snprintf(tag, sizeof(tag), "y%07u", i);
		add(tag, '5', 0, BACKLOG_SHARE + 5);
	}
	add("nnnnnnnn", '5', 0, 100);
	is_int((long long)waiting("nnnnnnnn"), BACKLOG_TRICKLE,
	    "when it is full, everybody still has a trickle");
	ok(backlog_total() < BACKLOG_MAX + BACKLOG_SHARE, "%zu names in all",
	    backlog_total());
}

static void
test_trim(void)
{
	struct destination *d = destination_get("bbbbbbbb");
	struct entry e;

	backlog_trim(d);
	is_int((long long)d->backlog.count, BACKLOG_SHARE,
	    "a suspended one keeps its share");
	ok(!backlog_next_old(d, -1, &e), "none of it is older than time");
	is_next("bbbbbbbb", '5', 0, "its first are kept");
}

/* ---- names on disk ---- */

#define ON_DISK (3 * BACKLOG_FIRST)

static const char fast[] = "ffffffff";

/* Its names are links of one file; the sender looks at names alone. */
static void
make_names(void)
{
	int dir = sender.spool->processed[2];
	struct entry e = named(fast, '5', 0);
	char first[ENTRY_SIZE], name[ENTRY_SIZE];
	int fd;

	e.shard = 2;
	entry_format(&e, first);
	fd = openat(dir, first, O_WRONLY | O_CREAT, 0600);
	if (fd == -1 || close(fd) == -1)
		bail_out("no file in processed/2");
	for (unsigned i = 1; i < ON_DISK; i++) {
		e = named(fast, '5', i);
		e.shard = 2;
		entry_format(&e, name);
		if (linkat(dir, first, dir, name, 0) == -1)
			bail_out("no link in processed/2");
	}
}

/* Take what is in memory, all but a few, off the disk too. */
static void
send_them(void)
{
	struct entry e;
	char name[ENTRY_SIZE];

	while (waiting(fast) > 10 && backlog_next(destination_get(fast), &e)) {
		entry_format(&e, name);
		unlinkat(sender.spool->processed[2], name, 0);
	}
}

static void
on_turn(void *arg)
{
	(void)arg;
	if (waiting(fast) > 10 + BACKLOG_FIRST / 2)
		loop_stop();
}

static void
test_growth(void)
{
	make_names();
	backlog_shard(2);
	is_int((long long)waiting(fast), BACKLOG_FIRST, "a part is read");
	loop_on_turn(on_turn, NULL);
	send_them();
	loop_run();
	is_int((long long)waiting(fast), BACKLOG_FIRST,
	    "when that is sent, as much again");
	send_them();
	loop_run();
	is_int((long long)waiting(fast), ON_DISK - 2 * (BACKLOG_FIRST - 10),
	    "and when it was sent in a short time, more");
}

int
main(void)
{
	sender.spool = fixture_spool(ROOM_SENDER);
	loop_init();
	backlog_start();
	backlog_shard(1);
	test_order();
	test_growth();
	test_window();
	test_trim();
	return done();
}
