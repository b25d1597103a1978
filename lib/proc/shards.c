/* SPDX-License-Identifier: ISC */
#include "proc/shards.h"

#include "base/log.h"
#include "proc/loop.h"

#define AGAIN_MIN_MS 50
#define AGAIN_MAX_MS 1000

static struct {
	struct worker *w;
	void (*on_taken)(void *arg, unsigned shard);
	void *arg;
	struct loop_timer *again;
	int64_t again_ms;
	bool mine[SHARDS];
} shards;

/* Returns how many are still held by others. */
static unsigned
take_free(void)
{
	unsigned others = 0;

	for (unsigned s = shards.w->number; s < SHARDS; s += shards.w->count) {
		if (shards.mine[s])
			continue;
		if (!spool_shard_take(shards.w->spool, s)) {
			others++;
			continue;
		}
		shards.mine[s] = true;
		shards.on_taken(shards.arg, s);
	}
	return others;
}

static void
try(void *arg)
{
	unsigned others = take_free();

	(void)arg;
	if (others == 0)
		return;
	if (shards.again_ms == 0)
		log_info(
		    "%u shards are held by another process: waiting", others);
	shards.again_ms =
	    shards.again_ms == 0 ? AGAIN_MIN_MS : shards.again_ms * 2;
	if (shards.again_ms > AGAIN_MAX_MS)
		shards.again_ms = AGAIN_MAX_MS;
	loop_timer_set(shards.again, shards.again_ms);
}

void
shards_start(
    struct worker *w, void (*on_taken)(void *arg, unsigned shard), void *arg)
{
	shards.w = w;
	shards.on_taken = on_taken;
	shards.arg = arg;
	shards.again = loop_timer_new(try, NULL);
	try(NULL);
}

void
shards_stop(void)
{
	if (shards.again != NULL)
		loop_timer_stop(shards.again);
}

bool
shards_mine(unsigned shard)
{
	return shards.mine[shard];
}
