/* SPDX-License-Identifier: ISC */
#include "mail/dsn.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mail/dsn_part.h"

#define HEADER_MAX (128u << 10) /* of the original that is returned */
#define PIECE      16384

/* The parts, and what is said about them in the report's own header. */
struct parts {
	struct buf text;
	struct buf fields;
	struct buf original;
	bool full; /* the original is whole */
	bool utf8;
	char boundary[96];
};

static const char *const subjects[] = {
    [REPORT_FAILURE] = "Your message could not be delivered",
    [REPORT_DELAY] = "Your message is delayed",
    [REPORT_SUCCESS] = "Your message was delivered",
};

/* ---- the original ---- */

/* Length of the header in the first bytes of a message, 0 when its end is not
 * among them. */
static size_t
header_len(const struct buf *bytes)
{
	const char *end;

	if (bytes->len == 0)
		return 0;
	end = memmem(bytes->data, bytes->len, "\r\n\r\n", 4);
	return end ? end - bytes->data + 2 : 0;
}

/* What is too long for a header ends with a whole line. */
static void
header_cut(struct buf *bytes)
{
	size_t len = header_len(bytes);

	if (bytes->len >= 2 && memcmp(bytes->data, "\r\n", 2) == 0) {
		buf_clear(bytes); /* there is no header */
		return;
	}
	if (len == 0 && bytes->len > HEADER_MAX) {
		len = HEADER_MAX;
		while (len > 0 && bytes->data[len - 1] != '\n')
			len--;
	}
	if (len > 0) {
		bytes->len = len;
		bytes->data[len] = '\0';
	}
}

/* Copied as it lies: it is in wire form, and so is the report. */
static int
original_read(struct queuefile *qf, bool full, struct buf *out)
{
	char piece[PIECE];
	const char *data;
	ssize_t n;

	switch (queuefile_verify(qf)) {
	case 0:
		errno = EBADMSG;
		return -1;
	case -1:
		return -1;
	}
	while ((n = queuefile_content(
		    qf, out->len, piece, sizeof(piece), &data)) > 0) {
		buf_add(out, data, n);
		if (!full && (header_len(out) > 0 || out->len > HEADER_MAX))
			break;
	}
	if (n == -1)
		return -1;
	if (!full)
		header_cut(out);
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_add_str(out, "\r\n");
	return 0;
}

/* ---- putting it together ---- */

static bool
needs_utf8(const struct dsn *dsn, const struct queuefile *qf)
{
	const struct envelope *env = dsn->envelope;

	if (qf->preamble.flags & CONTENT_UTF8 ||
	    !str_is_ascii(str_of(env->sender)))
		return true;
	for (size_t i = 0; i < dsn->recipients->n; i++)
		if (rcptset_has(dsn->recipients, i) &&
		    !str_is_ascii(str_of(env->recipients[i].address)))
			return true;
	return false;
}

static bool
is_8bit(const struct buf *bytes)
{
	return !str_is_ascii((struct str){bytes->data, bytes->len});
}

static bool
holds(const struct buf *bytes, const char *text)
{
	return bytes->len > 0 &&
	       memmem(bytes->data, bytes->len, text, strlen(text));
}

/* The report's id, and a number that makes it one that no part contains. */
static void
boundary_make(struct parts *parts, const char *own_id)
{
	unsigned n = 0;

	do {
		snprintf(parts->boundary, sizeof(parts->boundary), "%.80s.%u",
		    own_id, n++);
	} while (holds(&parts->text, parts->boundary) ||
		 holds(&parts->fields, parts->boundary) ||
		 holds(&parts->original, parts->boundary));
}

static void
header_add(const struct dsn *dsn, const struct parts *parts, struct buf *out)
{
	char date[CLOCK_DATE_SIZE];

	clock_date(dsn->now_s, date);
	buf_addf(out, "Date: %s\r\n", date);
	buf_addf(out, "From: Mail Delivery <%s>\r\n", dsn->postmaster);
	buf_add_str(out, "To: <");
	dsn_address_add(out, dsn->envelope->sender, parts->utf8);
	buf_add_str(out, ">\r\n");
	buf_addf(out, "Subject: %s\r\n", subjects[dsn->kind]);
	buf_addf(out, "Message-ID: <%s@%s>\r\n", dsn->own_id, dsn->hostname);
	buf_add_str(out, "Auto-Submitted: auto-replied\r\n");
	buf_add_str(out, "MIME-Version: 1.0\r\n");
	buf_addf(out,
	    "Content-Type: multipart/report; report-type=%s;\r\n"
	    "\tboundary=\"%s\"\r\n",
	    parts->utf8 ? "global-delivery-status" : "delivery-status",
	    parts->boundary);
	if (is_8bit(&parts->text) || is_8bit(&parts->fields) ||
	    is_8bit(&parts->original))
		buf_add_str(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_add_str(out, "\r\n");
}

static void
part_add(const struct parts *parts, const char *type, const char *description,
    const struct buf *bytes, struct buf *out)
{
	buf_addf(out, "--%s\r\n", parts->boundary);
	buf_addf(out, "Content-Type: %s\r\n", type);
	buf_addf(out, "Content-Description: %s\r\n", description);
	if (is_8bit(bytes))
		buf_add_str(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_add_str(out, "\r\n");
	buf_add(out, bytes->data, bytes->len);
	buf_add_str(out, "\r\n");
}

static void
parts_add(const struct parts *parts, struct buf *out)
{
	bool utf8 = parts->utf8;

	part_add(parts, utf8 ? "text/plain; charset=utf-8" : "text/plain",
	    "What happened", &parts->text, out);
	part_add(parts,
	    utf8 ? "message/global-delivery-status" : "message/delivery-status",
	    "The same for programs", &parts->fields, out);
	if (parts->full)
		part_add(parts, utf8 ? "message/global" : "message/rfc822",
		    "Your message", &parts->original, out);
	else
		part_add(parts,
		    utf8 ? "message/global-headers" : "text/rfc822-headers",
		    "The header of your message", &parts->original, out);
	buf_addf(out, "--%s--\r\n", parts->boundary);
}

/* What the preamble of the report's queue file will say. */
static unsigned
flags_of(const struct buf *content, bool utf8)
{
	struct str rest = {content->data, content->len}, line;
	unsigned flags = utf8 ? CONTENT_UTF8 : 0;

	if (is_8bit(content))
		flags |= CONTENT_8BIT;
	while (rest.len > 0) {
		line = str_cut(&rest, '\n');
		if (line.len > 998 + 1) /* and its CR */
			flags |= CONTENT_LONG;
		if (line.len > 0 && line.s[0] == '.')
			flags |= CONTENT_STUFFED;
	}
	return flags;
}

int
dsn_compose(const struct dsn *dsn, struct queuefile *qf, size_t full_max,
    struct buf *content, unsigned *flags_r)
{
	struct parts parts = {0};
	int result = -1;

	assert(dsn->envelope->sender[0] != '\0'); /* nobody to tell */
	parts.full = dsn->envelope->ret == RET_FULL &&
	             qf->preamble.content_len <= full_max;
	parts.utf8 = needs_utf8(dsn, qf);
	buf_clear(content);
	if (original_read(qf, parts.full, &parts.original) == -1)
		goto out;
	dsn_text_add(dsn, parts.utf8, parts.full, &parts.text);
	dsn_fields_add(dsn, parts.utf8, &parts.fields);
	boundary_make(&parts, dsn->own_id);
	header_add(dsn, &parts, content);
	parts_add(&parts, content);
	*flags_r = flags_of(content, parts.utf8);
	result = 0;
out:
	buf_free(&parts.text);
	buf_free(&parts.fields);
	buf_free(&parts.original);
	return result;
}
