/* SPDX-License-Identifier: ISC */
#include "mail/rcptset.h"

#include "tap.h"

static void
test_numbers(void)
{
	struct rcptset set;

	rcptset_init(&set, 10, false);
	is_int(rcptset_count(&set), 0, "empty");
	rcptset_add(&set, 0);
	rcptset_add(&set, 9);
	rcptset_add(&set, 9);
	is_int(rcptset_count(&set), 2, "two");
	ok(rcptset_has(&set, 9) && !rcptset_has(&set, 8), "these");
	ok(!rcptset_has(&set, 10), "none beyond the last");
	rcptset_remove(&set, 9);
	ok(!rcptset_has(&set, 9), "removed");
	rcptset_free(&set);
	rcptset_free(&set);
	rcptset_init(&set, 17, true);
	is_int(rcptset_count(&set), 17, "full");
	rcptset_free(&set);
	rcptset_init(&set, 0, true);
	is_int(rcptset_count(&set), 0, "full of nobody");
	rcptset_free(&set);
}

static void
test_lists(void)
{
	static const char *good[] = {"0", "19", "0-19", "0,2,4-6,8,18-19"};
	static const char *bad[] = {"", ",", "0,", ",0", "20", "0-20", "1-1",
	    "2-1", "1-", "-1", "1--2", "1,1", "2,1", "0-3,3", "0 1", "+1",
	    "1-2-3", "99999999999999999999", "0-19,0-19", "19,"};
	struct rcptset set;
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		rcptset_init(&set, 20, false);
		is_int(
		    rcptset_add_list(&set, str_of(good[i])), 0, "%s", good[i]);
		buf_clear(&out);
		rcptset_format(&set, &out);
		is_str(buf_text(&out), good[i], "is written as it was read");
		rcptset_free(&set);
	}
	rcptset_init(&set, 20, false);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(rcptset_add_list(&set, str_of(bad[i])), -1,
		    "\"%s\" is none", bad[i]);
	is_int(rcptset_count(&set), 0, "and nothing was added");
	buf_clear(&out);
	rcptset_format(&set, &out);
	is_str(buf_text(&out), "", "an empty set is written as nothing");
	rcptset_free(&set);
	rcptset_init(&set, 0, false);
	is_int(rcptset_add_list(&set, str_of("0")), -1, "nobody has number 0");
	rcptset_free(&set);
	buf_free(&out);
}

int
main(void)
{
	test_numbers();
	test_lists();
	return done();
}
