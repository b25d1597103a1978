/* SPDX-License-Identifier: ISC */
#include "maildir_order.h"

#include <string.h>

static void
add_field(struct buf *out, const char *text)
{
	buf_add(out, text, strlen(text) + 1);
}

static void
add_number(struct buf *out, unsigned long value)
{
	buf_addf(out, "%lu", value);
	buf_add_char(out, '\0');
}

void
maildir_order_format(const struct maildir_order *o, struct buf *out)
{
	add_number(out, o->number);
	add_field(out, o->id);
	add_number(out, o->recipient);
	add_field(out, o->path);
	add_field(out, o->sender);
	add_field(out, o->address);
}

void
maildir_report_format(const struct maildir_report *r, struct buf *out)
{
	add_number(out, r->number);
	add_number(out, r->status);
	add_field(out, r->text);
}

/* Each returns 0, or -1 when the field is missing or not of its kind. */
static int
cut_field(struct str *rest, const char **field_r)
{
	if (memchr(rest->s, '\0', rest->len) == NULL)
		return -1;
	*field_r = str_cut(rest, '\0').s;
	return 0;
}

static int
cut_number(struct str *rest, uint64_t max, uint64_t *value_r)
{
	return str_number(str_cut(rest, '\0'), max, value_r);
}

int
maildir_order_parse(struct str message, struct maildir_order *o)
{
	uint64_t number, recipient;
	const char *id;

	if (cut_number(&message, UINT32_MAX, &number) == -1 ||
	    cut_field(&message, &id) == -1 ||
	    cut_number(&message, UINT32_MAX, &recipient) == -1 ||
	    cut_field(&message, &o->path) == -1 ||
	    cut_field(&message, &o->sender) == -1 ||
	    cut_field(&message, &o->address) == -1 || message.len > 0)
		return -1;
	if (!id_check(id) || str_copy(o->id, sizeof(o->id), str_of(id)) == -1)
		return -1;
	o->number = (uint32_t)number;
	o->recipient = (unsigned)recipient;
	return 0;
}

int
maildir_report_parse(struct str message, struct maildir_report *r)
{
	uint64_t number, status;

	if (cut_number(&message, UINT32_MAX, &number) == -1 ||
	    cut_number(&message, MAILDIR_DAMAGED, &status) == -1 ||
	    cut_field(&message, &r->text) == -1 || message.len > 0)
		return -1;
	r->number = (uint32_t)number;
	r->status = (enum maildir_status)status;
	return 0;
}
