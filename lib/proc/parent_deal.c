/* SPDX-License-Identifier: ISC */
/*
 * Which worker serves a connection.  The kernel deals them out evenly, which is
 * right for many; the messages of a few would find nobody to share a flush and
 * a turn of the loop with.  So a worker that has accepted one asks here whose it
 * is: the first worker's until it has a share of them, then the first two's, and
 * so on; and the emptiest one's, where the kernel's dealing has left them uneven.
 *
 * It goes there through an inbox, a pair of sockets that the parent keeps open:
 * what is under way to a worker that dies waits for the next one.  When the
 * inbox is full, whoever has accepted the connection serves it.
 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "proc/channel.h"
#include "proc/loop.h"
#include "proc/packet.h"
#include "proc/parent_private.h"

#define SHARE    16 /* sessions of a worker before there is work for the next */
#define SLACK    2  /* so many more than the emptiest one's are no reason */
#define PAUSE_MS 100

enum { TAKE, GIVE }; /* the ends of an inbox */

struct place {
	atomic_bool open; /* its worker takes sessions */
	/* Are in its inbox, about: the death of a worker makes it 0, whoever
	 * is handing one over meanwhile. */
	atomic_int coming;
};

static struct {
	struct place *places; /* shared; NULL: there is one worker */
	unsigned count;
	int inboxes[WORKERS_MAX][2];
	struct loop_watch *watch;
	struct loop_timer *pause; /* none are taken meanwhile */
	bool pause_logged;
	void (*on_session)(void *arg, int fd, unsigned tag);
	void *arg;
} deal;

void
parent_deal_share(unsigned count)
{
	if (count == 1)
		return;
	deal.count = count;
	deal.places = mem_share(WORKERS_MAX * sizeof(*deal.places));
	for (unsigned i = 0; i < count; i++)
		if (socketpair(AF_UNIX,
			SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			deal.inboxes[i]) == -1)
			fatal("make the workers' inboxes");
}

void
parent_deal_become(unsigned number)
{
	for (unsigned i = 0; i < deal.count; i++) {
		if (i != number)
			fd_close(&deal.inboxes[i][TAKE]);
		else
			channel_keep_from_helpers(deal.inboxes[i][TAKE]);
		channel_keep_from_helpers(deal.inboxes[i][GIVE]);
	}
}

void
parent_deal_end(unsigned number)
{
	if (deal.places == NULL)
		return;
	atomic_store(&deal.places[number].open, false);
	atomic_store(&deal.places[number].coming, 0);
}

/* ---- giving ---- */

static unsigned
load_of(unsigned number)
{
	int coming = atomic_load(&deal.places[number].coming);

	return parent_sessions_of(number) + (coming > 0 ? (unsigned)coming : 0);
}

/* Two workers that ask at the same moment may choose the same one; the next
 * choice makes up for it. */
static unsigned
choose(void)
{
	unsigned total = 0, least = UINT_MAX, emptiest = parent_number(), take;
	bool mine = false;

	for (unsigned i = 0; i < deal.count; i++)
		if (atomic_load(&deal.places[i].open))
			total += load_of(i);
	take = total / SHARE + 1;
	for (unsigned i = 0; i < deal.count && take > 0; i++) {
		unsigned load = load_of(i);

		if (!atomic_load(&deal.places[i].open))
			continue;
		take--;
		mine = mine || i == parent_number();
		if (load < least) {
			least = load;
			emptiest = i;
		}
	}
	return mine && load_of(parent_number()) <= least + SLACK
	           ? parent_number()
	           : emptiest;
}

bool
parent_deal(int fd, unsigned tag)
{
	unsigned to;

	if (deal.places == NULL || (to = choose()) == parent_number())
		return false;
	atomic_fetch_add(&deal.places[to].coming, 1);
	if (packet_send(deal.inboxes[to][GIVE], &tag, sizeof(tag), fd) == 0) {
		fd_close(&fd);
		return true;
	}
	atomic_fetch_sub(&deal.places[to].coming, 1);
	if (!packet_full(errno))
		log_warn("hand a connection to worker %u", to);
	return false;
}

/* ---- taking ---- */

static bool
take_one(void)
{
	atomic_int *coming = &deal.places[parent_number()].coming;
	unsigned tag;
	int fd;

	if (packet_receive(deal.inboxes[parent_number()][TAKE], &tag,
		sizeof(tag), &fd) != sizeof(tag))
		return false;
	if (atomic_load(coming) > 0)
		atomic_fetch_sub(coming, 1);
	if (fd != -1)
		deal.on_session(deal.arg, fd, tag);
	else
		log_warnx("a connection is lost: no descriptor was left");
	return true;
}

static void
on_inbox(void *arg, bool readable, bool writable)
{
	(void)arg;
	(void)writable;
	if (!readable)
		return;
	if (take_one()) {
		deal.pause_logged = false;
		return;
	}
	if (errno == EAGAIN)
		return;
	if (!deal.pause_logged)
		log_warn("take a connection: pausing for %d ms, and again as "
			 "needed",
		    PAUSE_MS);
	deal.pause_logged = true;
	loop_watch_want(deal.watch, false, false);
	loop_timer_set(deal.pause, PAUSE_MS);
}

/* They have waited in the inbox. */
static void
on_pause_over(void *arg)
{
	(void)arg;
	loop_watch_want(deal.watch, true, false);
}

void
parent_deal_open(void (*on_session)(void *arg, int fd, unsigned tag), void *arg)
{
	if (deal.places == NULL)
		return;
	deal.on_session = on_session;
	deal.arg = arg;
	deal.watch =
	    loop_watch_new(deal.inboxes[parent_number()][TAKE], on_inbox, NULL);
	loop_watch_want(deal.watch, true, false);
	deal.pause = loop_timer_new(on_pause_over, NULL);
	atomic_store(&deal.places[parent_number()].open, true);
}

void
parent_deal_close(void)
{
	if (deal.watch == NULL)
		return;
	atomic_store(&deal.places[parent_number()].open, false);
	while (take_one())
		;
	loop_timer_free(&deal.pause);
	loop_watch_free(&deal.watch);
}
