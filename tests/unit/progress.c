/* SPDX-License-Identifier: ISC */
#include "mail/progress.h"

#include "base/buf.h"
#include "tap.h"

static struct buf journal;

static void
split(const char *suffix, const char *groups)
{
	record_format(&(struct record){.kind = RECORD_SPLIT,
			  .suffix = str_of(suffix),
			  .recipients = str_of(groups)},
	    &journal);
}

static void
outcome(const char *suffix, unsigned attempt, int64_t time_s, const char *rcpts,
    enum outcome what, const char *text)
{
	record_format(&(struct record){.kind = RECORD_OUTCOME,
			  .time_s = time_s,
			  .suffix = str_of(suffix),
			  .recipients = str_of(rcpts),
			  .attempt = attempt,
			  .outcome = what,
			  .due_s = what == OUTCOME_DEFERRED ? time_s + 60 : 0,
			  .host = str_of("mx"),
			  .text = str_of(text)},
	    &journal);
}

static void
report(const char *suffix, const char *rcpts, enum report kind)
{
	record_format(&(struct record){.kind = RECORD_DSN,
			  .suffix = str_of(suffix),
			  .recipients = str_of(rcpts),
			  .report = kind,
			  .who = str_of("0123456789abcdefgh")},
	    &journal);
}

static int
read_for(const char *suffix, size_t nrcpts, struct progress *p)
{
	return progress_read((struct str){buf_text(&journal), journal.len},
	    str_of(suffix), nrcpts, p);
}

static void
test_fresh(void)
{
	struct progress p;

	buf_clear(&journal);
	is_int(read_for("", 3, &p), 0, "an empty journal");
	is_int(progress_pending(&p), 3, "everybody is to be delivered");
	is_int(p.attempts, 0, "nothing was tried");
	is_int(p.next_attempt, 1, "the first attempt comes next");
	progress_free(&p);
	progress_free(&p);
	is_int(read_for(".0", 3, &p), -1, "a split that no record tells of");
	ok(p.rcpts == NULL, "leaves nothing");
}

static void
test_attempts(void)
{
	struct progress p;

	buf_clear(&journal);
	outcome("", 1, 100, "0", OUTCOME_DELIVERED, "250 ok");
	outcome("", 1, 101, "1", OUTCOME_DEFERRED, "451 later");
	outcome("", 1, 101, "2", OUTCOME_DEFERRED, "452 full");
	outcome("", 2, 200, "1-2", OUTCOME_DEFERRED, "421 closing");
	outcome("", 3, 300, "1", OUTCOME_FAILED, "550 no");
	is_int(read_for("", 3, &p), 0, "three attempts");
	is_int(p.attempts, 2, "of which two deferred somebody");
	is_int(p.next_attempt, 4, "the fourth comes next");
	is_int(p.first_attempt_s, 100, "the first");
	is_int(p.last_attempt_s, 300, "the last");
	is_int(p.due_s, 260, "due as the last deferral said");
	is_int(progress_pending(&p), 1, "one is left");
	is_int(progress_unreported(&p), 1, "one is to be reported");
	is_str(p.rcpts[1].text, "550 no", "with this reply");
	is_int(p.rcpts[2].outcome, OUTCOME_DEFERRED, "one is deferred");
	progress_free(&p);
	report("", "1", REPORT_FAILURE);
	report("", "2", REPORT_DELAY);
	report("", "0", REPORT_SUCCESS);
	outcome("", 4, 400, "0-2", OUTCOME_EXPIRED, "too late");
	read_for("", 3, &p);
	ok(p.rcpts[0].confirmed && p.rcpts[1].reported && p.rcpts[2].delayed,
	    "reports are known");
	is_int(p.rcpts[0].outcome, OUTCOME_DELIVERED, "what is final stays so");
	is_str(p.rcpts[1].text, "550 no", "with its reply");
	is_int(p.rcpts[2].outcome, OUTCOME_EXPIRED, "the rest becomes final");
	is_int(progress_pending(&p), 0, "nobody is left");
	is_int(progress_unreported(&p), 1, "the expired one is to be reported");
	progress_free(&p);
	outcome("", 5, 500, "0-9", OUTCOME_FAILED, "no such recipients");
	is_int(read_for("", 3, &p), -1, "recipients that there are not");
	ok(p.rcpts == NULL, "leave nothing");
}

static void
test_splits(void)
{
	struct progress p;

	buf_clear(&journal);
	outcome("", 1, 100, "0-5", OUTCOME_DEFERRED, "451 later");
	split("", "0/1/2-5"); /* undone by a crash */
	split("", "0,2/1,3-5");
	outcome(".0", 2, 200, "0", OUTCOME_DELIVERED, "250 ok");
	outcome(".1", 2, 210, "1,3-5", OUTCOME_DEFERRED, "451 later");
	split(".1", "1,3/4-5");
	outcome(".1.1", 3, 300, "4-5", OUTCOME_DEFERRED, "451 later");
	is_int(read_for(".0", 6, &p), 0, "the first split");
	ok(p.rcpts[0].mine && p.rcpts[2].mine && !p.rcpts[1].mine,
	    "has the recipients of the last record");
	is_int(progress_pending(&p), 1, "one of them is left");
	is_int(p.attempts, 1, "the attempt before the split counts");
	progress_free(&p);
	is_int(read_for(".1.1", 6, &p), 0, "a split of the second split");
	is_int(progress_pending(&p), 2, "has its two");
	is_int(p.attempts, 3, "and the attempts of those before it");
	is_int(p.next_attempt, 4, "and goes on counting");
	progress_free(&p);
	is_int(read_for(".1.0", 6, &p), 0, "its sibling");
	is_int(p.attempts, 2, "has had one attempt less");
	progress_free(&p);
	is_int(read_for("", 6, &p), 0, "the whole");
	is_int(progress_pending(&p), 6, "knows nothing of its splits");
	progress_free(&p);
}

static void
test_missing(void)
{
	static const char *suffixes[] = {".2", ".0.0", ".1.2", ".3.0", "0",
	    ".0.", ".", "..0", ".x", "x.0", ".-1", ".99999999999", ".10",
	    ".1.0.0"};
	struct progress p;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		is_int(read_for(suffixes[i], 6, &p), -1,
		    "no split record for %s", suffixes[i]);
	is_int(read_for(".1", 5, &p), -1, "a group of more than there are");
}

static void
ruled(const char *suffix, const char *orders)
{
	record_format(&(struct record){.kind = RECORD_RULED,
			  .suffix = str_of(suffix),
			  .orders = str_of(orders)},
	    &journal);
}

static void
simply(enum record_kind kind, const char *suffix)
{
	record_format(
	    &(struct record){.kind = kind, .suffix = str_of(suffix)}, &journal);
}

static void
test_ruled(void)
{
	struct progress p;

	buf_clear(&journal);
	read_for("", 2, &p);
	ok(!p.ruled, "nobody has asked the rules yet");
	progress_free(&p);
	ruled("", "");
	read_for("", 2, &p);
	ok(p.ruled && !p.rcpts[0].route, "asked, and they had nothing to say");
	progress_free(&p);

	buf_clear(&journal);
	ruled("", "route\t0\trules:1\tsmtp a.example\n"
		  "route\t0-1\trules:2\tmx\n"
		  "profile\t1\trules:2\tslow\n"
		  "priority\t1\trules:2\t0\n"
		  "priority\t0\trules:2\tx\n"
		  "header\t0-1\trules:3\tA: b\n"
		  "header\t1\trules:3\tC: d\n"
		  "header\t2\trules:4\tbeyond: us\n"
		  "hold\t1\trules:5\tlook\n");
	read_for("", 2, &p);
	is_str(p.rcpts[0].route, "smtp a.example", "the first order counts");
	is_str(p.rcpts[0].where, "rules:1", "and is known by its place");
	is_str(p.rcpts[1].route, "mx", "another recipient, another route");
	is_str(p.rcpts[1].profile, "slow", "a profile");
	ok(!p.rcpts[0].profile, "not for the other one");
	is_int(p.rcpts[1].prio, '0', "a priority");
	is_int(p.rcpts[0].prio, 0, "what is none is none");
	ok(p.rcpts[0].headers && p.rcpts[1].headers &&
		p.rcpts[0].headers != p.rcpts[1].headers,
	    "different header fields do not go together");
	is_str(p.rcpts[1].hold, "look", "held");
	ok(!p.rcpts[0].hold, "the other one is not");
	progress_free(&p);
	simply(RECORD_RELEASE, "");
	split("", "0/1");
	read_for(".1", 2, &p);
	ok(!p.rcpts[1].hold, "released: not held by the same rule again");
	ok(p.ruled && p.rcpts[1].route, "the order holds for the parts");
	progress_free(&p);

	buf_clear(&journal);
	split("", "0/1");
	read_for(".0", 2, &p);
	ok(p.ruled, "who was split was ruled");
	progress_free(&p);
	buf_clear(&journal);
	outcome("", 1, 5, "0", OUTCOME_DEFERRED, "x");
	read_for("", 2, &p);
	ok(p.ruled, "so was who was sent to");
	progress_free(&p);
}

/* Diverted once and for all, and pending until it has an end. */
static void
test_diverted(void)
{
	struct progress p;

	buf_clear(&journal);
	split("", "0/1-2");
	record_format(&(struct record){.kind = RECORD_DIVERTED,
			  .suffix = str_of(".1"),
			  .recipients = str_of("0,2"),
			  .host = str_of("a.example"),
			  .text = str_of("550 5.1.1 who?")},
	    &journal);
	read_for(".1", 3, &p);
	ok(p.ruled, "who was sent to was ruled");
	ok(p.rcpts[2].diverted, "it goes by the fallback");
	ok(!p.rcpts[1].diverted, "the other one does not");
	ok(!p.rcpts[0].diverted, "nor one that is not ours");
	is_int(progress_pending(&p), 2, "both are still to be delivered");
	is_int(p.attempts, 0, "no retry is used up");
	is_str(p.rcpts[2].text, "550 5.1.1 who?", "and why is known");
	progress_free(&p);
	outcome(".1", 1, 0, "2", OUTCOME_FAILED, "550 5.1.1 not here either");
	read_for(".1", 3, &p);
	ok(p.rcpts[2].failed && p.rcpts[2].diverted, "then it fails");
	progress_free(&p);
}

int
main(void)
{
	test_diverted();
	test_ruled();
	test_fresh();
	test_attempts();
	test_splits();
	test_missing();
	buf_free(&journal);
	return done();
}
