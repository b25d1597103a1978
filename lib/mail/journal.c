/* SPDX-License-Identifier: ISC */
#include "mail/journal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/crc.h"

#define TEXT_MAX 1000
#define HOST_MAX 300 /* of host and who */
#define CRC_LEN  8

#define ATTEMPT_MAX (UINT32_MAX - 1) /* there is a number for the next one */

/*
 * The fields of each kind behind time, kind and suffix, in order: r recipients,
 * o outcome, a attempt, d due, k kind of report, h host, t text, w who, g
 * generation, n number of the first, l list of orders.
 */
static const struct {
	const char *name;
	const char *fields;
} kinds[] = {
    [RECORD_SPLIT] = {"split",    "r"     },
    [RECORD_OUTCOME] = {"outcome",  "oadrht"},
    [RECORD_DSN] = {"dsn",      "krw"   },
    [RECORD_HOLD] = {"hold",     "wt"    },
    [RECORD_RELEASE] = {"release",  "w"     },
    [RECORD_REQUEUE] = {"requeue",  "w"     },
    [RECORD_RULED] = {"ruled",    "gl"    },
    [RECORD_EXPANDED] = {"expanded", "nrwl"  },
    [RECORD_DIVERTED] = {"diverted", "rht"   },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *const outcomes[] = {
    [OUTCOME_DELIVERED] = "delivered",
    [OUTCOME_DEFERRED] = "deferred",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_EXPIRED] = "expired",
    [OUTCOME_DISCARDED] = "discarded",
};
#define OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

static const char *const reports[] = {
    [REPORT_FAILURE] = "failure",
    [REPORT_DELAY] = "delay",
    [REPORT_SUCCESS] = "success",
};
#define REPORTS (sizeof(reports) / sizeof(reports[0]))

const char *
record_name(enum record_kind kind)
{
	assert(kind < KINDS);
	return kinds[kind].name;
}

const char *
outcome_name(enum outcome outcome)
{
	assert(outcome < OUTCOMES);
	return outcomes[outcome];
}

const char *
report_name(enum report report)
{
	assert(report < REPORTS);
	return reports[report];
}

/* ---- writing ---- */

static void
text_add(struct buf *out, struct str text, size_t max)
{
	unsigned char c;

	if (text.len > max)
		text.len = max;
	buf_add_char(out, ' ');
	if (text.len == 0)
		buf_add_char(out, '-');
	for (size_t i = 0; i < text.len; i++) {
		c = text.s[i];
		if (c <= ' ' || c == 0x7f || c == '%' ||
		    (c == '-' && text.len == 1))
			buf_addf(out, "%%%02X", c);
		else
			buf_add_char(out, c);
	}
}

static void
number_add(struct buf *out, int64_t number)
{
	assert(number >= 0);
	buf_addf(out, " %lld", (long long)number);
}

static void
field_add(struct buf *out, const struct record *rec, char field)
{
	switch (field) {
	case 'r':
		text_add(out, rec->recipients, SIZE_MAX);
		break;
	case 'o':
		buf_addf(out, " %s", outcome_name(rec->outcome));
		break;
	case 'a':
		number_add(out, rec->attempt);
		break;
	case 'd':
		number_add(out, rec->due_s);
		break;
	case 'k':
		buf_addf(out, " %s", report_name(rec->report));
		break;
	case 'h':
		text_add(out, rec->host, HOST_MAX);
		break;
	case 't':
		text_add(out, rec->text, TEXT_MAX);
		break;
	case 'w':
		text_add(out, rec->who, HOST_MAX);
		break;
	case 'g':
		buf_addf(out, " %llu", (unsigned long long)rec->generation);
		break;
	case 'n':
		number_add(out, (int64_t)rec->first);
		break;
	case 'l':
		text_add(out, rec->orders, SIZE_MAX);
		break;
	}
}

void
record_format(const struct record *rec, struct buf *out)
{
	size_t start = out->len + 1 + CRC_LEN + 1; /* behind the CRC */
	char crc[CRC_LEN + 1];

	assert(rec->kind < KINDS && rec->time_s >= 0);
	buf_addf(out, "\n%0*d %lld %s", CRC_LEN, 0, (long long)rec->time_s,
	    kinds[rec->kind].name);
	text_add(out, rec->suffix, SIZE_MAX);
	for (const char *f = kinds[rec->kind].fields; *f; f++)
		field_add(out, rec, *f);
	snprintf(crc, sizeof(crc), "%08x",
	    crc32c(0, out->data + start, out->len - start));
	memcpy(out->data + start - 1 - CRC_LEN, crc, CRC_LEN);
	buf_add_char(out, '\n');
}

/* ---- reading ---- */

/* Decode into the store, which has room, so that nothing in it moves. */
static int
text_parse(struct str field, struct buf *store, struct str *text_r)
{
	size_t start = store->len;
	int high, low;

	if (field.len == 0)
		return -1;
	if (str_eq(field, "-"))
		field.len = 0;
	for (size_t i = 0; i < field.len; i++) {
		if (field.s[i] != '%') {
			buf_add_char(store, field.s[i]);
			continue;
		}
		if (field.len - i < 3)
			return -1;
		high = str_hex_digit(field.s[i + 1]);
		low = str_hex_digit(field.s[i + 2]);
		if (high == -1 || low == -1)
			return -1;
		buf_add_char(store, (char)(high << 4 | low));
		i += 2;
	}
	*text_r = (struct str){store->data + start, store->len - start};
	return 0;
}

static int
word_parse(
    struct str field, const char *const words[], size_t n, unsigned *word_r)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(field, words[i])) {
			*word_r = i;
			return 0;
		}
	return -1;
}

static int
field_parse(struct record *rec, char name, struct str field, struct buf *store)
{
	uint64_t number = 0;
	unsigned word = 0;
	int bad = -1;

	switch (name) {
	case 'r':
		return text_parse(field, store, &rec->recipients);
	case 'o':
		bad = word_parse(field, outcomes, OUTCOMES, &word);
		rec->outcome = word;
		break;
	case 'a':
		bad = str_number(field, ATTEMPT_MAX, &number);
		rec->attempt = number;
		break;
	case 'd':
		bad = str_number(field, INT64_MAX, &number);
		rec->due_s = number;
		break;
	case 'k':
		bad = word_parse(field, reports, REPORTS, &word);
		rec->report = word;
		break;
	case 'h':
		return text_parse(field, store, &rec->host);
	case 't':
		return text_parse(field, store, &rec->text);
	case 'w':
		return text_parse(field, store, &rec->who);
	case 'g':
		bad = str_number(field, UINT64_MAX, &number);
		rec->generation = number;
		break;
	case 'n':
		bad = str_number(field, INT64_MAX, &number);
		rec->first = number;
		break;
	case 'l':
		return text_parse(field, store, &rec->orders);
	}
	return bad;
}

static int
kind_parse(struct str field, enum record_kind *kind_r)
{
	for (size_t i = 0; i < KINDS; i++)
		if (str_eq(field, kinds[i].name)) {
			*kind_r = i;
			return 0;
		}
	return -1;
}

/* A line whose CRC is right: 0, or -1 when it says nothing that we know. */
static int
line_parse(struct str line, struct buf *store, struct record *rec)
{
	uint64_t time_s;

	*rec = (struct record){0};
	if (str_number(str_cut(&line, ' '), INT64_MAX, &time_s) == -1 ||
	    kind_parse(str_cut(&line, ' '), &rec->kind) == -1 ||
	    text_parse(str_cut(&line, ' '), store, &rec->suffix) == -1)
		return -1;
	rec->time_s = time_s;
	for (const char *f = kinds[rec->kind].fields; *f; f++)
		if (field_parse(rec, *f, str_cut(&line, ' '), store) == -1)
			return -1;
	return line.len == 0 ? 0 : -1;
}

/* Cut the CRC off the line: does it match what follows? */
static bool
is_intact(struct str *line)
{
	uint32_t crc;

	return str_hex32(str_cut(line, ' '), &crc) == 0 &&
	       crc == crc32c(0, line->s, line->len);
}

bool
record_next(struct str *rest, struct buf *store, struct record *rec_r)
{
	struct str line;

	while (rest->len > 0) {
		line = str_cut(rest, '\n');
		if (!is_intact(&line))
			continue;
		buf_clear(store);
		buf_reserve(store, line.len);
		if (line_parse(line, store, rec_r) == 0)
			return true;
	}
	*rec_r = (struct record){0};
	return false;
}

/* ---- how whole? ---- */

#define SECTOR 512

/*
 * A power cut can leave NULs where bytes were not written yet: to the end of
 * what was, from the end of what was flushed, or whole sectors.
 */
static bool
has_hole(struct str line)
{
	const char *nul = memchr(line.s, '\0', line.len),
		   *end = line.s + line.len;
	size_t run = 0;

	if (nul == NULL)
		return false;
	while (nul + run < end && nul[run] == '\0')
		run++;
	return run >= SECTOR || nul == line.s || end[-1] == '\0';
}

/*
 * Was it not written to its end?  Then `rest` is the next record without the
 * newline before it.  If one byte less makes it whole, it was finished, and
 * what is wrong is its newline.
 */
static bool
is_unfinished(struct str line, struct str rest)
{
	struct str less = {line.s, line.len - 1};

	return (rest.len == 0 ? line.s + line.len == rest.s
			      : *rest.s != '\n') &&
	       !is_intact(&less);
}

enum journal_health
journal_check(struct str journal)
{
	enum journal_health health = JOURNAL_WHOLE;
	struct str rest = journal, line, record;

	while (rest.len > 0) {
		record = line = str_cut(&rest, '\n');
		if (line.len == 0 || is_intact(&record))
			continue;
		if (!has_hole(line) && !is_unfinished(line, rest))
			return JOURNAL_DAMAGED;
		health = JOURNAL_TORN;
	}
	return health;
}
