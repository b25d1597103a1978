/* SPDX-License-Identifier: ISC */
/*
 * The shards of a worker: number, number + count, ... of its room, each taken
 * with its lock (spool_shard_take).  One that another process still holds, a
 * worker that is draining, is tried again until it is free.  Layer: proc.
 */
#ifndef PROC_SHARDS_H
#define PROC_SHARDS_H

#include <stdbool.h>

#include "proc/parent.h"

/* on_taken is called once for each shard, from here or later from the loop: the
 * place to recover it and to watch its directories. */
void shards_start(
    struct worker *w, void (*on_taken)(void *arg, unsigned shard), void *arg);

/* Take no more: the worker is finishing. */
void shards_stop(void);

bool shards_mine(unsigned shard);

#endif
