/* SPDX-License-Identifier: ISC */
/*
 * Pauses: what is not to be sent for now, by order of an operator.  Each is a
 * file control/pause.<subject>, which outlives a restart.  Layer: mail.
 *
 * The subject is the tag of a destination, "profile=NAME", or "all".  An entry
 * is paused as long as one of those that are about it stands.
 */
#ifndef MAIL_PAUSE_H
#define MAIL_PAUSE_H

#include <stddef.h>
#include <stdint.h>

#include "mail/control.h"

#define PAUSE_ALL     "all"
#define PAUSE_PROFILE "profile="

struct pause {
	char subject[SUBJECT_SIZE];
	int64_t since_s;
	int64_t until_s; /* 0: until it is lifted */
	char *who;
	char *name; /* what the operator called it: "partner.example" */
	char *why;  /* may be "" */
};

struct pauses {
	struct pause *list;
	size_t n;
};

/* Leave it in control/, in place of one with the same subject: 0, or -1 with
 * the reason logged. */
int pause_leave(struct spool *sp, const struct pause *p);

/* Lift it, and tell the sender: 0; -1 and ENOENT when there is none. */
int pause_lift(
    struct spool *sp, const char *subject, const char *who, const char *why);

/* Read all there are, those too whose time is over; what *p held is freed.  0,
 * or -1 with the reason logged and *p empty. */
int pauses_read(struct spool *sp, struct pauses *p);
void pauses_free(struct pauses *p);

/* The pause that holds up the destination: NULL when there is none.  The
 * profile may be NULL, not known. */
const struct pause *pauses_find(const struct pauses *p, const char *tag,
    const char *profile, int64_t now_s);

#endif
