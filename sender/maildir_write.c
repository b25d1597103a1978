/* SPDX-License-Identifier: ISC */
#include "maildir_write.h"

#include <errno.h>

#include "base/buf.h"
#include "base/crc.h"
#include "base/fd.h"
#include "mail/ruling.h"
#include "mail/unwire.h"

#define PIECE 65536

static void
add_trace(const char *sender, const char *address, struct buf *out)
{
	buf_addf(out, "Return-Path: <%s>\nDelivered-To: %s\n", sender, address);
}

/* What rules have ordered: 0, or -1 and errno. */
static int
add_headers(
    struct queuefile *qf, size_t number, struct unwire *u, struct buf *out)
{
	struct buf store = {0}, headers = {0};
	struct str journal;
	int rc = queuefile_journal(qf, &store, &journal);

	if (rc == 0)
		ruling_headers(journal, number, &headers);
	if (headers.len > 0)
		unwire_add(u, headers.data, headers.len, out);
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
	struct unwire u = {0};
	const char *data;
	uint64_t offset = 0;
	uint32_t crc = 0;
	ssize_t n;

	buf_clear(&out);
	add_trace(sender, address, &out);
	if (add_headers(qf, number, &u, &out) == -1)
		return -1;
	while ((n = queuefile_content(qf, offset, piece, PIECE, &data)) > 0) {
		crc = crc32c(crc, data, (size_t)n);
		offset += (uint64_t)n;
		unwire_add(&u, data, (size_t)n, &out);
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
	unwire_end(&u, &out);
	return fd_write_all(fd, out.data, out.len);
}
