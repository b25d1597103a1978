/* SPDX-License-Identifier: ISC */
/*
 * What must be in no text that we keep: a password, and what was said to prove
 * that we know it.  A host can repeat it in any later reply, by mistake or
 * not, and its replies are in logs, journals and reports.
 *
 * Found are the password, raw or within any base64, and whatever else was
 * said, also in another case, in pieces of eight letters and digits, or with
 * other characters between them.
 */
#ifndef SENDER_SECRET_H
#define SENDER_SECRET_H

#include <stdbool.h>

#include "base/str.h"

struct secret;

struct secret *secret_new(void);
/* Wiped; NULL is fine, stores NULL. */
void secret_free(struct secret **s);

/* What is secret as it is; a password also in base64. */
void secret_add(struct secret *s, struct str said);
void secret_add_password(struct secret *s, struct str password);

bool secret_shows(const struct secret *s, struct str text);

#endif
