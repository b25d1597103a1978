/* SPDX-License-Identifier: ISC */
/*
 * Recipients that came later: the envelope is written once, so those that an
 * alias or a rewriting puts in the place of one are journalled, in an
 * `expanded` record.  They are numbered on from those of the envelope, in the
 * order of the records; each says the number of its first, so that the loss of
 * one before it shows.  Layer: mail.
 */
#ifndef MAIL_EXPANSION_H
#define MAIL_EXPANSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "mail/envelope.h"
#include "mail/journal.h"

struct expansion {
	struct record rec;
	size_t parent;        /* the recipient that they replace */
	size_t first, count;  /* their numbers */
	struct str addresses; /* a blank between them */
};

/*
 * The next one in the journal; `next` is the number of its first recipient and
 * is moved on.  False at the end.
 */
bool expansion_next(struct str *journal, struct buf *store, size_t *next,
    struct expansion *e_r);

/* How many recipients all of them add. */
size_t expansion_total(struct str journal);

/*
 * Append them to the recipients of an envelope, which has those it was written
 * with.  What the sender said of the replaced one holds for them, and it is
 * their original recipient unless another was said.  Strings are kept in
 * *kept_r, an array of *nkept_r, for the caller to free.  0, or -1: damaged.
 */
int expansion_apply(
    struct str journal, struct envelope *env, char ***kept_r, size_t *nkept_r);

#endif
