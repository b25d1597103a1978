/* SPDX-License-Identifier: ISC */
/*
 * An outage: a time during which all workers of a daemon leave something alone
 * because it cannot be reached, and the right of one of them to look first
 * whether it is over.  In memory that they share, without a lock.  Layer: proc.
 *
 * Times are of the steady clock, in milliseconds.  The right to look ends by
 * itself after OUTAGE_LEASE_MS, so that a worker may die with it; who has it
 * renews it.
 */
#ifndef PROC_OUTAGE_H
#define PROC_OUTAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define OUTAGE_LEASE_MS    10000
#define OUTAGE_REASON_SIZE 128

/* All zero: there is none. */
struct outage {
	_Atomic uint64_t key; /* whose; 0: nobody's */
	_Atomic int64_t until_ms;
	atomic_uint failures; /* in a row */
	/* Of the latest failure; read it by outage_reason(). */
	char reason[OUTAGE_REASON_SIZE];
};

/* The parent, before its first fork. */
void outage_share(void);

/* That of a key, which is not 0; with `make` it is made when there is none.
 * NULL: none, or no room for one more (there is for thousands). */
struct outage *outage_find(uint64_t key, bool make);

/*
 * It failed (again): until `until_ms`.  False, and nothing has changed, when
 * another worker has said so before and that time is not over; `looked` means
 * that it was us who had the right to look.
 */
bool outage_extend(struct outage *o, int64_t now_ms, int64_t until_ms,
    bool looked, const char *reason);

/* Why, for people: where two workers write at once it may be of both. */
void outage_reason(const struct outage *o, char out[OUTAGE_REASON_SIZE]);

/* May we look? True for one worker only, once the time is over. */
bool outage_claim(struct outage *o, int64_t now_ms);
void outage_renew(struct outage *o, int64_t now_ms);

/* We had the right to look and did not. */
void outage_release(struct outage *o, int64_t now_ms);

/* It is over. */
void outage_end(struct outage *o);

#endif
