/* SPDX-License-Identifier: ISC */
#include "maildir_write.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc.h"
#include "base/fd.h"
#include "mail/ruling.h"

#define PIECE 65536

/* Where the last piece of content ended. */
struct cursor {
	bool in_line; /* not at the beginning of a line */
	bool cr;      /* a CR was seen whose LF may come */
};

/* Add a piece of one line, which ends with LF only where the line does. */
static void
add_piece(struct cursor *c, struct str piece, struct buf *out)
{
	bool ends = piece.s[piece.len - 1] == '\n';

	if (!c->in_line && piece.s[0] == '.') { /* RFC 5321, 4.5.2 */
		piece.s++;
		piece.len--;
	}
	if (c->cr && !(ends && piece.len == 1))
		buf_add_char(out, '\r');
	c->in_line = !ends;
	c->cr = false;
	if (ends) {
		piece.len--;
		if (piece.len > 0 && piece.s[piece.len - 1] == '\r')
			piece.len--;
	} else if (piece.len > 0 && piece.s[piece.len - 1] == '\r') {
		c->cr = true;
		piece.len--;
	}
	buf_add(out, piece.s, piece.len);
	if (ends)
		buf_add_char(out, '\n');
}

static void
add_content(struct cursor *c, const char *data, size_t len, struct buf *out)
{
	const char *lf;
	struct str piece;

	while (len > 0) {
		lf = memchr(data, '\n', len);
		piece.s = data;
		piece.len = lf != NULL ? (size_t)(lf + 1 - data) : len;
		data += piece.len;
		len -= piece.len;
		add_piece(c, piece, out);
	}
}

static void
add_trace(const char *sender, const char *address, struct buf *out)
{
	buf_addf(out, "Return-Path: <%s>\nDelivered-To: %s\n", sender, address);
}

/* What rules have ordered: 0, or -1 and errno. */
static int
add_headers(
    struct queuefile *qf, size_t number, struct cursor *c, struct buf *out)
{
	struct buf store = {0}, headers = {0};
	struct str journal;
	int rc = queuefile_journal(qf, &store, &journal);

	if (rc == 0)
		ruling_headers(journal, number, &headers);
	if (headers.len > 0)
		add_content(c, headers.data, headers.len, out);
	buf_free(&headers);
	buf_free(&store);
	return rc;
}

int
maildir_write(int fd, struct queuefile *qf, const char *sender,
    const char *address, size_t number)
{
	static char piece[PIECE];
	static struct buf out;
	struct cursor c = {0};
	const char *data;
	uint64_t offset = 0;
	uint32_t crc = 0;
	ssize_t n;

	buf_clear(&out);
	add_trace(sender, address, &out);
	if (add_headers(qf, number, &c, &out) == -1)
		return -1;
	while ((n = queuefile_content(qf, offset, piece, PIECE, &data)) > 0) {
		crc = crc32c(crc, data, (size_t)n);
		offset += (uint64_t)n;
		add_content(&c, data, (size_t)n, &out);
		if (out.len >= PIECE) {
			if (fd_write_all(fd, out.data, out.len) == -1)
				return -1;
			buf_clear(&out);
		}
	}
	if (n == -1)
		return -1;
	if (crc != qf->preamble.content_crc) {
		errno = EBADMSG;
		return -1;
	}
	if (c.cr)
		buf_add_char(&out, '\r');
	return fd_write_all(fd, out.data, out.len);
}
