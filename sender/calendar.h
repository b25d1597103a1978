/* SPDX-License-Identifier: ISC */
/*
 * The calendar: wakes deferred entries when they are due.
 *
 * deferred/<s>/ is kept in buckets of about an hour.  Of those in the future
 * only the numbers are known; the current one and those in the past are read,
 * and of these the earliest CALENDAR_MAX entries are kept in memory, the rest
 * being read again when they have gone.  So neither start-up nor memory grows
 * with the deferred queue.
 */
#ifndef SENDER_CALENDAR_H
#define SENDER_CALENDAR_H

#include <stddef.h>
#include <stdint.h>

#include "mail/entry.h"

#define CALENDAR_MAX 20000 /* entries in memory */

/*
 * The wall clock may be wrong, and be set right.  An entry that is due later
 * than the longest retry delay of all profiles from now, and this much, was
 * deferred by a clock that was ahead: it is due now.
 */
#define CALENDAR_SLACK_S 3600

/* Once a worker. */
void calendar_start(void);

/* A new map, with other profiles. */
void calendar_remap(void);

/* This worker holds the shard now. */
void calendar_shard(unsigned shard);

/* We have deferred the entry. */
void calendar_deferred(const struct entry *e);

/* Entries in memory. */
size_t calendar_count(void);

#endif
