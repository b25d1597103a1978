/* SPDX-License-Identifier: ISC */
/*
 * The scanner of content against a slow one that looks at each byte alone.
 * The first two bytes say whether bare LF is normalised and how the input is
 * cut into reads.
 */
#include "receiver/data.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "mail/queuefile.h"

struct result {
	bool ended, bare, false_end, overlong;
	unsigned flags;
	uint64_t size;
	size_t used;
	struct buf content;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Length of the line end at p: 2 for CR LF, 1 for a lone one, else 0. */
static size_t
line_end(const char *p, const char *end)
{
	if (p == end)
		return 0;
	if (*p == '\r')
		return end - p > 1 && p[1] == '\n' ? 2 : 1;
	return *p == '\n';
}

/* One line after the other of a whole input. */
static void
reference(struct str in, bool normalise, struct result *r)
{
	const char *p = in.s, *end = in.s + in.len, *q;
	bool proper = true, good;
	size_t n;

	while (p < end) {
		for (q = p; q < end && *q != '\r' && *q != '\n'; q++)
			if (*q & 0x80)
				r->flags |= CONTENT_8BIT;
		n = line_end(q, end);
		if (q < end && *q == '\r' && q + 1 == end)
			n = 0; /* the next byte would say */
		good = n == 2 || (n == 1 && *q == '\n' && normalise);
		if (q - p == 1 && *p == '.') {
			if (n == 0)
				break;
			if (proper && good) {
				r->ended = true;
				r->used = q + n - in.s;
				return;
			}
			r->false_end = true;
		} else if (q - p > 1 && *p == '.') {
			r->flags |= CONTENT_STUFFED;
			r->size--;
		}
		if (q - p > 998)
			r->flags |= CONTENT_LONG;
		if (q - p > DATA_LINE_MAX)
			r->overlong = true;
		buf_add(&r->content, p, q - p);
		r->size += q - p;
		r->bare |= n > 0 && !good;
		buf_add(&r->content, good ? "\r\n" : q, good ? 2 : n);
		r->size += good ? 2 : n;
		p = q + n;
		if (n == 0)
			break;
		proper = good;
	}
	r->used = p - in.s;
}

static void
on_piece(void *arg, const char *piece, size_t len)
{
	buf_add(&((struct result *)arg)->content, piece, len);
}

/* The real one, over reads whose sizes follow from `cut`. */
static void
scan(struct str in, bool normalise, unsigned cut, struct result *r)
{
	struct data d;
	size_t seen = 0;

	data_begin(&d, normalise);
	while (!d.ended && seen < in.len) {
		cut = cut * 1103515245 + 12345;
		seen += 1 + (cut >> 16) % 41;
		if (seen > in.len || cut >> 30 == 0)
			seen = in.len;
		r->used += data_scan(&d,
		    (struct str){in.s + r->used, seen - r->used}, on_piece, r);
		assert(d.ended || seen - r->used <= 2);
	}
	r->ended = d.ended;
	r->bare = d.bare;
	r->false_end = d.false_end;
	r->overlong = d.overlong;
	r->flags = d.flags;
	r->size = d.size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result want = {0}, got = {0};
	struct str in;

	if (size < 2)
		return 0;
	in = (struct str){(const char *)data + 2, size - 2};
	reference(in, data[0] & 1, &want);
	scan(in, data[0] & 1, data[1], &got);
	assert(got.ended == want.ended);
	assert(got.bare == want.bare);
	assert(got.false_end == want.false_end);
	assert(got.overlong == want.overlong);
	assert(got.flags == want.flags);
	assert(got.size == want.size);
	assert(got.used == want.used);
	assert(got.content.len == want.content.len);
	assert(want.content.len == 0 ||
	       !memcmp(got.content.data, want.content.data, want.content.len));
	buf_free(&got.content);
	buf_free(&want.content);
	return 0;
}
