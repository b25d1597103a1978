/* SPDX-License-Identifier: ISC */
#include "mail/dsn_part.h"

#include <string.h>

#include "base/clock.h"
#include "mail/address.h"
#include "mail/xtext.h"

#define VALUE_MAX 500 /* of what the client said in ENVID and ORCPT */

static void
field_add(struct buf *out, const char *name, const char *value, bool utf8)
{
	buf_add_str(out, name);
	buf_add_str(out, ": ");
	dsn_words_add(out, value, utf8, " ");
	buf_add_str(out, "\r\n");
}

/* "name: type; value", in words or as it is. */
static void
typed_add(struct buf *out, const char *name, const char *type,
    const char *value, bool utf8)
{
	buf_addf(out, "%s: %s; ", name, type);
	dsn_words_add(out, value, utf8, " ");
	buf_add_str(out, "\r\n");
}

static void
address_add(struct buf *out, const char *name, const char *type,
    const char *value, bool utf8)
{
	buf_addf(out, "%s: %s; ", name, type);
	dsn_address_add(out, value, utf8);
	buf_add_str(out, "\r\n");
}

static void
date_add(struct buf *out, const char *name, int64_t time_s)
{
	char date[CLOCK_DATE_SIZE];

	clock_date(time_s, date);
	field_add(out, name, date, false);
}

/* Decode xtext that is to stand in a field: 0, or -1 when it cannot. */
static int
printable_decode(struct str in, bool utf8, struct buf *out)
{
	size_t start = out->len;
	struct str got;

	if (xtext_decode(in, out) == -1)
		return -1;
	got = (struct str){buf_text(out) + start, out->len - start};
	if (got.len == 0 || got.len > VALUE_MAX)
		return -1;
	for (size_t i = 0; i < got.len; i++)
		if ((unsigned char)got.s[i] < ' ' || got.s[i] == 0x7f)
			return -1;
	return (utf8 ? str_is_utf8(got, NULL) : str_is_ascii(got)) ? 0 : -1;
}

/* RFC 3464, 2.2.1 */
static void
envelope_id_add(const struct dsn *dsn, struct buf *out)
{
	struct buf id = {0};

	if (dsn->envelope->envid &&
	    printable_decode(str_of(dsn->envelope->envid), false, &id) == 0)
		field_add(out, "Original-Envelope-Id", id.data, false);
	buf_free(&id);
}

/* Does it begin with a type of address, letters, digits and hyphens? */
static bool
is_type(struct str original)
{
	struct str type = str_cut(&original, ';');

	return type.len <= 40 && domain_check(type, false) == NULL;
}

/* RFC 3464, 2.3.1: "rfc822;" and the address as the sender wrote it. */
static void
original_add(const struct recipient *rcpt, bool utf8, struct buf *out)
{
	struct str rest, word;
	struct buf type = {0}, value = {0};

	if (!rcpt->original)
		return;
	rest = str_of(rcpt->original);
	if (is_type(rest)) {
		word = str_cut(&rest, ';');
		buf_add(&type, word.s, word.len);
		if (printable_decode(rest, utf8, &value) == 0)
			address_add(out, "Original-Recipient", type.data,
			    value.data, utf8);
	}
	buf_free(&type);
	buf_free(&value);
}

/* The host's name, or its address in brackets, from "mx.example[192.0.2.1]:25";
 * nothing for what is no host of the network. */
static void
remote_add(const char *host, struct buf *out)
{
	struct str name;
	struct buf value = {0};
	const char *end;

	if (!host)
		return;
	name = (struct str){host, strcspn(host, "[")};
	end = host[0] == '[' ? strchr(host, ']') : NULL;
	if (end)
		name.len = end + 1 - host;
	else if (domain_check(name, false) != NULL)
		return;
	buf_add(&value, name.s, name.len);
	typed_add(out, "Remote-MTA", "dns", value.data, false);
	buf_free(&value);
}

/* A reply is of type smtp, a reason of our own is not. */
static void
diagnostic_add(const char *text, bool utf8, struct buf *out)
{
	bool reply = text && strspn(text, "0123456789") == 3;

	if (text)
		typed_add(out, "Diagnostic-Code",
		    reply ? "smtp" : "x-stagepost", text, utf8);
}

static const char *
action(const struct dsn *dsn, const struct rcpt_progress *rcpt)
{
	switch (dsn->kind) {
	case REPORT_DELAY:
		return "delayed";
	case REPORT_SUCCESS:
		if (rcpt->scattered)
			return "expanded";
		return dsn->relayed ? "relayed" : "delivered";
	case REPORT_FAILURE:
		break;
	}
	return "failed";
}

/* RFC 3464, 2.3 */
static void
recipient_add(const struct dsn *dsn, size_t i, bool utf8, struct buf *out)
{
	const struct recipient *rcpt = &dsn->envelope->recipients[i];
	const struct rcpt_progress *progress = &dsn->progress->rcpts[i];
	bool ascii = str_is_ascii(str_of(rcpt->address));
	char status[DSN_STATUS_SIZE];

	dsn_status(progress->text, progress->outcome, status);
	original_add(rcpt, utf8, out);
	address_add(out, "Final-Recipient", ascii ? "rfc822" : "utf-8",
	    rcpt->address, utf8);
	field_add(out, "Action", action(dsn, progress), false);
	field_add(out, "Status", status, false);
	remote_add(progress->host, out);
	diagnostic_add(progress->text, utf8, out);
	if (progress->time_s != 0)
		date_add(out, "Last-Attempt-Date", progress->time_s);
	if (dsn->kind == REPORT_DELAY && dsn->will_retry_until_s != 0)
		date_add(out, "Will-Retry-Until", dsn->will_retry_until_s);
}

/* RFC 3464, 2.2 for the message, then a group for each recipient. */
void
dsn_fields_add(const struct dsn *dsn, bool utf8, struct buf *out)
{
	envelope_id_add(dsn, out);
	typed_add(out, "Reporting-MTA", "dns", dsn->hostname, false);
	date_add(out, "Arrival-Date", dsn->envelope->arrival_s);
	field_add(out, "X-Stagepost-Queue-Id", dsn->id, false);
	for (size_t i = 0; i < dsn->recipients->n; i++) {
		if (!rcptset_has(dsn->recipients, i))
			continue;
		buf_add_str(out, "\r\n");
		recipient_add(dsn, i, utf8, out);
	}
}
