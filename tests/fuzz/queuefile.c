/* SPDX-License-Identifier: ISC */
/*
 * A whole queue file: opened, its content and journal read, a report on it
 * composed.  It is tried as it is, then with its checksums set right.
 */
#include "mail/queuefile.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fd.h"
#include "mail/dsn.h"
#include "mail/progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A preamble that says what the file's seems to say and is right. */
static void
mend(char *file, size_t len)
{
	char text[PREAMBLE_SIZE + 1] = "";
	unsigned long long envelope_len = 0, content_len = 0;
	struct preamble p = {0};

	memcpy(text, file, PREAMBLE_SIZE);
	sscanf(text + 13, "%8llx %10llx %*8x %*8x %3x", &envelope_len,
	    &content_len, &p.flags);
	len -= PREAMBLE_SIZE;
	p.flags %= 16;
	p.envelope_len = envelope_len % (ENVELOPE_MAX + 1);
	p.content_len = content_len & CONTENT_MAX;
	if (p.envelope_len <= len) {
		file += PREAMBLE_SIZE;
		p.envelope_crc = crc32c(0, file, p.envelope_len);
		if (p.content_len <= len - p.envelope_len)
			p.content_crc =
			    crc32c(0, file + p.envelope_len, p.content_len);
		file -= PREAMBLE_SIZE;
	}
	preamble_format(&p, file);
}

static void
check_content(struct queuefile *qf)
{
	char piece[100];
	const char *data;
	uint64_t offset = 0;
	ssize_t n;

	while ((n = queuefile_content(
		    qf, offset, piece, sizeof(piece), &data)) > 0)
		offset += n;
	assert(n == 0 && offset == qf->preamble.content_len);
}

static void
check_report(struct queuefile *qf, const struct progress *p)
{
	struct rcptset all;
	struct buf report = {0};
	struct dsn dsn = {.kind = qf->preamble.content_crc % 3,
	    .hostname = "gw.example",
	    .postmaster = "postmaster@gw.example",
	    .id = "0123456789abcdefgh",
	    .own_id = "123456789abcdefghj",
	    .envelope = &qf->envelope,
	    .progress = p,
	    .recipients = &all};
	bool whole = queuefile_verify(qf) == 1;
	unsigned flags;

	rcptset_init(&all, p->nrcpts, true);
	if (dsn_compose(&dsn, qf, 10000, &report, &flags) == -1)
		assert(!whole && errno == EBADMSG && report.len == 0);
	else
		assert(whole && report.len > 0);
	buf_free(&report);
	rcptset_free(&all);
}

static void
check_file(int fd)
{
	struct queuefile qf;
	struct buf store = {0};
	struct str journal;
	struct progress p;

	if (queuefile_open(fd, &qf) == -1) {
		assert(errno == EBADMSG || errno == ENOTSUP);
		assert(qf.fd == -1 && !qf.head.data && !qf.envelope.storage);
		return;
	}
	check_content(&qf);
	if (queuefile_journal(&qf, &store, &journal) == -1) {
		assert(errno == EBADMSG);
		journal.len = 0;
	} else
		assert(journal.len == (size_t)(qf.size - qf.journal_offset));
	if (progress_read(journal, str_of(""), qf.envelope.nrecipients, &p) ==
	    -1)
		assert(progress_read(str_of(""), str_of(""),
			   qf.envelope.nrecipients, &p) == 0);
	if (qf.envelope.sender[0] != '\0')
		check_report(&qf, &p);
	progress_free(&p);
	buf_free(&store);
	queuefile_free(&qf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf file = {0};
	int fd = memfd_create("queuefile", MFD_CLOEXEC);

	assert(fd != -1);
	assert(fd_write_all(fd, data, size) == 0);
	check_file(fd);
	if (size >= PREAMBLE_SIZE) {
		buf_add(&file, data, size);
		mend(file.data, file.len);
		assert(fd_pwrite_all(fd, file.data, file.len, 0) == 0);
		check_file(fd);
		buf_free(&file);
	}
	fd_close(&fd);
	return 0;
}
