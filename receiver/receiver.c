/* SPDX-License-Identifier: ISC */
/*
 * ROOM      receiver: takes mail from the network into the spool.
 * RUNS AS   stage-recv, confined by proc/confine.
 * MAY       accept on sockets bound before the drop; create in its slots of
 *           tmp/; rename from there into incoming/; read the map.
 * MAY NOT   read processed/ and beyond, open outgoing connections.
 * TRUSTS    the map; no byte from a client.
 * IF IT     dies, clients without a 250 send again; nothing else is touched.
 *
 * Path of a message:  listen.c -> session.c -> dialogue.c -> content.c and
 * data.c -> commit.c -> lib/proc/committer.c -> lib/mail/spool_commit.c ->
 * [engine]
 *
 * SECURITY  Whoever may relay is decided by the client's address alone and
 *           only at RCPT (dialogue.c).  Only CR LF . CR LF ends a message, and
 *           nothing is taken from a client after a false end (data.c,
 *           content.c): no message can be smuggled in or through.  What a
 *           client says is checked when it comes, so that it can forge no line
 *           of an envelope, of the log or of our Received: field (command.c).
 *           Lines, recipients, sizes, errors, sessions, unread replies and the
 *           time for each command and each KiB are bounded (session.c).
 */
#include "receiver.h"

#include "base/log.h"
#include "proc/committer.h"
#include "proc/loop.h"
#include "proc/shards.h"

/* For content that is under way at a stop; the parent waits a little longer. */
#define GRACE_MS ((PARENT_PATIENCE_S - 5) * 1000)

struct receiver receiver;

/* So many drafts in a row go to one slot: a batch flushes few directories. */
#define SLOT_RUN 256

static struct loop_timer *grace;
static unsigned slots[SHARDS]; /* the shards that we hold */
static size_t nslots;

/* Until the first one is free, connections wait in the kernel's queue. */
static void
on_shard(void *arg, unsigned shard)
{
	(void)arg;
	spool_clean_slot(receiver.worker->spool, shard);
	slots[nslots++] = shard;
	if (nslots == 1 && !receiver.stopping)
		listen_start();
}

/*
 * All slots in turn: the work is dealt to all workers of the engine, however
 * few there are of ours, and new files are spread over the disk, where ext4
 * puts the files of a directory together.
 */
unsigned
receiver_slot(void)
{
	static size_t drafts;

	return slots[drafts++ / SLOT_RUN % nslots];
}

static void
start(struct worker *w)
{
	receiver.worker = w;
	LIST_INIT(&receiver.sessions);
	committer_start(w->spool);
	shards_start(w, on_shard, NULL);
}

void
receiver_session_gone(void)
{
	if (receiver.stopping && LIST_EMPTY(&receiver.sessions))
		loop_stop();
}

static void
on_grace_over(void *arg)
{
	(void)arg;
	session_stop_all(true);
}

static void
stop(void)
{
	receiver.stopping = true;
	listen_stop();
	session_stop_all(false);
	if (LIST_EMPTY(&receiver.sessions)) {
		loop_stop();
		return;
	}
	grace = loop_timer_new(on_grace_over, NULL);
	loop_timer_set(grace, GRACE_MS);
}

static void
remap(struct worker *w)
{
	log_debug("map generation=%llu in use",
	    (unsigned long long)map_generation(w->map));
}

static unsigned
workers(const struct settings *set)
{
	return set->receiver_workers;
}

int
main(int argc, char *argv[])
{
	static const struct room_main room = {
	    .room = ROOM_RECEIVER,
	    .workers = workers,
	    .start = start,
	    .stop = stop,
	    .remap = remap,
	};

	return parent_main(&room, argc, argv);
}
