/* SPDX-License-Identifier: ISC */
#include "data.h"

#include <string.h>

#include "mail/queuefile.h"

#define LINE_LONG 998 /* RFC 5321, 4.5.3.1.6, without CR LF */

enum line_end {
	LINE_OPEN, /* its end has not come yet */
	LINE_CRLF,
	LINE_LF,
	LINE_CR,
};

/* The input of one call.  cr and lf are the next ones at or behind p, or end:
 * so each byte is searched once for either, whatever mix of them comes. */
struct scan {
	const char *p;
	const char *end;
	const char *cr;
	const char *lf;
	const char *piece; /* content from here to p was not emitted yet */
	data_emit_fn *emit;
	void *arg;
};

void
data_begin(struct data *d, bool normalise)
{
	*d = (struct data){.normalise = normalise};
}

static const char *
find(const char *p, char c, const char *end)
{
	const char *at = memchr(p, c, end - p);

	return at ? at : end;
}

/* Is any octet above 127? Eight at a time. */
static bool
has_high(const char *p, size_t len)
{
	uint64_t all = 0, word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		all |= word;
	}
	for (; len > 0; p++, len--)
		all |= (unsigned char)*p;
	return (all & UINT64_C(0x8080808080808080)) != 0;
}

static void
emit_piece(struct data *d, struct scan *sc)
{
	size_t len = sc->p - sc->piece;

	if (len == 0)
		return;
	if (!(d->flags & CONTENT_8BIT) && has_high(sc->piece, len))
		d->flags |= CONTENT_8BIT;
	sc->emit(sc->arg, sc->piece, len);
	sc->piece = sc->p;
}

/* Where and how the line at p ends, as far as it has come: a CR that is the
 * last byte is left for the next call. */
static enum line_end
find_end(struct scan *sc, const char **at_r)
{
	if (sc->cr < sc->p)
		sc->cr = find(sc->p, '\r', sc->end);
	if (sc->lf < sc->p)
		sc->lf = find(sc->p, '\n', sc->end);
	if (sc->lf < sc->cr) {
		*at_r = sc->lf;
		return LINE_LF;
	}
	*at_r = sc->cr;
	if (sc->end - sc->cr < 2)
		return LINE_OPEN;
	return sc->cr + 1 == sc->lf ? LINE_CRLF : LINE_CR;
}

/* A line that is a dot and nothing else: does it end the data, or might
 * another server think so? */
static bool
is_end(struct data *d, enum line_end how)
{
	if (d->place == DATA_LINE_START &&
	    (how == LINE_CRLF || (how == LINE_LF && d->normalise)))
		return true;
	d->false_end = true;
	return false;
}

static void
take_text(struct data *d, struct scan *sc, const char *to)
{
	size_t len = to - sc->p;

	d->size += len;
	d->line_len += len;
	if (d->line_len > LINE_LONG)
		d->flags |= CONTENT_LONG;
	if (d->line_len > DATA_LINE_MAX)
		d->overlong = true;
	sc->p = to;
}

static void
take_line_end(struct data *d, struct scan *sc, enum line_end how)
{
	d->line_len = 0;
	d->place = DATA_LINE_START;
	if (how == LINE_CRLF) {
		d->size += 2;
		sc->p += 2;
	} else if (how == LINE_LF && d->normalise) {
		d->size += 2;
		emit_piece(d, sc);
		sc->emit(sc->arg, "\r\n", 2);
		sc->piece = ++sc->p;
	} else {
		d->bare = true;
		d->place = DATA_BARE_START;
		d->size++;
		sc->p++;
	}
}

/* Take one line, or what there is of it.  False: no more can be said yet. */
static bool
take_line(struct data *d, struct scan *sc)
{
	const char *stop;
	enum line_end how;

	if (sc->p == sc->end)
		return false;
	how = find_end(sc, &stop);
	if (d->place != DATA_INSIDE && *sc->p == '.') {
		if (stop > sc->p + 1) {
			d->flags |= CONTENT_STUFFED;
			d->size--; /* take_text() counts it */
		} else if (how == LINE_OPEN) {
			return false;
		} else if (is_end(d, how)) {
			emit_piece(d, sc);
			sc->p = sc->piece = stop + (how == LINE_CRLF ? 2 : 1);
			d->ended = true;
			return false;
		}
	}
	if (how == LINE_OPEN && stop == sc->p)
		return false;
	take_text(d, sc, stop);
	d->place = DATA_INSIDE;
	if (how != LINE_OPEN)
		take_line_end(d, sc, how);
	return true;
}

size_t
data_scan(struct data *d, struct str in, data_emit_fn *emit, void *arg)
{
	struct scan sc = {
	    .p = in.s,
	    .end = in.s + in.len,
	    .piece = in.s,
	    .emit = emit,
	    .arg = arg,
	};

	if (in.len == 0 || d->ended)
		return 0;
	sc.cr = find(in.s, '\r', sc.end);
	sc.lf = find(in.s, '\n', sc.end);
	while (take_line(d, &sc))
		;
	emit_piece(d, &sc);
	return sc.p - in.s;
}
