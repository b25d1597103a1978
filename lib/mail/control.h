/* SPDX-License-Identifier: ISC */
/*
 * Orders of operators that cannot be carried out by a rename at once: files
 * control/<order>.<subject>, each holding who gave it and why.  They outlive a
 * restart.  Layer: mail.
 *
 * An entry in sending/ belongs to the sender that claimed it; hold, delete and
 * requeue of one are left here and obeyed after the attempt.  flush lifts a
 * destination's suspension; its subject is a tag, or "all".  pause stands until
 * it is lifted (mail/pause.h), and resume tells the sender that it was; their
 * subjects may be "profile=NAME" too.
 */
#ifndef MAIL_CONTROL_H
#define MAIL_CONTROL_H

#include "base/buf.h"
#include "mail/entry.h"
#include "mail/spool.h"

enum order {
	ORDER_HOLD,
	ORDER_DELETE,
	ORDER_REQUEUE,
	ORDER_FLUSH,
	ORDER_PAUSE,
	ORDER_RESUME,
};
#define ORDERS (ORDER_RESUME + 1)

#define SUBJECT_SIZE 80 /* NUL included */

/* "hold". */
const char *order_name(enum order order);

/* Leave an order; an earlier one of the same name is replaced.  0, or -1 with
 * the reason logged. */
int control_leave(struct spool *sp, enum order order, const char *subject,
    const char *who, const char *why);

/* What a file name in control/ orders: 0, or -1 when it is none. */
int control_parse(
    const char *name, enum order *order_r, char subject[SUBJECT_SIZE]);

/* Append who gave it and why, "WHO WHY".  0 or -1. */
int control_read(
    struct spool *sp, enum order order, const char *subject, struct buf *out);

/* Obeyed, or without an object: remove it.  0 or -1. */
int control_done(struct spool *sp, enum order order, const char *subject);

/* Call for each order there is: 0, or -1 and errno. */
int control_list(struct spool *sp,
    void (*on_order)(void *arg, enum order order, const char *subject),
    void *arg);

#endif
