/* SPDX-License-Identifier: ISC */
#include "mail/control.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "spool_fixture.h"
#include "tap.h"

#define ID "01234567890abcdefg.2"

static void
on_order(void *arg, enum order order, const char *subject)
{
	struct buf *seen = arg;

	buf_addf(seen, "%s:%s ", order_name(order), subject);
}

int
main(void)
{
	struct spool *tool = fixture_spool(ROOM_QUEUE_TOOL);
	struct buf text = {0}, seen = {0};
	char subject[SUBJECT_SIZE];
	enum order order;

	log_open("test", STDERR_FILENO, false);
	is_int(control_leave(tool, ORDER_HOLD, ID, "ann", "looks odd"), 0,
	    "an order is left");
	is_int(control_leave(tool, ORDER_HOLD, ID, "ben", "too large"), 0,
	    "and replaced");
	is_int(control_read(tool, ORDER_HOLD, ID, &text), 0, "it is read");
	is_str(buf_text(&text), "ben too large", "with who and why");
	is_int(control_list(tool, on_order, &seen), 0, "it is listed");
	is_str(buf_text(&seen), "hold:" ID " ", "once");
	is_int(control_done(tool, ORDER_HOLD, ID), 0, "it is obeyed");
	is_int(control_read(tool, ORDER_HOLD, ID, &text), -1, "and gone");
	is_int(control_parse("flush.all", &order, subject), 0, "flush all");
	ok(order == ORDER_FLUSH && strcmp(subject, "all") == 0, "is one");
	is_int(control_parse("hold.all", &order, subject), -1,
	    "an order about no id is none");
	is_int(control_parse("hold", &order, subject), -1, "nor a bare word");
	is_int(control_parse("burn." ID, &order, subject), -1,
	    "nor an unknown one");
	buf_free(&text);
	buf_free(&seen);
	spool_close(&tool);
	return done();
}
