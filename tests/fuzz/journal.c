/* SPDX-License-Identifier: ISC */
/*
 * A journal, and where the recipients stand by it.  The input is
 *
 *	number of recipients (one byte)  suffix "\n"  journal
 *
 * and is read as it is, then with the CRC of each line set right, so that what
 * stands behind the CRC is tried too.
 */
#include "mail/journal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/crc.h"
#include "mail/progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
mend(char *bytes, size_t len)
{
	struct str rest = {bytes, len}, line;
	char crc[9], *at;

	while (rest.len > 0) {
		line = str_cut(&rest, '\n');
		if (line.len < 9)
			continue;
		snprintf(crc, sizeof(crc), "%08x",
		    crc32c(0, line.s + 9, line.len - 9));
		at = bytes + (line.s - bytes);
		memcpy(at, crc, 8);
		at[8] = ' ';
	}
}

static void
check_same(struct str a, struct str b)
{
	assert(a.len == b.len);
	assert(a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

/* What was read is written and read again; long fields come out cut. */
static void
check_record(const struct record *rec)
{
	struct buf out = {0}, store = {0};
	struct record again;
	struct str rest;

	record_format(rec, &out);
	rest = (struct str){out.data, out.len};
	assert(record_next(&rest, &store, &again));
	assert(again.kind == rec->kind && again.time_s == rec->time_s);
	assert(again.attempt == rec->attempt && again.due_s == rec->due_s);
	check_same(again.suffix, rec->suffix);
	check_same(again.recipients, rec->recipients);
	assert(again.text.len <= rec->text.len && again.text.len <= 1000);
	assert(!record_next(&rest, &store, &again));
	buf_free(&out);
	buf_free(&store);
}

static void
check_journal(struct str journal, struct str suffix, size_t nrcpts)
{
	struct str rest = journal;
	struct buf store = {0};
	struct record rec;
	struct progress p;

	while (record_next(&rest, &store, &rec))
		check_record(&rec);
	buf_free(&store);
	if (progress_read(journal, suffix, nrcpts, &p) == -1) {
		assert(!p.rcpts);
		return;
	}
	assert(progress_pending(&p) <= nrcpts);
	assert(progress_unreported(&p) <= nrcpts);
	assert(p.attempts < p.next_attempt);
	progress_free(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest, suffix;
	struct buf mended = {0};

	if (size == 0)
		return 0;
	rest = (struct str){(const char *)data + 1, size - 1};
	suffix = str_cut(&rest, '\n');
	check_journal(rest, suffix, data[0]);
	buf_add(&mended, rest.s, rest.len);
	mend(mended.data, mended.len);
	check_journal((struct str){mended.data, mended.len}, suffix, data[0]);
	buf_free(&mended);
	return 0;
}
