/* SPDX-License-Identifier: ISC */
#include "proc/outage.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"

/* A key may stand at one of a few places from the one that its hash says.  It
 * keeps it for ever: what never moves needs no lock. */
#define PLACES 4096
#define TRIES  16

static struct outage *outages; /* NULL: a process without a parent */

void
outage_share(void)
{
	outages = mem_share(PLACES * sizeof(*outages));
}

struct outage *
outage_find(uint64_t key, bool make)
{
	uint64_t hash = hash_bytes(&key, sizeof(key)), there;
	struct outage *o;

	assert(key != 0);
	if (outages == NULL)
		outage_share();
	for (unsigned i = 0; i < TRIES; i++) {
		o = &outages[(hash + i) % PLACES];
		there = atomic_load(&o->key);
		if (there == 0 && !make)
			return NULL;
		/* Another worker may be faster: what it put there shows. */
		if (there == 0 &&
		    atomic_compare_exchange_strong(&o->key, &there, key))
			return o;
		if (there == key)
			return o;
	}
	return NULL;
}

bool
outage_extend(struct outage *o, int64_t now_ms, int64_t until_ms, bool looked,
    const char *reason)
{
	int64_t seen = atomic_load(&o->until_ms);

	do {
		if (!looked && seen > now_ms)
			return false;
	} while (!atomic_compare_exchange_weak(&o->until_ms, &seen, until_ms));
	strlcpy(o->reason, reason, sizeof(o->reason));
	atomic_fetch_add(&o->failures, 1);
	return true;
}

void
outage_reason(const struct outage *o, char out[OUTAGE_REASON_SIZE])
{
	memcpy(out, o->reason, OUTAGE_REASON_SIZE);
	out[OUTAGE_REASON_SIZE - 1] = '\0';
}

bool
outage_claim(struct outage *o, int64_t now_ms)
{
	int64_t seen = atomic_load(&o->until_ms);

	return seen <= now_ms && atomic_compare_exchange_strong(&o->until_ms,
				     &seen, now_ms + OUTAGE_LEASE_MS);
}

void
outage_renew(struct outage *o, int64_t now_ms)
{
	atomic_store(&o->until_ms, now_ms + OUTAGE_LEASE_MS);
}

void
outage_release(struct outage *o, int64_t now_ms)
{
	atomic_store(&o->until_ms, now_ms);
}

void
outage_end(struct outage *o)
{
	atomic_store(&o->failures, 0);
	atomic_store(&o->until_ms, 0);
}
