/* SPDX-License-Identifier: ISC */
/*
 * The queue file: one message.  Layer: mail.
 *
 *	preamble  64 bytes of ASCII: version, lengths, checksums, flags
 *	envelope  lines "tag value"
 *	content   as it goes over the wire: CRLF, dot-stuffed, our Received:
 *	          first, without the final "." line
 *	journal   records that were appended since (journal.h)
 *
 * It is written once and then only appended to.  Every part has a CRC32C;
 * a part that does not match is damage, an error value, never a crash.
 */
#ifndef MAIL_QUEUEFILE_H
#define MAIL_QUEUEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/envelope.h"
#include "mail/preamble.h"

/*
 * An open queue file.  `head` holds what the first reads brought: preamble,
 * envelope and, of a small message, content and journal too, so that the
 * common message costs one read(2).
 */
struct queuefile {
	int fd; /* borrowed; -1: nothing open */
	struct preamble preamble;
	struct envelope envelope;
	size_t nwritten; /* recipients of the envelope as it was written */
	char **added;    /* strings of those that queuefile_journal() added */
	size_t nadded;
	bool torn; /* queuefile_journal() found a torn record: journal.h */
	struct buf head;
	off_t size;           /* of the file when it was opened */
	off_t content_offset; /* = PREAMBLE_SIZE + envelope_len */
	off_t journal_offset; /* = content_offset + content_len */
};

/*
 * Read and check preamble and envelope: 0; -1 and EBADMSG when damaged, ENOTSUP
 * when newer than us, or errno of the read.  On failure *qf_r is empty.
 */
int queuefile_open(int fd, struct queuefile *qf_r);

/*
 * Content bytes from `offset` (0 = its first byte) as they lie in memory (then
 * it may be more than `size`), or read into buf when they are not in the head:
 * how many, 0 at the end, or -1 (EBADMSG: the file has become shorter).
 * *data_r points into head or buf.
 */
ssize_t queuefile_content(struct queuefile *qf, uint64_t offset, char *buf,
    size_t size, const char **data_r);

/*
 * Append the header as its reader would see it, with the empty line and perhaps
 * more behind it, dots that were stuffed taken off: 1; 0 when it is longer than
 * QUEUEFILE_HEADER_MAX, and then *out is its beginning; -1 as queuefile_content().
 */
#define QUEUEFILE_HEADER_MAX (1u << 20) /* bytes of it that are looked at */
int queuefile_header(struct queuefile *qf, struct buf *out);

/* Does the whole content match its checksum? 1 yes, 0 damaged, -1 errno. */
int queuefile_verify(struct queuefile *qf);

/*
 * The bytes behind the content; *out_r points into head, or into `store` when
 * they were not read yet.  0, or -1 (EBADMSG: beyond JOURNAL_MAX, or damaged).
 * Recipients that took the place of others are added to the envelope.  One with
 * torn records is read without them, and qf->torn is set.
 */
#define JOURNAL_MAX (256u << 20) /* bytes */
int queuefile_journal(
    struct queuefile *qf, struct buf *store, struct str *out_r);

/*
 * Append one formatted record in one write, O_APPEND: 0 or -1 and errno
 * (ENOSPC after a short write).  What a failure leaves is skipped by readers;
 * write the whole record again.
 */
int queuefile_append(int fd, const struct buf *record);

/*
 * Make what was appended durable: 0, or -1 and errno.  A failed flush is never
 * asked for again: the kernel may have dropped what it could not write, and
 * then the next one succeeds without it.  So from the first failure on the
 * journal is written again before each flush; EAGAIN when that fails, to be
 * tried later.  After EIO, which is the flush's alone: spool_fail().
 */
int queuefile_flush(int fd);

/* Free the memory, not the descriptor; leaves it empty.  Twice is fine. */
void queuefile_free(struct queuefile *qf);

#endif
