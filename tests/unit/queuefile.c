/* SPDX-License-Identifier: ISC */
#include "mail/queuefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fd.h"
#include "tap.h"

static int dir;

/* The bytes of a queue file with that much content. */
static void
compose(struct buf *file, size_t content_len, size_t nrcpts)
{
	struct recipient *rcpts = mem_resize(NULL, nrcpts, sizeof(*rcpts));
	struct envelope env = {.sender = "jo@a.example",
	    .recipients = rcpts,
	    .nrecipients = nrcpts,
	    .arrival_s = 1795240862};
	struct buf lines = {0};
	struct preamble p = {.content_len = content_len, .flags = CONTENT_8BIT};
	char *content = mem_alloc(content_len + 1);

	for (size_t i = 0; i < nrcpts; i++)
		rcpts[i] = (struct recipient){.address = "kim@b.example"};
	for (size_t i = 0; i < content_len; i++)
		content[i] = "Subject: x\r\n"[i % 12];
	envelope_format(&env, &lines);
	p.envelope_len = lines.len;
	p.envelope_crc = crc32c(0, lines.data, lines.len);
	p.content_crc = crc32c(0, content, content_len);
	preamble_format(&p, buf_reserve(file, PREAMBLE_SIZE));
	buf_grew(file, PREAMBLE_SIZE);
	buf_add(file, lines.data, lines.len);
	buf_add(file, content, content_len);
	buf_free(&lines);
	free(content);
	free(rcpts);
}

static int
stored(const struct buf *file)
{
	int fd;

	fd = openat(dir, "q", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	if (fd == -1 || fd_write_all(fd, file->data, file->len) == -1)
		bail_out("cannot write a file");
	return fd;
}

/* Read all content through pieces of `size` and compare. */
static void
check_content(struct queuefile *qf, const struct buf *file, size_t size)
{
	char *piece = mem_alloc(size);
	const char *data;
	struct buf all = {0};
	ssize_t n;

	while ((n = queuefile_content(qf, all.len, piece, size, &data)) > 0)
		buf_add(&all, data, n);
	is_int(n, 0, "content ends well");
	is_mem(all.data, all.len, file->data + qf->content_offset,
	    qf->preamble.content_len, "content in pieces of %zu", size);
	buf_free(&all);
	free(piece);
}

static void
test_sizes(void)
{
	static const struct {
		size_t content_len, nrcpts;
	} cases[] = {
	    {0,			  1   },
            {1,			  1   },
            {1200,                       3   },
            {4000,                       1   },
            {5000,                       1   },
	    {65536 - PREAMBLE_SIZE - 61, 1   },
            {65536,                      1   },
            {300000,                     1   },
	    {10,			 9000},
            {200000,                     9000}
        };
	const char record[] = "\n00000000 a torn record";
	struct buf line = {(char *)(uintptr_t)record, sizeof(record) - 1, 0};
	struct buf newline = {(char *)(uintptr_t) "\n", 1, 0};
	struct buf file, store = {0};
	struct queuefile qf;
	struct str journal;
	int fd;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		file = (struct buf){0};
		compose(&file, cases[i].content_len, cases[i].nrcpts);
		fd = stored(&file);
		is_int(queuefile_append(fd, &line), 0, "append");
		is_int(queuefile_open(fd, &qf), 0,
		    "open: content %zu, recipients %zu", cases[i].content_len,
		    cases[i].nrcpts);
		is_int(qf.size, file.len + line.len, "its size");
		is_int(qf.envelope.nrecipients, cases[i].nrcpts, "recipients");
		is_int(qf.preamble.flags, CONTENT_8BIT, "flags");
		check_content(&qf, &file, 1000);
		is_int(queuefile_verify(&qf), 1, "checksum");
		is_int(queuefile_journal(&qf, &store, &journal), 0, "journal");
		is_mem(journal.s, journal.len, record, sizeof(record) - 1,
		    "is what was appended");
		ok(qf.torn, "and torn");
		queuefile_append(fd, &newline);
		queuefile_free(&qf);
		queuefile_open(fd, &qf);
		is_int(queuefile_journal(&qf, &store, &journal), -1,
		    "a finished record that is wrong is damage");
		queuefile_free(&qf);
		queuefile_free(&qf);
		fd_close(&fd);
		buf_free(&file);
	}
	buf_free(&store);
}

static void
test_damage(void)
{
	struct buf file = {0};
	struct queuefile qf;
	unsigned wrong = 0;
	int fd;

	compose(&file, 100, 1);
	for (size_t len = 0; len < file.len; len++) {
		fd = stored(&(struct buf){file.data, len, 0});
		if (queuefile_open(fd, &qf) != -1 || errno != EBADMSG)
			wrong++;
		fd_close(&fd);
	}
	is_int(wrong, 0, "cut off anywhere it is damaged");
	for (size_t at = 0; at < file.len; at++) {
		file.data[at] ^= 0x10;
		fd = stored(&file);
		if (queuefile_open(fd, &qf) == 0) {
			wrong += at < (size_t)qf.content_offset;
			wrong += queuefile_verify(&qf) != 0;
			queuefile_free(&qf);
		}
		file.data[at] ^= 0x10;
		fd_close(&fd);
	}
	is_int(wrong, 0, "and so it is with any byte changed");
	buf_free(&file);
}

/* The file loses its tail while it is open. */
static void
test_shrunk(void)
{
	struct buf file = {0}, store = {0};
	struct queuefile qf;
	const char *data;
	char piece[100];
	int fd;

	compose(&file, 200000, 1);
	fd = stored(&file);
	is_int(queuefile_open(fd, &qf), 0, "a large file");
	is_int(ftruncate(fd, 100000), 0, "cut off");
	is_int(queuefile_content(&qf, 150000, piece, sizeof(piece), &data), -1,
	    "content that is gone");
	is_int(errno, EBADMSG, "is damage");
	is_int(queuefile_verify(&qf), 0, "and does not verify");
	queuefile_free(&qf);
	fd_close(&fd);
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY);
	is_int(queuefile_open(fd, &qf), -1, "a directory is no queue file");
	is_int(errno, EBADMSG, "it is damage");
	fd_close(&fd);
	buf_free(&file);
	buf_free(&store);
}

static int
header_of(const char *content, size_t len, struct buf *out)
{
	struct buf file = {0};
	struct queuefile qf;
	int fd, rc;

	compose(&file, len, 1);
	if (content)
		memcpy(file.data + file.len - len, content, len);
	fd = stored(&file);
	is_int(queuefile_open(fd, &qf), 0, "open");
	buf_clear(out);
	rc = queuefile_header(&qf, out);
	queuefile_free(&qf);
	fd_close(&fd);
	buf_free(&file);
	return rc;
}

static void
test_header(void)
{
	static const char small[] = "Subject: x\r\n..A: b\r\n\r\n..\r\n";
	struct buf out = {0};

	is_int(header_of(small, sizeof(small) - 1, &out), 1, "a header");
	is_int(strncmp(out.data, "Subject: x\r\n.A: b\r\n\r\n", 21), 0,
	    "without stuffed dots");
	is_int(header_of(NULL, 1200, &out), 1, "one without an end");
	is_int(out.len, 1200, "is all of the content");
	is_int(header_of(NULL, QUEUEFILE_HEADER_MAX, &out), 1, "the largest");
	is_int(header_of(NULL, QUEUEFILE_HEADER_MAX + 1, &out), 0, "too large");
	buf_free(&out);
}

int
main(void)
{
	dir = tmpdir();
	test_sizes();
	test_header();
	test_damage();
	test_shrunk();
	return done();
}
