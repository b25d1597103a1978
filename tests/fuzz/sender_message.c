/* SPDX-License-Identifier: ISC */
/*
 * Messages between the sender's worker and its helpers: one byte that says
 * which kind, then the message.  What is read must be written again in a form
 * that is read alike.
 */
#include <assert.h>
#include <string.h>

#include "sender/maildir_order.h"
#include "sender/names_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
question(struct str message, struct buf *out)
{
	struct names_question q;

	if (names_question_parse(message, &q) == 0)
		names_question_format(&q, out);
}

static void
answer(struct str message, struct buf *out)
{
	static struct names_answer a;
	uint32_t id;

	if (names_answer_parse(message, &id, &a) == 0)
		names_answer_format(id, &a, out);
}

static void
order(struct str message, struct buf *out)
{
	struct maildir_order o;

	if (maildir_order_parse(message, &o) == 0)
		maildir_order_format(&o, out);
}

static void
report(struct str message, struct buf *out)
{
	struct maildir_report r;

	if (maildir_report_parse(message, &r) == 0)
		maildir_report_format(&r, out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(struct str, struct buf *) = {
	    question, answer, order, report};
	struct buf once = {0}, twice = {0};

	if (size < 2)
		return 0;
	kinds[data[0] % 4](
	    (struct str){(const char *)data + 1, size - 1}, &once);
	if (once.len > 0) {
		kinds[data[0] % 4]((struct str){once.data, once.len}, &twice);
		assert(once.len == twice.len &&
		       memcmp(once.data, twice.data, once.len) == 0);
	}
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
