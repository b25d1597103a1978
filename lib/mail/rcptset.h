/* SPDX-License-Identifier: ISC */
/*
 * A set of the recipients of one message, by their numbers in the envelope,
 * from 0; written as sorted ranges, "0-3,7".  Layer: mail.
 */
#ifndef MAIL_RCPTSET_H
#define MAIL_RCPTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct rcptset {
	uint8_t *bits;
	size_t n; /* numbers 0 to n-1 */
};

void rcptset_init(struct rcptset *set, size_t n, bool full);
void rcptset_free(struct rcptset *set);

/* has: false for a number out of range; add and remove assert the range. */
bool rcptset_has(const struct rcptset *set, size_t i);
void rcptset_add(struct rcptset *set, size_t i);
void rcptset_remove(struct rcptset *set, size_t i);
size_t rcptset_count(const struct rcptset *set);

/* Append the list; nothing for an empty set. */
void rcptset_format(const struct rcptset *set, struct buf *out);

/* Add the numbers of a list: 0, or -1 when it is empty, malformed, not sorted
 * or out of range (then the set is as it was). */
int rcptset_add_list(struct rcptset *set, struct str list);

/* The same walked without a set: is it a list of numbers below n? Then cut
 * off the next range; false at the end. */
bool rcptlist_check(struct str list, size_t n);
bool rcptlist_next(struct str *list, size_t *first_r, size_t *last_r);

#endif
