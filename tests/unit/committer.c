/* SPDX-License-Identifier: ISC */
#include "proc/committer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "proc/loop.h"
#include "spool_fixture.h"
#include "tap.h"

#define MANY   2500 /* several batches */
#define SINGLE 200

static struct spool *sp;
static struct buf order;
static unsigned told, failed;

static struct draft
make_draft(unsigned slot)
{
	struct recipient rcpt = {.address = "r@example.net"};
	struct envelope env = {.sender = "s@example.org",
	    .recipients = &rcpt,
	    .nrecipients = 1,
	    .protocol = "ESMTP",
	    .arrival_s = 1795000000};
	struct draft d;

	draft_begin(&d, slot, NULL, &env);
	if (draft_add(&d, sp, "Subject: x\r\n\r\n.\r\n", 17) == -1 ||
	    draft_finish(&d, sp) == -1)
		bail_out("no draft");
	return d;
}

static void
on_done(void *arg, int status)
{
	told++;
	if (status != 0)
		failed++;
	if (arg != NULL)
		buf_addf(&order, "%s%d ", (const char *)arg, status);
}

static bool late_due; /* a request that on_turn_end() makes */

/* Stop once all has been told. */
static void
on_turn(void *arg)
{
	(void)arg;
	if (committer_busy() == 0 && !late_due)
		loop_stop();
}

static void
test_order(void)
{
	struct draft a = make_draft(0), b = make_draft(3), gone = make_draft(3);

	unlinkat(sp->tmp[3], gone.id, 0);
	committer_flush(on_done, "first");
	committer_commit(&a, false, on_done, "a");
	committer_commit(&gone, false, on_done, "gone");
	committer_flush(on_done, "flush");
	committer_commit(&b, false, on_done, "b");
	is_int(committer_busy(), 5, "five requests are under way");
	is_int(told, 0, "nothing is told at once");
	loop_run();
	is_str(buf_text(&order), "first0 a0 gone2 flush0 b0 ",
	    "each is told its own outcome, in order");
	is_int(committer_busy(), 0, "nothing is left to do");
	is_int(fixture_count(sp, STATE_INCOMING, NULL, 0), 2,
	    "what was committed is there");
	is_int(faccessat(sp->incoming[3], b.id, F_OK, 0), 0, "in its slot");
	is_int(
	    faccessat(sp->tmp[3], b.id, F_OK, 0), -1, "and no longer in tmp/");
}

static void
test_many(void)
{
	int64_t began, took;
	struct draft d;

	told = failed = 0;
	began = clock_steady_ms();
	for (unsigned i = 0; i < MANY; i++) {
		d = make_draft(i % SHARDS);
		committer_commit(&d, false, on_done, NULL);
	}
	diag(
	    "%d drafts written: %d ms", MANY, (int)(clock_steady_ms() - began));
	began = clock_steady_ms();
	loop_run();
	took = clock_steady_ms() - began;
	diag("and committed: %d ms", (int)took);
	is_int(told, MANY, "all are told");
	is_int(failed, 0, "all are committed");
	is_int(fixture_count(sp, STATE_INCOMING, NULL, 0), 2 + MANY,
	    "and are there");
}

/* A client that sends the next message when it has its 250. */
static void
on_one(void *arg, int status)
{
	unsigned *left = arg;
	struct draft d;

	on_done(NULL, status);
	if (--*left == 0)
		return;
	d = make_draft(5);
	committer_commit(&d, false, on_one, left);
}

static void
test_single(void)
{
	unsigned left = SINGLE;
	struct draft d = make_draft(5);
	int64_t began = clock_steady_ms();

	told = failed = 0;
	committer_commit(&d, false, on_one, &left);
	loop_run();
	diag("one at a time: %d us each",
	    (int)((clock_steady_ms() - began) * 1000 / SINGLE));
	is_int(told, SINGLE, "a handler may ask for the next");
	is_int(failed, 0, "and each is committed");
}

/* What is asked for when a turn ends is not left until something happens. */
static struct draft late;

static void
on_turn_end(void *arg)
{
	(void)arg;
	if (!late_due)
		return;
	late_due = false;
	committer_commit(&late, false, on_done, NULL);
}

static void
on_deadline(void *arg)
{
	(void)arg;
	bail_out("waited in vain for a commit");
}

static void
test_end_of_turn(void)
{
	struct loop_timer *deadline = loop_timer_new(on_deadline, NULL);

	told = failed = 0;
	late = make_draft(7);
	late_due = true;
	loop_timer_set(deadline, 20000);
	loop_run();
	is_int(told, 1, "a commit asked for at the end of a turn is begun");
	is_int(failed, 0, "and done");
	loop_timer_free(&deadline);
}

static struct draft second;

static void
on_patience_tried(void *arg)
{
	(void)arg;
	is_int(told, 0, "it waits for company");
	committer_commit(&second, false, on_done, "second");
}

static void
test_company(void)
{
	struct loop_timer *deadline = loop_timer_new(on_deadline, NULL);
	struct loop_timer *later = loop_timer_new(on_patience_tried, NULL);
	struct draft first = make_draft(1), lone = make_draft(3);

	second = make_draft(2);
	told = failed = 0;
	buf_clear(&order);
	loop_timer_set(deadline, 20000);
	loop_timer_set(later, 20);
	committer_company(2, 3600000);
	committer_commit(&first, false, on_done, "first");
	loop_run();
	is_str(buf_text(&order), "first0 second0 ", "two are company");
	committer_company(2, 3);
	committer_commit(&lone, false, on_done, "lone");
	loop_run();
	is_int(told, 3, "a lone one is not left when its patience ends");
	is_int(failed, 0, "all are committed");
	committer_company(0, 0);
	loop_timer_free(&deadline);
	loop_timer_free(&later);
}

/* Once a flush has failed, nothing is taken any more. */
static void
test_failed_spool(void)
{
	struct draft d = make_draft(1);

	buf_clear(&order);
	errno = EIO;
	spool_fail(sp, "a flush, says this test");
	committer_commit(&d, false, on_done, "d");
	committer_flush(on_done, "flush");
	loop_run();
	is_str(buf_text(&order), "d5 flush5 ", "EIO for all that comes after");
	is_int(faccessat(sp->incoming[1], d.id, F_OK, 0), -1,
	    "what was refused is not there");
	buf_free(&order);
}

int
main(void)
{
	sp = fixture_spool(ROOM_RECEIVER);
	spool_set_limits(sp, 0, 0, 4);
	loop_init();
	committer_start(sp);
	loop_on_turn(on_turn, NULL);
	loop_on_turn(on_turn_end, NULL);
	test_order();
	test_many();
	test_single();
	test_end_of_turn();
	test_company();
	test_failed_spool();
	return done();
}
