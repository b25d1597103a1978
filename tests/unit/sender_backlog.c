/* SPDX-License-Identifier: ISC */
#include "sender/backlog.h"

#include <stdio.h>
#include <string.h>

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
	add("bbbbbbbb", '5', 0, BACKLOG_MAX);
	is_int((long long)waiting("bbbbbbbb"), BACKLOG_MAX / 2,
	    "one destination has half of the window");
	ok(destination_get("bbbbbbbb")->backlog.left_out, "the rest is noted");
	add("cccccccc", '5', 0, BACKLOG_MAX);
	is_int((long long)waiting("cccccccc"), BACKLOG_SHARE,
	    "the next has its share");
	add("bbbbbbbb", '1', 0, 1);
	is_int((long long)waiting("bbbbbbbb"), BACKLOG_MAX / 2,
	    "a prioritised one takes the place of the last");
	is_next("bbbbbbbb", '1', 0, "and goes first");
	for (char c = 'd'; c <= 'm'; c++) {
		char tag[TAG_LEN + 1] = "xxxxxxx";

		tag[7] = c;
		add(tag, '5', 0, BACKLOG_SHARE + 5);
	}
	add("nnnnnnnn", '5', 0, 100);
	is_int((long long)waiting("nnnnnnnn"), BACKLOG_TRICKLE,
	    "when it is full, everybody still has a trickle");
	ok(backlog_total() < BACKLOG_MAX + 100, "%zu names in all",
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

int
main(void)
{
	sender.spool = fixture_spool(ROOM_SENDER);
	loop_init();
	backlog_start();
	backlog_shard(1);
	test_order();
	test_window();
	test_trim();
	return done();
}
