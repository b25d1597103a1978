/* SPDX-License-Identifier: ISC */
#include "mail/trace.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "mail/header.h"

/* ---- Received: ---- */

static const char field[] = "received:";
#define FIELD_LEN (sizeof(field) - 1)

/* Where in the header the scan stands, across the borders of chunks. */
struct scan {
	size_t at_line; /* octets of this line seen, as far as they matter */
	bool matches;   /* ...and they are how the field begins */
	bool ended;     /* the empty line was seen */
	int count;
};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void
scan_line_end(struct scan *s)
{
	/* an empty line: nothing but the CR stood before the LF */
	if (s->at_line == 1)
		s->ended = true;
	s->at_line = 0;
	s->matches = true;
}

/* The first octets of a line decide; the rest is skipped by memchr. */
static void
scan_chunk(struct scan *s, const char *data, size_t len)
{
	const char *end = data + len, *lf;

	while (data < end && !s->ended) {
		if (*data == '\n') {
			scan_line_end(s);
			data++;
		} else if (s->at_line < FIELD_LEN) {
			s->matches =
			    s->matches && lower(*data) == field[s->at_line];
			if (++s->at_line == FIELD_LEN && s->matches)
				s->count++;
			data++;
		} else {
			lf = memchr(data, '\n', (size_t)(end - data));
			data = lf != NULL ? lf : end;
		}
	}
}

int
trace_hops(struct queuefile *qf, int max)
{
	struct scan s = {.matches = true};
	uint64_t offset = 0;
	const char *data;
	char chunk[8192];
	ssize_t n = 0;

	while (!s.ended && s.count <= max &&
	       (n = queuefile_content(
		    qf, offset, chunk, sizeof(chunk), &data)) > 0) {
		scan_chunk(&s, data, (size_t)n);
		offset += (uint64_t)n;
	}
	return n == -1 ? -1 : s.count;
}

/* ---- Delivered-To: ---- */

bool
trace_delivered(struct str header, const char *address)
{
	struct header_field f;
	struct buf body = {0};
	bool found = false;

	while (!found && header_next(&header, &f)) {
		if (!str_eq_nocase(f.name, "Delivered-To"))
			continue;
		buf_clear(&body);
		header_decode(f.body, &body);
		found = strcasecmp(buf_text(&body), address) == 0;
	}
	buf_free(&body);
	return found;
}
