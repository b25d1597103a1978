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

#include "base/str.h"
#include "mail/map.h"
#include "mail/settings.h"
#include "mail/spool.h"

#define WORKERS_MAX SHARDS

/* What a worker is given.  It has forked already and owns all of it. */
struct worker {
	unsigned number; /* 0 to count-1: it tries shards number, +count, ... */
	unsigned count;
	struct spool *spool; /* its limits follow the settings */
	struct map *map;
	struct settings settings;
	/* Its own: bound, listening, non-blocking, with TCP_NODELAY; NULL: none.
	 * As many as there were when the daemon started, whatever settings say
	 * now. */
	int *listeners;
	size_t nlisteners;
};

struct room_main {
	enum room room;
	/* how many; 0: one per core */
	unsigned (*workers)(const struct settings *set);
	/* The worker: set up (loop_init was called), return, and the loop runs.
	 * `ready` is logged once all workers have returned from it. */
	void (*start)(struct worker *w);
	/* Finish and then loop_stop(); called once.  It is not waited for longer
	 * than PARENT_PATIENCE_S. */
	void (*stop)(void);
	/* A new map was put in place; w->map and w->settings are the new ones. */
	void (*remap)(struct worker *w);
};

#define PARENT_PATIENCE_S 30

/*
 * The whole main() of a daemon: options, map, sockets, drop, fork, watch.
 * Returns its exit status: 0 after SIGTERM or SIGINT; 1 when it could not
 * start or a worker had to be killed in the end.
 */
int parent_main(const struct room_main *room, int argc, char *argv[]);

/*
 * A message that kills its worker must not kill it for ever.  A worker notes
 * the id it is about to touch (NULL: none); the note is in memory shared with
 * the parent.  parent_suspects() says that the id was noted in two deaths by
 * SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE or SIGSYS: then hold it, and after
 * that parent_forget() it, so that it is tried again when it is released.
 */
void parent_note(const char *id);
bool parent_suspects(const char *id);
void parent_forget(const char *id);

/* This worker's number; 0 in a process without a parent. */
unsigned parent_number(void);

/* How many sessions all workers of this parent have together.  Adds `change` to
 * this worker's, returns the new sum; the dead have none. */
int parent_sessions(int change);

/* The same for one client, named by at most 16 bytes of its address; now
 * and then too many by chance, see parent_clients.c. */
unsigned parent_client_sessions(struct str client, int change);

/*
 * A connection that this worker has accepted: is it for another one, which has
 * others to work on together with it?  True: it was handed over, with the room's
 * `tag`, and closed here.  False: it is ours.
 */
bool parent_deal(int fd, unsigned tag);
/* This worker takes sessions from others.  on_session owns the descriptor. */
void parent_deal_open(
    void (*on_session)(void *arg, int fd, unsigned tag), void *arg);
/* No more of them; what was under way until now comes during the call. */
void parent_deal_close(void);

#endif
