/* SPDX-License-Identifier: ISC */
#include "mail/unwire.h"

#include <string.h>

#include "base/str.h"

/* A piece of one line, which ends with LF only where the line does. */
static void
add_piece(struct unwire *u, struct str piece, struct buf *out)
{
	bool ends = piece.s[piece.len - 1] == '\n';

	if (!u->in_line && piece.s[0] == '.') {
		piece.s++;
		piece.len--;
	}
	if (u->cr_waits && !(ends && piece.len == 1))
		buf_add_char(out, '\r');
	u->in_line = !ends;
	u->cr_waits = false;
	if (ends)
		piece.len--;
	if (piece.len > 0 && piece.s[piece.len - 1] == '\r') {
		piece.len--;
		u->cr_waits = !ends;
	}
	buf_add(out, piece.s, piece.len);
	if (ends)
		buf_add_char(out, '\n');
}

void
unwire_add(struct unwire *u, const char *data, size_t len, struct buf *out)
{
	const char *lf;
	struct str piece;

	while (len > 0) {
		lf = memchr(data, '\n', len);
		piece.s = data;
		piece.len = lf ? (size_t)(lf + 1 - data) : len;
		data += piece.len;
		len -= piece.len;
		add_piece(u, piece, out);
	}
}

void
unwire_end(struct unwire *u, struct buf *out)
{
	if (u->cr_waits)
		buf_add_char(out, '\r');
	*u = (struct unwire){0};
}
