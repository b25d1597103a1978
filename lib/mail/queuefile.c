/* SPDX-License-Identifier: ISC */
#include "mail/queuefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fd.h"
#include "base/log.h"
#include "mail/expansion.h"
#include "mail/header.h"
#include "mail/journal.h"

#define READ_SIZE 65536

/*
 * A read of more than this much that comes back short may have met a bad block
 * instead of the end of the file; a smaller one lay on one page.
 */
#define PAGE 4096

/* What is read here is copied out at once, so that an open message keeps no
 * more memory than it has bytes. */
static char scratch[READ_SIZE];

/* Fill the head with what one read brings, and learn the file's size. */
static int
head_read(struct queuefile *qf)
{
	struct stat st;
	ssize_t n;

	n = pread(qf->fd, scratch, READ_SIZE, 0);
	if (n == -1) {
		if (errno == ESPIPE || errno == EISDIR) /* no regular file */
			errno = EBADMSG;
		return -1;
	}
	buf_add(&qf->head, scratch, n);
	qf->size = n;
	if (n <= PAGE)
		return 0;
	if (fstat(qf->fd, &st) == -1)
		return -1;
	qf->size = st.st_size;
	return 0;
}

/* Read on until the head holds the file up to `end`. */
static int
head_extend(struct queuefile *qf, size_t end)
{
	size_t want;
	ssize_t n;

	if (qf->head.len >= end)
		return 0;
	want = end - qf->head.len;
	n = fd_pread_full(
	    qf->fd, buf_reserve(&qf->head, want), want, qf->head.len);
	if (n == -1)
		return -1;
	buf_grew(&qf->head, n);
	if ((size_t)n == want)
		return 0;
	errno = EBADMSG;
	return -1;
}

/* Where the parts lie, and whether the file is long enough for them. */
static int
preamble_read(struct queuefile *qf)
{
	if (qf->head.len < PREAMBLE_SIZE) {
		errno = EBADMSG;
		return -1;
	}
	if (preamble_parse(qf->head.data, &qf->preamble) == -1)
		return -1;
	qf->content_offset = PREAMBLE_SIZE + (off_t)qf->preamble.envelope_len;
	qf->journal_offset =
	    qf->content_offset + (off_t)qf->preamble.content_len;
	if (qf->journal_offset > qf->size) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

static int
envelope_read(struct queuefile *qf)
{
	struct str lines;

	if (head_extend(qf, qf->content_offset) == -1)
		return -1;
	lines.s = qf->head.data + PREAMBLE_SIZE;
	lines.len = qf->preamble.envelope_len;
	if (crc32c(0, lines.s, lines.len) == qf->preamble.envelope_crc &&
	    envelope_parse(lines, &qf->envelope) == 0) {
		qf->nwritten = qf->envelope.nrecipients;
		return 0;
	}
	errno = EBADMSG;
	return -1;
}

int
queuefile_open(int fd, struct queuefile *qf_r)
{
	int error;

	*qf_r = (struct queuefile){.fd = fd};
	if (head_read(qf_r) == -1 || preamble_read(qf_r) == -1 ||
	    envelope_read(qf_r) == -1) {
		error = errno;
		queuefile_free(qf_r);
		errno = error;
		return -1;
	}
	return 0;
}

ssize_t
queuefile_content(struct queuefile *qf, uint64_t offset, char *buf, size_t size,
    const char **data_r)
{
	uint64_t left, at;
	ssize_t n;

	*data_r = buf;
	if (offset >= qf->preamble.content_len)
		return 0;
	left = qf->preamble.content_len - offset;
	at = qf->content_offset + offset;
	if (at < qf->head.len) {
		*data_r = qf->head.data + at;
		return left < qf->head.len - at ? left : qf->head.len - at;
	}
	n = pread(qf->fd, buf, left < size ? left : size, at);
	if (n == 0 && size > 0) {
		errno = EBADMSG;
		return -1;
	}
	return n;
}

static void
unstuff(struct buf *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->len; i++) {
		if (b->data[i] == '.' && (i == 0 || b->data[i - 1] == '\n'))
			continue;
		b->data[to++] = b->data[i];
	}
	b->len = to;
}

int
queuefile_header(struct queuefile *qf, struct buf *out)
{
	char chunk[8192];
	const char *data;
	uint64_t offset = 0;
	ssize_t n;

	while ((n = queuefile_content(
		    qf, offset, chunk, sizeof(chunk), &data)) > 0) {
		if ((size_t)n > sizeof(chunk))
			n = sizeof(chunk);
		buf_add(out, data, (size_t)n);
		offset += (uint64_t)n;
		if (offset > QUEUEFILE_HEADER_MAX ||
		    header_is_whole((struct str){buf_text(out), out->len}))
			break;
	}
	if (n == -1)
		return -1;
	n = offset <= QUEUEFILE_HEADER_MAX ||
	    header_is_whole((struct str){buf_text(out), out->len});
	unstuff(out);
	return (int)n;
}

int
queuefile_verify(struct queuefile *qf)
{
	const char *data;
	uint64_t offset = 0;
	uint32_t crc = 0;
	ssize_t n;

	while ((n = queuefile_content(qf, offset, scratch, READ_SIZE, &data)) >
	       0) {
		crc = crc32c(crc, data, n);
		offset += n;
	}
	if (n == -1)
		return errno == EBADMSG ? 0 : -1;
	return crc == qf->preamble.content_crc;
}

static void
forget_added(struct queuefile *qf)
{
	for (size_t i = 0; i < qf->nadded; i++)
		free(qf->added[i]);
	free(qf->added);
	qf->added = NULL;
	qf->nadded = 0;
	qf->envelope.nrecipients = qf->nwritten;
}

/* Is it sound?  Then its recipients are added. */
static int
journal_take(struct queuefile *qf, struct str journal)
{
	enum journal_health health = journal_check(journal);

	forget_added(qf);
	qf->torn = health == JOURNAL_TORN;
	if (health != JOURNAL_DAMAGED && expansion_apply(journal, &qf->envelope,
					     &qf->added, &qf->nadded) == 0)
		return 0;
	errno = EBADMSG;
	return -1;
}

int
queuefile_journal(struct queuefile *qf, struct buf *store, struct str *out_r)
{
	ssize_t n;

	buf_clear(store);
	if (qf->head.len == (size_t)qf->size) {
		out_r->s = qf->head.data + qf->journal_offset;
		out_r->len = qf->head.len - qf->journal_offset;
		return journal_take(qf, *out_r);
	}
	while ((n = pread(qf->fd, scratch, READ_SIZE,
		    qf->journal_offset + store->len)) > 0)
		if (buf_add_limited(store, scratch, n, JOURNAL_MAX) == -1) {
			errno = EBADMSG;
			return -1;
		}
	if (n == -1)
		return -1;
	*out_r = (struct str){buf_text(store), store->len};
	return journal_take(qf, *out_r);
}

int
queuefile_append(int fd, const struct buf *record)
{
	ssize_t n;

	n = write(fd, record->data, record->len);
	if (n == -1)
		return -1;
	if ((size_t)n == record->len)
		return 0;
	errno = ENOSPC;
	return -1;
}

/* The same bytes over themselves, from the journal's first to the last. */
static int
write_again(int fd)
{
	struct queuefile qf;
	off_t at;
	ssize_t n = -1;
	int flags = fcntl(fd, F_GETFL);

	if (queuefile_open(fd, &qf) == -1)
		return -1;
	at = qf.journal_offset;
	queuefile_free(&qf);
	if (flags == -1 || fcntl(fd, F_SETFL, flags & ~O_APPEND) == -1)
		return -1;
	while ((n = pread(fd, scratch, READ_SIZE, at)) > 0) {
		if (fd_pwrite_all(fd, scratch, (size_t)n, at) == -1)
			break;
		at += n;
	}
	if (fcntl(fd, F_SETFL, flags) == -1)
		return -1;
	return n == 0 ? 0 : -1;
}

int
queuefile_flush(int fd)
{
	static bool doubted; /* a flush has failed in this process */

	if (doubted && write_again(fd) == -1) {
		log_warn("write a journal again");
		errno = EAGAIN;
		return -1;
	}
	if (fdatasync(fd) == 0)
		return 0;
	doubted = true;
	return -1;
}

void
queuefile_free(struct queuefile *qf)
{
	forget_added(qf);
	envelope_free(&qf->envelope);
	buf_free(&qf->head);
	*qf = (struct queuefile){.fd = -1};
}
