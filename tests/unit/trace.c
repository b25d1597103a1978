/* SPDX-License-Identifier: ISC */
#include "mail/trace.h"

#include <string.h>

#include "tap.h"

static const char header[] = "Received: from a by b\r\n"
			     "rEcEiVeD: from b\r\n\tby c\r\n"
			     "Delivered-To: =?utf-8?Q?Team?=@a.example\r\n"
			     "X-Received: no\r\n"
			     "Received-SPF: no\r\n"
			     "\r\n"
			     "Received: in the text\r\n"
			     "Delivered-To: text@a.example\r\n";

/* As a file that is in memory whole. */
static int
hops(const char *content, int max)
{
	size_t len = strlen(content);
	struct queuefile qf = {.fd = -1, .size = (off_t)len};

	buf_add(&qf.head, content, len);
	qf.preamble.content_len = len;
	len = (size_t)trace_hops(&qf, max);
	buf_free(&qf.head);
	return (int)len;
}

int
main(void)
{
	struct str all = str_of(header);

	is_int(hops(header, 100), 2, "fields of that name, in the header");
	ok(hops(header, 1) > 1, "more than the most");
	is_int(hops("", 100), 0, "none in nothing");
	is_int(hops("Received:", 100), 1, "cut off behind the colon");
	is_int(hops("\r\nReceived: a\r\n", 100), 0, "no header at all");

	ok(trace_delivered(all, "team@a.example"), "our mark, decoded");
	ok(!trace_delivered(all, "text@a.example"), "not in the text");
	ok(!trace_delivered(all, "team@a.exampl"), "not a part of it");
	ok(!trace_delivered(str_of(""), ""), "nothing in nothing");
	return done();
}
