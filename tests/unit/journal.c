/* SPDX-License-Identifier: ISC */
#include "mail/journal.h"

#include <string.h>

#include "tap.h"

#define STR(text) ((struct str){text, sizeof(text) - 1})

static struct buf store;

static void
same(struct str got, struct str want, const char *what)
{
	is_mem(got.s, got.len, want.s, want.len, "%s", what);
}

static void
check_round_trip(const struct record *rec)
{
	struct buf out = {0};
	struct record back;
	struct str rest;

	record_format(rec, &out);
	rest = (struct str){out.data, out.len};
	ok(record_next(&rest, &store, &back), "a record is read");
	is_int(back.kind, rec->kind, "kind");
	is_int(back.time_s, rec->time_s, "time");
	is_int(back.attempt, rec->attempt, "attempt");
	is_int(back.outcome, rec->outcome, "outcome");
	is_int(back.report, rec->report, "report");
	is_int(back.due_s, rec->due_s, "due");
	same(back.suffix, rec->suffix, "suffix");
	same(back.recipients, rec->recipients, "recipients");
	same(back.host, rec->host, "host");
	same(back.text, rec->text, "text");
	same(back.who, rec->who, "who");
	ok(back.generation == rec->generation, "generation");
	is_int(back.first, rec->first, "first");
	same(back.orders, rec->orders, "orders");
	ok(!record_next(&rest, &store, &back), "and no more");
	buf_free(&out);
}

static void
test_round_trips(void)
{
	check_round_trip(&(struct record){.kind = RECORD_RULED,
	    .generation = UINT64_MAX,
	    .orders = STR("route\t0\trules:1\tmx\nhold\t0\trules:2\t%\n")});
	check_round_trip(&(struct record){.kind = RECORD_RULED});
	check_round_trip(&(struct record){.kind = RECORD_DIVERTED,
	    .suffix = STR(".1"),
	    .recipients = STR("0,2"),
	    .host = STR("a.example[192.0.2.1]:25"),
	    .text = STR("550 5.1.1 who?")});
	check_round_trip(&(struct record){.kind = RECORD_SPLIT,
	    .time_s = 1795240862,
	    .recipients = STR("0-3,7/4-6")});
	check_round_trip(&(struct record){.kind = RECORD_OUTCOME,
	    .time_s = INT64_MAX,
	    .suffix = STR(".2.1"),
	    .recipients = STR("0"),
	    .attempt = 31,
	    .outcome = OUTCOME_DEFERRED,
	    .due_s = 1795244462,
	    .host = STR("mx.b.example[192.0.2.1]:25"),
	    .text = STR("451 4.7.1 50% gr\xc3\xa9y\tlisted\n\0 -\x7f")});
	check_round_trip(&(struct record){.kind = RECORD_OUTCOME,
	    .recipients = STR("1"),
	    .outcome = OUTCOME_DISCARDED,
	    .text = STR("-")});
	check_round_trip(&(struct record){.kind = RECORD_DSN,
	    .report = REPORT_SUCCESS,
	    .recipients = STR("0-1"),
	    .who = STR("0123456789abcdefgh")});
	check_round_trip(&(struct record){
	    .kind = RECORD_HOLD, .who = STR("root"), .text = STR("looks odd")});
	check_round_trip(
	    &(struct record){.kind = RECORD_RELEASE, .who = STR("root")});
	check_round_trip(&(struct record){.kind = RECORD_REQUEUE});
	check_round_trip(&(struct record){.kind = RECORD_EXPANDED,
	    .first = 7,
	    .recipients = STR("3"),
	    .who = STR("all@a.example"),
	    .orders = STR("b@a.example c@a.example")});
}

static void
test_written_form(void)
{
	struct record rec = {.kind = RECORD_HOLD,
	    .time_s = 17,
	    .suffix = STR(".1"),
	    .who = STR("-"),
	    .text = STR("a b%")};
	struct buf out = {0};

	record_format(&rec, &out);
	is_int(out.data[0], '\n', "it begins with a newline");
	is_str(out.data + 9, " 17 hold .1 %2D a%20b%25\n", "what follows");
	buf_free(&out);
}

/* How many records are read from these bytes? */
static size_t
count(const char *bytes, size_t len)
{
	struct str rest = {bytes, len};
	struct record rec;
	size_t n = 0;

	while (record_next(&rest, &store, &rec))
		n++;
	return n;
}

/* A torn record spoils itself, never its neighbours, wherever it is torn. */
static void
test_torn(void)
{
	struct record rec = {.kind = RECORD_OUTCOME,
	    .recipients = STR("0-3"),
	    .text = STR("250 2.0.0 thanks")};
	struct buf whole = {0}, bytes = {0};
	size_t wrong = 0, expected;

	record_format(&rec, &whole);
	for (size_t cut = 0; cut < whole.len; cut++) {
		buf_clear(&bytes);
		buf_add(&bytes, whole.data, whole.len);
		buf_add(&bytes, whole.data, cut);
		buf_add(&bytes, whole.data, whole.len);
		expected = cut == whole.len - 1 ? 3 : 2;
		wrong += count(bytes.data, bytes.len) != expected;
	}
	is_int(wrong, 0, "a record torn anywhere, between two whole ones");
	for (size_t at = 1; at < whole.len - 1; at++) {
		whole.data[at] ^= 1;
		wrong += count(whole.data, whole.len) != 0;
		whole.data[at] ^= 1;
	}
	is_int(wrong, 0, "a record with any byte changed is none");
	buf_clear(&bytes);
	memset(buf_reserve(&bytes, 4096), 0, 4096);
	buf_grew(&bytes, 4096);
	buf_add(&bytes, whole.data, whole.len);
	is_int(count(bytes.data, bytes.len), 1, "a page of zeros before it");
	is_int(count("", 0), 0, "an empty journal");
	buf_free(&whole);
	buf_free(&bytes);
}

static enum journal_health
health(const struct buf *b)
{
	return journal_check((struct str){b->data, b->len});
}

/* What crashes leave is torn, anything else is damage. */
static void
test_health(void)
{
	struct record rec = {.kind = RECORD_OUTCOME,
	    .recipients = STR("0-3"),
	    .text = STR("250 2.0.0 thanks")};
	struct buf whole = {0}, bytes = {0};
	size_t wrong = 0;

	record_format(&rec, &whole);
	record_format(&rec, &whole);
	is_int(journal_check(STR("")), JOURNAL_WHOLE, "nothing is whole");
	is_int(health(&whole), JOURNAL_WHOLE, "so are two records");
	for (size_t cut = 2; cut < whole.len / 2 - 1; cut++) {
		buf_clear(&bytes);
		buf_add(&bytes, whole.data, whole.len);
		buf_add(&bytes, whole.data, cut);
		wrong += health(&bytes) != JOURNAL_TORN;
		buf_add(&bytes, whole.data, whole.len);
		wrong += health(&bytes) != JOURNAL_TORN;
	}
	is_int(wrong, 0, "one torn at the end or before another");
	for (size_t at = 0; at < whole.len; at++)
		for (unsigned bit = 1; bit < 0x80; bit <<= 1) {
			whole.data[at] ^= (char)bit;
			wrong += health(&whole) == JOURNAL_TORN;
			whole.data[at] ^= (char)bit;
		}
	is_int(wrong, 0, "a changed bit is never taken for a tear");
	for (size_t at = 1; at < whole.len; at++) {
		buf_clear(&bytes);
		buf_add(&bytes, whole.data, whole.len);
		memset(bytes.data + at, 0, whole.len - at);
		buf_add(&bytes, whole.data, whole.len);
		wrong += health(&bytes) == JOURNAL_DAMAGED;
	}
	is_int(wrong, 0, "NULs to the end of what there was are a tear");
	memset(whole.data + 20, 0, 10);
	is_int(health(&whole), JOURNAL_DAMAGED, "NULs elsewhere are not");
	buf_free(&whole);
	buf_free(&bytes);
}

static void
test_cut(void)
{
	char text[3000];
	struct record rec =
			  {
			      .kind = RECORD_HOLD,
			      .who = {text, sizeof(text)},
			      .text = {text, sizeof(text)}
        },
		      back;
	struct buf out = {0};
	struct str rest;

	memset(text, ' ', sizeof(text));
	record_format(&rec, &out);
	rest = (struct str){out.data, out.len};
	ok(record_next(&rest, &store, &back), "a long text");
	is_int(back.text.len, 1000, "is cut");
	is_int(back.who.len, 300, "and so is a long name");
	buf_free(&out);
}

int
main(void)
{
	test_round_trips();
	test_written_form();
	test_torn();
	test_health();
	test_cut();
	buf_free(&store);
	return done();
}
