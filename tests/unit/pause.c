/* SPDX-License-Identifier: ISC */
#include "mail/pause.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "spool_fixture.h"
#include "tap.h"

#define TAG "abcdefgh"

static struct spool *tool;
static struct pauses pauses;

static void
leave(const char *subject, int64_t until_s, char *name, char *why)
{
	struct pause p = {.since_s = 1000, .until_s = until_s, .who = "ann b"};

	str_copy(p.subject, sizeof(p.subject), str_of(subject));
	p.name = name;
	p.why = why;
	is_int(pause_leave(tool, &p), 0, "%s is paused", subject);
	is_int(pauses_read(tool, &pauses), 0, "and read");
}

static const char *
found(const char *tag, const char *profile, int64_t now_s)
{
	const struct pause *p = pauses_find(&pauses, tag, profile, now_s);

	return p != NULL ? p->subject : "none";
}

static void
lift(const char *subject)
{
	is_int(pause_lift(tool, subject, "ann", ""), 0, "%s goes on", subject);
	pauses_read(tool, &pauses);
}

int
main(void)
{
	struct buf text = {0};

	tool = fixture_spool(ROOM_QUEUE_TOOL);
	log_open("test", STDERR_FILENO, false);
	is_int(pauses_read(tool, &pauses), 0, "no pauses");
	is_str(found(TAG, "x", 1), "none", "nothing is paused");

	leave(TAG, 2000, "a.example", "disk\nis full");
	is_str(pauses.list[0].name, "a.example", "as it was called");
	is_str(pauses.list[0].why, "disk is full", "why, on one line");
	is_str(pauses.list[0].who, "annb", "who, in one word");
	is_int(pauses.list[0].since_s, 1000, "since when");
	is_str(found(TAG, NULL, 1999), TAG, "it holds up its destination");
	is_str(found("abcdefgi", NULL, 1999), "none", "and no other");
	is_str(found(TAG, NULL, 2000), "none", "until then");

	leave("profile=slow", 0, "slow", "");
	is_str(found("zzzzzzzz", "slow", 1), "profile=slow", "a profile");
	is_str(found("zzzzzzzz", "slower", 1), "none", "that one only");
	is_str(found("zzzzzzzz", NULL, 1), "none", "where it is known");
	lift("profile=slow");
	is_str(found("zzzzzzzz", "slow", 1), "none", "no more");

	leave("all", 0, "all", "");
	is_str(found("zzzzzzzz", NULL, 1), "all", "all are");
	lift("all");
	lift(TAG);
	is_int((long)pauses.n, 0, "none is left");
	is_int(pause_lift(tool, TAG, "ann", ""), -1, "nothing to lift");
	is_int(errno, ENOENT, "for there is none");
	is_int(control_read(tool, ORDER_RESUME, TAG, &text), 0,
	    "the sender is told");

	control_leave(tool, ORDER_PAUSE, TAG, "ann", "nonsense");
	pauses_read(tool, &pauses);
	is_str(found(TAG, NULL, 1), TAG, "an order in pieces pauses too");
	buf_free(&text);
	pauses_free(&pauses);
	spool_close(&tool);
	return done();
}
