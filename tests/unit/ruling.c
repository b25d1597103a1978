/* SPDX-License-Identifier: ISC */
#include "mail/ruling.h"

#include "mail/journal.h"
#include "tap.h"

static const char orders[] = "route\t0-1\trules:3\tsmtp [192.0.2.9]:25\n"
			     "header\t1,3\trules:4\tX-Seen: yes\n"
			     "nonsense\t1\trules:5\tx\n"
			     "header\t9-1\trules:6\tX-Wrong: list\n"
			     "header\t3\trules:7\tX-Other: 7\n"
			     "hold\t0\trules:8\tspam\n";

static void
test_lines(void)
{
	struct str rest = str_of(orders);
	struct buf out = {0};
	struct ruling r;
	unsigned n = 0;

	while (ruling_next(&rest, &r)) {
		ruling_format(&r, &out);
		n++;
	}
	is_int(n, 4, "what cannot be read is skipped");
	rest = str_of(out.data);
	ok(ruling_next(&rest, &r) && r.kind == RULED_ROUTE, "a route");
	ok(str_eq(r.recipients, "0-1") && str_eq(r.where, "rules:3") &&
		str_eq(r.value, "smtp [192.0.2.9]:25"),
	    "for whom, by which rule, where to");
	is_str(ruling_name(RULED_HOLD), "hold", "as it is written");
	buf_free(&out);
}

static void
add(struct buf *journal, const char *suffix, const char *text)
{
	record_format(&(struct record){.kind = RECORD_RULED,
			  .suffix = str_of(suffix),
			  .generation = 1,
			  .orders = str_of(text)},
	    journal);
}

static const char *
headers(const struct buf *journal, size_t recipient)
{
	static struct buf out;

	buf_clear(&out);
	ruling_headers(
	    (struct str){journal->data, journal->len}, recipient, &out);
	return buf_text(&out);
}

static void
test_headers(void)
{
	struct buf journal = {0};

	add(&journal, "", orders);
	is_str(headers(&journal, 0), "", "no header field for this one");
	is_str(headers(&journal, 1), "X-Seen: yes\r\n", "one for that one");
	is_str(headers(&journal, 3), "X-Seen: yes\r\nX-Other: 7\r\n",
	    "two, in the order of the rules");
	buf_free(&journal);
}

int
main(void)
{
	test_lines();
	test_headers();
	return done();
}
