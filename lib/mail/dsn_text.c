/* SPDX-License-Identifier: ISC */
#include "mail/dsn_part.h"

#include "base/clock.h"

#define COLUMN_MAX 76
#define WORD_MAX   900 /* RFC 5322, 2.1.1: no line over 998 */
#define SHOWN_MAX  100 /* recipients; the other part has all of them */

#define INDENT "      "

static size_t
column(const struct buf *out)
{
	size_t at = out->len;

	while (at > 0 && out->data[at - 1] != '\n')
		at--;
	return out->len - at;
}

/* Cut off at most WORD_MAX bytes, and no character in two. */
static struct str
word_cut(struct str *rest)
{
	struct str all = *rest, word;

	word = str_word(&all);
	if (word.len > WORD_MAX) {
		word.len = WORD_MAX;
		while (word.len > 1 &&
		       ((unsigned char)word.s[word.len] & 0xc0) == 0x80)
			word.len--;
		all.len += all.s - (word.s + word.len);
		all.s = word.s + word.len;
	}
	*rest = all;
	return word;
}

static void
clean_add(struct buf *out, struct str text, bool utf8)
{
	unsigned char c;

	for (size_t i = 0; i < text.len; i++) {
		c = text.s[i];
		if (c < ' ' || c == 0x7f || (c >= 0x80 && !utf8))
			c = '?';
		buf_add_char(out, c);
	}
}

void
dsn_words_add(struct buf *out, const char *text, bool utf8, const char *indent)
{
	struct str rest = str_of(text), word;
	bool first = true;

	utf8 = utf8 && str_is_utf8(rest, NULL);
	for (word = word_cut(&rest); word.len > 0; word = word_cut(&rest)) {
		if (!first && column(out) + word.len >= COLUMN_MAX) {
			buf_add_str(out, "\r\n");
			buf_add_str(out, indent);
		} else if (!first) {
			buf_add_char(out, ' ');
		}
		first = false;
		clean_add(out, word, utf8);
	}
}

void
dsn_address_add(struct buf *out, const char *text, bool utf8)
{
	struct str address = str_of(text);

	if (address.len > WORD_MAX)
		address.len = WORD_MAX;
	clean_add(out, address, utf8 && str_is_utf8(address, NULL));
}

static void
paragraph_add(struct buf *out, const char *text)
{
	dsn_words_add(out, text, false, "");
	buf_add_str(out, "\r\n\r\n");
}

/* What happened, as the beginning of a sentence that ends with the host. */
static void
fate_add(const struct dsn *dsn, const struct rcpt_progress *rcpt,
    struct buf *sentence)
{
	static const struct {
		const char *by_host, *alone;
	} fates[] = {
	    [OUTCOME_DELIVERED] = {"Delivered by",                  "Delivered"   },
	    [OUTCOME_DEFERRED] = {"Waiting; this came last from",  "Waiting"     },
	    [OUTCOME_FAILED] = {"Refused by",                    "Not possible"},
	    [OUTCOME_EXPIRED] = {"Given up; this came last from", "Given up"    },
	    [OUTCOME_DISCARDED] = {"Given up; this came last from", "Given up"    },
	};
	const char *by_host = fates[rcpt->outcome].by_host;

	if (rcpt->scattered) {
		buf_add_str(sentence, "Passed on to several whom this address "
				      "stands for, of whom no report of "
				      "success will come.");
		return;
	}
	if (rcpt->outcome == OUTCOME_DELIVERED && dsn->relayed)
		by_host = "Passed on to";
	if (rcpt->host)
		buf_addf(sentence, "%s %s", by_host, rcpt->host);
	else
		buf_add_str(sentence, fates[rcpt->outcome].alone);
	buf_add_char(sentence, rcpt->text ? ':' : '.');
}

static void
recipient_add(const struct dsn *dsn, size_t i, bool utf8, struct buf *out)
{
	const struct rcpt_progress *rcpt = &dsn->progress->rcpts[i];
	struct buf line = {0};

	buf_add_str(out, "  <");
	dsn_address_add(out, dsn->envelope->recipients[i].address, utf8);
	buf_add_str(out, ">\r\n" INDENT);
	fate_add(dsn, rcpt, &line);
	dsn_words_add(out, line.data, utf8, INDENT);
	if (rcpt->text) {
		buf_add_str(out, "\r\n" INDENT);
		dsn_words_add(out, rcpt->text, utf8, INDENT);
	}
	buf_add_str(out, "\r\n\r\n");
	buf_free(&line);
}

static void
recipients_add(const struct dsn *dsn, bool utf8, struct buf *out)
{
	size_t shown = 0, count = rcptset_count(dsn->recipients);

	for (size_t i = 0; i < dsn->recipients->n && shown < SHOWN_MAX; i++)
		if (rcptset_has(dsn->recipients, i)) {
			recipient_add(dsn, i, utf8, out);
			shown++;
		}
	if (count > shown)
		buf_addf(out,
		    "  and %zu more, which the second part of this report "
		    "lists.\r\n\r\n",
		    count - shown);
}

static void
opening_add(const struct dsn *dsn, struct buf *out)
{
	const char *what = "could not be delivered to:";
	char date[CLOCK_DATE_SIZE];
	struct buf line = {0};

	if (dsn->kind == REPORT_DELAY)
		what = "has not been delivered yet to:";
	else if (dsn->kind == REPORT_SUCCESS && dsn->relayed)
		what = "was passed on to a host that does not report "
		       "deliveries, so no further report will come, for:";
	else if (dsn->kind == REPORT_SUCCESS)
		what = "was delivered, or passed on as said, to:";
	clock_date(dsn->envelope->arrival_s, date);
	buf_addf(&line, "This is the mail host %s.", dsn->hostname);
	paragraph_add(out, line.data);
	buf_clear(&line);
	buf_addf(&line, "Your message of %s %s", date, what);
	paragraph_add(out, line.data);
	buf_free(&line);
}

static void
ending_add(const struct dsn *dsn, bool full, struct buf *out)
{
	char date[CLOCK_DATE_SIZE];
	struct buf line = {0};

	if (dsn->kind == REPORT_FAILURE)
		paragraph_add(out, "This will not be tried again.");
	if (dsn->kind == REPORT_DELAY) {
		buf_add_str(&line, "It will be tried again");
		if (dsn->will_retry_until_s != 0) {
			clock_date(dsn->will_retry_until_s, date);
			buf_addf(&line, " until %s", date);
		}
		buf_add_str(&line, "; there is no need to send it again.");
		paragraph_add(out, line.data);
		buf_clear(&line);
	}
	buf_addf(&line,
	    "%s of your message follows.  Should you ask <%s> about it, please "
	    "say that its queue id was %s.",
	    full ? "A copy" : "The header", dsn->postmaster, dsn->id);
	paragraph_add(out, line.data);
	buf_free(&line);
}

void
dsn_text_add(const struct dsn *dsn, bool utf8, bool full, struct buf *out)
{
	opening_add(dsn, out);
	recipients_add(dsn, utf8, out);
	ending_add(dsn, full, out);
}
