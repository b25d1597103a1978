/* SPDX-License-Identifier: ISC */
/*
 * What a worker asks of its maildir helper and what it is told: fields that
 * each end with a NUL.  The queue file travels beside an order as a
 * descriptor.
 */
#ifndef SENDER_MAILDIR_ORDER_H
#define SENDER_MAILDIR_ORDER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/entry.h"
#include "maildir.h"

struct maildir_order {
	uint32_t number; /* of the order, for its report */
	char id[ID_LEN + 1];
	unsigned recipient; /* its number in the envelope */
	const char *path;
	const char *sender;
	const char *address;
};

struct maildir_report {
	uint32_t number;
	enum maildir_status status;
	const char *text;
};

void maildir_order_format(const struct maildir_order *o, struct buf *out);
void maildir_report_format(const struct maildir_report *r, struct buf *out);

/* 0, or -1 when it is no such message.  Strings point into it. */
int maildir_order_parse(struct str message, struct maildir_order *o_r);
int maildir_report_parse(struct str message, struct maildir_report *r_r);

#endif
