/* SPDX-License-Identifier: ISC */
/*
 * The parent of a daemon: it binds, gives up its rights, forks workers and
 * restarts those that die, with growing back-off.  It holds no mail data.
 * Layer: proc.
 *
 * SIGTERM and SIGINT: workers finish what they have begun and end.  The parent
 * killed: workers see it and do the same, so no worker outlives its parent
 * for long.
 */
#ifndef PROC_PARENT_H
#define PROC_PARENT_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/map.h"
#include "mail/settings.h"
#include "mail/spool.h"

#define WORKERS_MAX SHARDS

/* What a worker is given.  It has forked already and owns all of it. */
struct worker {
	unsigned number; /* 0 to count-1: it tries shards number, +count, ... */
	unsigned count;
	struct spool *spool;
	struct map *map;
	struct settings settings;
	int *listeners; /* bound, listening, non-blocking; NULL: none */
};

struct room_main {
	enum room room;
	unsigned (*workers)(
	    const struct settings *set); /* how many; 0: cores */
	/* The worker: set up (loop_init was called), return, and the loop runs.
	 * on_stop asks it to finish and then loop_stop(). */
	void (*start)(struct worker *w);
	void (*stop)(void);
	/* A new map was put in place; w->map and w->settings are the new ones. */
	void (*remap)(struct worker *w);
};

/* The whole main() of a daemon: options, map, sockets, drop, fork, watch.
 * Returns its exit status. */
int parent_main(const struct room_main *room, int argc, char *argv[]);

/*
 * A message that kills its worker must not kill it for ever.  A worker notes
 * the id it is about to touch (NULL: none); the note is in memory shared with
 * the parent.  parent_suspects() says that the id was noted in two deaths by
 * SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE or SIGSYS: then hold it.
 */
void parent_note(const char *id);
bool parent_suspects(const char *id);

/* How many sessions all workers of this parent have together: a shared
 * counter.  Adds `change`, returns the new sum. */
int parent_sessions(int change);

#endif
