/* SPDX-License-Identifier: ISC */
/*
 * Damages queue files, thousands of them, and reads them as the rooms do.
 *
 *	damage SEED COUNT
 *
 * Each message has one to eight recipients and a history: aliases, splits,
 * attempts, reports, holds.  Bits are flipped, bytes overwritten, zeroed, cut
 * off or taken out, in all of its parts.  Then either some reader refuses the
 * file, or it says what it said before, or less, and that a record is torn: as
 * after a crash.  Never does it give a recipient another fate or another
 * address.  Names are damaged too.
 *
 * Prints a line for each that is not so, then how many there were of what.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc.h"
#include "base/fd.h"
#include "mail/entry.h"
#include "mail/progress.h"
#include "mail/queuefile.h"

#define RCPTS_MAX 64

/* What readers say of a message, for one name of it. */
struct account {
	size_t nrcpts;
	unsigned long long rcpts[RCPTS_MAX]; /* hash of the address */
	unsigned long long ways[RCPTS_MAX];  /* hash of what was ordered */
	bool mine[RCPTS_MAX], final[RCPTS_MAX];
	unsigned fate[RCPTS_MAX]; /* the outcome, reports */
	unsigned attempts;
	bool ruled, held;
	bool torn;
};

struct message {
	struct buf file;
	char suffix[16];
	size_t journal; /* where it begins */
	unsigned nrecords;
	struct account account;
};

enum kind { FLIP, OVERWRITE, ZERO, CUT, REMOVE, KINDS };
static const char *const kinds[] = {
    "flipped", "overwritten", "zeroed", "cut off", "removed"};

static unsigned long long state;

/* splitmix64: the same on every machine. */
static unsigned long long
draw(unsigned long long below)
{
	unsigned long long z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % below;
}

/* ---- reading, as the rooms do ---- */

static unsigned long long
mixed(unsigned long long h, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;
	return h * 31 + 7;
}

static void
note_account(
    const struct queuefile *qf, const struct progress *p, struct account *a)
{
	a->nrcpts = p->nrcpts < RCPTS_MAX ? p->nrcpts : RCPTS_MAX;
	a->attempts = p->attempts;
	a->ruled = p->ruled;
	a->held = false;
	a->torn = qf->torn;
	for (size_t i = 0; i < a->nrcpts; i++) {
		const struct rcpt_progress *r = &p->rcpts[i];
		const struct recipient *to = &qf->envelope.recipients[i];

		a->held |= r->hold != NULL;
		a->mine[i] = r->mine;
		a->final[i] = r->final;
		a->fate[i] = r->final | r->outcome << 1 | r->reported << 8 |
		             r->delayed << 9 | r->confirmed << 10;
		a->rcpts[i] = mixed(mixed(0, to->address), qf->envelope.sender);
		a->rcpts[i] += to->notify;
		a->ways[i] = mixed(r->prio, r->route) + r->headers;
	}
}

/* 0, or -1: somebody refuses it. */
static int
read_file(int fd, const char *suffix, struct account *a)
{
	struct queuefile qf;
	struct progress p = {0};
	struct buf store = {0};
	struct str journal;
	int rc = -1;

	*a = (struct account){0};
	if (queuefile_open(fd, &qf) == -1) {
		assert(errno == EBADMSG || errno == ENOTSUP);
		return -1;
	}
	if (queuefile_journal(&qf, &store, &journal) == -1)
		assert(errno == EBADMSG);
	else if (progress_read(journal, str_of(suffix), qf.envelope.nrecipients,
		     &p) == 0 &&
		 queuefile_verify(&qf) == 1) {
		note_account(&qf, &p, a);
		rc = 0;
	}
	progress_free(&p);
	buf_free(&store);
	queuefile_free(&qf);
	return rc;
}

static int
read_bytes(const struct buf *file, const char *suffix, struct account *a)
{
	int fd = memfd_create("queuefile", MFD_CLOEXEC), rc;

	assert(fd != -1 && fd_write_all(fd, file->data, file->len) == 0);
	rc = read_file(fd, suffix, a);
	fd_close(&fd);
	return rc;
}

/* ---- a message and its history ---- */

static void
compose(struct message *m, size_t nrcpts)
{
	static const size_t sizes[] = {0, 50, 900, 5000, 70000};
	struct recipient rcpts[8];
	char addresses[8][32];
	struct envelope env = {.sender = "jo@a.example",
	    .arrival_s = 1795240862,
	    .recipients = rcpts,
	    .nrecipients = nrcpts};
	struct preamble p = {0};
	struct buf text = {0};
	char front[PREAMBLE_SIZE];
	size_t content = sizes[draw(sizeof(sizes) / sizeof(sizes[0]))];

	for (size_t i = 0; i < nrcpts; i++) {
		snprintf(
		    addresses[i], sizeof(addresses[i]), "r%zu@b.example", i);
		rcpts[i] = (struct recipient){.address = addresses[i]};
	}
	assert(envelope_format(&env, &text) == 0);
	p.envelope_len = (uint32_t)text.len;
	p.envelope_crc = crc32c(0, text.data, text.len);
	while (text.len < p.envelope_len + content)
		buf_addf(&text, "%llx\r\n", draw(1ULL << 62));
	p.content_len = text.len - p.envelope_len;
	p.content_crc = crc32c(0, text.data + p.envelope_len, p.content_len);
	preamble_format(&p, front);
	buf_add(&m->file, front, sizeof(front));
	buf_add(&m->file, text.data, text.len);
	buf_free(&text);
	m->journal = m->file.len;
}

static void
record(struct message *m, struct record rec)
{
	rec.time_s = 1795240862 + m->nrecords;
	rec.suffix = str_of(m->suffix);
	record_format(&rec, &m->file);
	m->nrecords++;
}

/* One of its own recipients that may still have a fate, by number; -1: none. */
static long
some_pending(struct message *m)
{
	struct account *a = &m->account;
	size_t start;

	if (read_bytes(&m->file, m->suffix, a) == -1)
		abort();
	start = draw(a->nrcpts);
	for (size_t i = 0; i < a->nrcpts; i++) {
		size_t at = (start + i) % a->nrcpts;

		if (a->mine[at] && !a->final[at])
			return (long)at;
	}
	return -1;
}

static void
expand_one(struct message *m, const char *number)
{
	char addresses[64];
	struct record rec = {.kind = RECORD_EXPANDED,
	    .first = m->account.nrcpts,
	    .recipients = str_of(number),
	    .who = str_of("all@b.example")};

	if (m->account.nrcpts > RCPTS_MAX - 4)
		return;
	snprintf(addresses, sizeof(addresses), "e%u@c.example%s", m->nrecords,
	    draw(2) ? "" : " f@c.example");
	rec.orders = str_of(addresses);
	record(m, rec);
}

static void
split(struct message *m)
{
	struct buf list = {0};
	size_t groups = 2;

	if (strlen(m->suffix) > sizeof(m->suffix) - 4)
		return;
	for (size_t g = 0; g < groups; g++) {
		const char *between = g > 0 ? "/" : "";

		for (size_t i = g; i < m->account.nrcpts; i += groups) {
			buf_addf(&list, "%s%zu", between, i);
			between = ",";
		}
		if (g >= m->account.nrcpts) { /* nobody left for it */
			buf_free(&list);
			return;
		}
	}
	record(m, (struct record){
		      .kind = RECORD_SPLIT,
		      .recipients = {buf_text(&list), list.len}
        });
	buf_free(&list);
	strcat(m->suffix, draw(2) ? ".0" : ".1");
}

static void
attempt(struct message *m, const char *number)
{
	static const enum outcome outcomes[] = {OUTCOME_DELIVERED,
	    OUTCOME_DELIVERED, OUTCOME_DEFERRED, OUTCOME_FAILED};

	record(m, (struct record){.kind = RECORD_OUTCOME,
		      .outcome = outcomes[draw(4)],
		      .attempt = m->nrecords + 1,
		      .due_s = 1795300000,
		      .recipients = str_of(number),
		      .host = str_of("mx.b.example[192.0.2.1]:25"),
		      .text = str_of("451 4.2.0 or 250 2.0.0, who knows")});
}

static void
happen(struct message *m)
{
	long pending = some_pending(m);
	char number[24];

	snprintf(number, sizeof(number), "%ld", pending);
	switch (draw(8)) {
	case 0:
		if (pending != -1)
			expand_one(m, number);
		break;
	case 1:
		split(m);
		break;
	case 2:
		record(m, (struct record){.kind = RECORD_HOLD,
			      .who = str_of("root"),
			      .text = str_of("looks odd")});
		record(m, (struct record){
			      .kind = RECORD_RELEASE, .who = str_of("root")});
		break;
	case 3:
		record(m, (struct record){.kind = RECORD_RULED,
			      .orders = str_of("route\t0\trules:1\tmx\n")});
		break;
	case 4:
		if (pending != -1)
			record(m, (struct record){.kind = RECORD_DSN,
				      .report = REPORT_DELAY,
				      .recipients = str_of(number),
				      .who = str_of("0123456789abcdefgh")});
		break;
	default:
		if (pending != -1)
			attempt(m, number);
	}
}

static void
message_make(struct message *m)
{
	*m = (struct message){0};
	compose(m, 1 + draw(8));
	for (unsigned long long n = draw(12); n > 0; n--)
		happen(m);
	if (read_bytes(&m->file, m->suffix, &m->account) == -1 ||
	    m->account.torn)
		abort();
}

/* ---- damage ---- */

/* Small things are as likely to be hit as large ones. */
static size_t
somewhere(const struct message *m)
{
	size_t journal = m->journal;

	if (draw(5) == 0)
		return draw(PREAMBLE_SIZE);
	if (draw(2) == 0 && journal < m->file.len)
		return journal + draw(m->file.len - journal);
	return draw(m->file.len);
}

static enum kind
damage(const struct message *m, struct buf *out)
{
	enum kind kind = draw(KINDS);
	size_t at = somewhere(m), n = 1 + draw(draw(4) ? 8 : 600);

	if (n > m->file.len - at)
		n = m->file.len - at;
	buf_clear(out);
	buf_add(out, m->file.data, m->file.len);
	switch (kind) {
	case FLIP:
		for (n = 1 + draw(3); n > 0; n--, at = somewhere(m))
			out->data[at] ^= (char)(1 << draw(8));
		break;
	case OVERWRITE:
		while (n-- > 0)
			out->data[at++] = (char)draw(256);
		break;
	case ZERO:
		memset(out->data + at, 0, n);
		break;
	case CUT:
		out->len = at;
		break;
	case REMOVE:
		memmove(
		    out->data + at, out->data + at + n, m->file.len - at - n);
		out->len -= n;
		break;
	case KINDS:
		break;
	}
	return kind;
}

/* Whole records are missing and nothing else is wrong: as before they were
 * written, which a power cut can bring back, and nobody can tell. */
static bool
is_earlier(const struct message *m, const struct buf *bytes)
{
	size_t at = m->journal;
	struct str was = {m->file.data + at, m->file.len - at}, is, a, b;

	if (bytes->len + 1 < at || memcmp(bytes->data, m->file.data,
				       bytes->len < at ? bytes->len : at) != 0)
		return false;
	is = (struct str){
	    bytes->data + at, bytes->len < at ? 0 : bytes->len - at};
	while (is.len > 0) {
		b = str_cut(&is, '\n');
		if (b.len == 0)
			continue;
		do {
			if (was.len == 0)
				return false;
			a = str_cut(&was, '\n');
		} while (a.len != b.len || memcmp(a.s, b.s, a.len) != 0);
	}
	return true;
}

static bool
is_same(const struct account *a, const struct account *b)
{
	return a->nrcpts == b->nrcpts && a->attempts == b->attempts &&
	       a->ruled == b->ruled && a->held == b->held &&
	       memcmp(a->rcpts, b->rcpts, sizeof(a->rcpts)) == 0 &&
	       memcmp(a->ways, b->ways, sizeof(a->ways)) == 0 &&
	       memcmp(a->mine, b->mine, sizeof(a->mine)) == 0 &&
	       memcmp(a->fate, b->fate, sizeof(a->fate)) == 0;
}

/* Does it say no more than before: nobody has another address, nobody gets it
 * who did not, nobody is done with who was not? */
static bool
is_less(const struct account *before, const struct account *now)
{
	if (now->nrcpts > before->nrcpts)
		return false;
	for (size_t i = 0; i < now->nrcpts; i++)
		if (now->rcpts[i] != before->rcpts[i] ||
		    now->mine[i] != before->mine[i] ||
		    (now->final[i] && !before->final[i]))
			return false;
	return true;
}

enum verdict { HARMLESS, REFUSED, TORN, EARLIER, WRONG, VERDICTS };
static const char *const verdicts[] = {
    "harmless", "refused", "torn", "earlier", "wrong"};

static enum verdict
judge(const struct message *m, const struct buf *bytes)
{
	struct account now;

	if (read_bytes(bytes, m->suffix, &now) == -1)
		return REFUSED;
	if (is_same(&m->account, &now))
		return now.torn ? TORN : HARMLESS;
	if (!is_less(&m->account, &now))
		return WRONG;
	if (now.torn)
		return TORN;
	return is_earlier(m, bytes) ? EARLIER : WRONG;
}

/* ---- names ---- */

/* A damaged name is none, or the one name of another entry. */
static bool
name_is_sound(void)
{
	static const char good[] = "1795240862.5abcdefgh.06a2a5zvfdnt1ig2zs.2";
	char bytes[sizeof(good)], again[ENTRY_SIZE];
	const char *name = bytes + draw(2) * draw(sizeof(good));
	enum state st = draw(STATES);
	struct entry e;

	memcpy(bytes, good, sizeof(good));
	for (unsigned long long n = draw(4); n > 0; n--)
		bytes[draw(sizeof(good) - 1)] ^= (char)(1 << draw(8));
	if (draw(3) == 0)
		bytes[draw(sizeof(good))] = '\0';
	if (entry_parse(st, 0, name, &e) == -1)
		return true;
	entry_format(&e, again);
	return strcmp(name, again) == 0;
}

int
main(int argc, char *argv[])
{
	unsigned long counts[VERDICTS] = {0}, n;
	struct buf bytes = {0};
	struct message m;

	if (argc != 3)
		return 2;
	state = strtoull(argv[1], NULL, 10);
	n = strtoul(argv[2], NULL, 10);
	for (unsigned long i = 0; i < n; i += 40) {
		message_make(&m);
		for (unsigned k = 0; k < 40; k++) {
			enum kind kind = damage(&m, &bytes);
			enum verdict v = judge(&m, &bytes);

			counts[v]++;
			if (v == WRONG)
				printf("WRONG %lu.%u: name \"%s\", %s\n", i, k,
				    m.suffix, kinds[kind]);
			if (!name_is_sound()) {
				printf("WRONG %lu.%u: a name\n", i, k);
				counts[WRONG]++;
			}
		}
		buf_free(&m.file);
	}
	for (int v = 0; v < VERDICTS; v++)
		printf("%s %lu\n", verdicts[v], counts[v]);
	buf_free(&bytes);
	return counts[WRONG] == 0 ? 0 : 1;
}
