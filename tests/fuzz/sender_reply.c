/* SPDX-License-Identifier: ISC */
/*
 * A reply of a next hop.  What is taken is the front of the input and is the
 * same however much of the input had come; its text is printable.
 */
#include "sender/reply.h"

#include <assert.h>
#include <stdint.h>

#include "sender/offers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const struct reply *r)
{
	struct buf text = {0};
	struct offers offers;

	reply_format(r, &text);
	assert(text.len >= 3 && text.len <= REPLY_TEXT_MAX + 8);
	for (size_t i = 0; i < text.len; i++)
		assert(text.data[i] >= ' ' && text.data[i] <= '~');
	offers_parse(r, &offers);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = {(const char *)data, size};
	struct reply r, again;
	ssize_t n = reply_parse(in, &r);

	assert(n <= (ssize_t)size);
	if (n <= 0)
		return 0;
	assert(r.code >= 200 && r.code <= 599 && n <= REPLY_MAX);
	assert(r.lines.s == in.s && r.lines.len == (size_t)n);
	in.len = (size_t)n;
	assert(reply_parse(in, &again) == n && again.code == r.code);
	in.len--;
	assert(reply_parse(in, &again) == 0);
	check_text(&r);
	return 0;
}
