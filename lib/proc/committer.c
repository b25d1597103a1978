/* SPDX-License-Identifier: ISC */
#include "proc/committer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "proc/channel.h"
#include "proc/loop.h"
#include "proc/parent.h"

#define BATCH_MAX 1024

/* What the worker sends: commits, then a flush if anybody asked for one. */
struct batch {
	size_t n;
	bool flush;
	struct commit commits[BATCH_MAX];
};

/* What comes back. */
struct answer {
	/* No answer yet: send the next batch, its flush will finish this one */
	bool next;
	size_t n;
	int flushed; /* 0 or an errno */
	int status[BATCH_MAX];
};

#define BATCH_SIZE(n) \
	(offsetof(struct batch, commits[0]) + (n) * sizeof(struct commit))
#define ANSWER_SIZE(n) (offsetof(struct answer, status[0]) + (n) * sizeof(int))

_Static_assert(sizeof(struct batch) <= CHANNEL_MAX, "a batch is one message");

struct request {
	struct commit commit;
	int fd;     /* of the draft, or -1: while it is open the kernel does
	             * not forget that it could not write it */
	bool flush; /* no commit, but a flush */
	void (*on_done)(void *arg, int status);
	void *arg;
};

struct requests {
	struct request *list;
	size_t n, room;
};

static struct {
	struct channel *channel;
	struct requests waiting; /* gathers while the helper works */
	struct requests sent;    /* what the helper works on */
	struct requests open;    /* sent before it, not yet answered */
	struct requests done;    /* being told; else empty */
	size_t company;          /* so many are worth a flush */
	int64_t patience_ms;     /* for fewer */
	struct loop_timer *late; /* runs while a batch waits for company */
	bool waits;
	bool planned; /* the turn's end will see what waits */
	/* How many wait: a page that the helper sees too. */
	volatile size_t *nwaiting;
} committer;

/* ---- the helper's side ---- */

static void
answer(int fd, const struct batch *b, int flushed)
{
	static struct answer a;

	a.next = false;
	a.n = b->n;
	a.flushed = flushed;
	for (size_t i = 0; i < b->n; i++)
		a.status[i] = b->commits[i].status;
	if (channel_reply(fd, &a, ANSWER_SIZE(a.n)) == -1)
		exit(0); /* the worker is gone */
}

static void
ask_next(int fd)
{
	static const struct answer next = {.next = true};

	if (channel_reply(fd, &next, ANSWER_SIZE(0)) == -1)
		exit(0);
}

/*
 * A batch is data, names, directories.  While so much is waiting that the next
 * batch's data will be flushed with the whole file system, that flush serves as
 * this one's flush of directories: a busy committer flushes once a batch, not
 * twice.
 */
static void
committer_main(int fd, void *arg)
{
	static struct batch batches[2];
	struct batch *b = &batches[0], *open = NULL;
	struct spool *sp = arg;
	int flushed = 0, open_flushed = 0;
	ssize_t len;

	spool_flush_alone(sp);
	while ((len = channel_receive(fd, b, sizeof(*b))) > 0) {
		if (b->n > BATCH_MAX || (size_t)len != BATCH_SIZE(b->n))
			fatalx("a batch of %zu is no message of %zd bytes",
			    b->n, len);
		flushed = spool_commit_data(sp, b->commits, b->n,
			      open != NULL || b->flush) == -1
		              ? errno
		              : 0;
		if (open != NULL) {
			spool_commit_settle(
			    sp, open->commits, open->n, flushed == 0);
			answer(fd, open, open_flushed);
			open = NULL;
		}
		spool_commit_names(sp, b->commits, b->n);
		if (*committer.nwaiting >= sp->syncfs_at && !spool_failed(sp)) {
			ask_next(fd);
			open = b;
			open_flushed = flushed;
			b = b == &batches[0] ? &batches[1] : &batches[0];
		} else {
			spool_commit_settle(sp, b->commits, b->n, false);
			answer(fd, b, flushed);
		}
		log_flush();
	}
}

/* ---- the worker's side ---- */

static struct request *
requests_add(struct requests *r)
{
	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		r->list = mem_resize(r->list, r->room, sizeof(*r->list));
	}
	return &r->list[r->n++];
}

/* Move the first of them over, at most BATCH_MAX, to an empty list. */
static void
take_batch(struct requests *from, struct requests *to)
{
	struct requests empty = *to;

	if (from->n <= BATCH_MAX) {
		*to = *from;
		*from = empty;
		return;
	}
	for (size_t i = 0; i < BATCH_MAX; i++)
		*requests_add(to) = from->list[i];
	from->n -= BATCH_MAX;
	memmove(
	    from->list, from->list + BATCH_MAX, from->n * sizeof(*from->list));
}

static void
send_batch(void)
{
	static struct batch b;

	loop_timer_stop(committer.late);
	committer.waits = false;
	take_batch(&committer.waiting, &committer.sent);
	*committer.nwaiting = committer.waiting.n;
	b.n = 0;
	b.flush = false;
	for (size_t i = 0; i < committer.sent.n; i++) {
		if (committer.sent.list[i].flush)
			b.flush = true;
		else
			b.commits[b.n++] = committer.sent.list[i].commit;
	}
	channel_send(committer.channel, &b, BATCH_SIZE(b.n));
}

static bool
idle(void)
{
	return committer.sent.n == 0 && committer.waiting.n > 0;
}

static void
on_late(void *arg)
{
	(void)arg;
	if (idle())
		send_batch();
}

static void
send_when_worth_it(void *arg)
{
	(void)arg;
	committer.planned = false;
	if (!idle())
		return;
	if (committer.waiting.n >= committer.company) {
		send_batch();
	} else if (!committer.waits) {
		committer.waits = true;
		loop_timer_set(committer.late, committer.patience_ms);
	}
}

/* The first of a turn sees to it that all who come in it are sent at its end;
 * one that comes at the end itself is sent with another turn that waits for
 * nothing. */
static struct request *
request_new(void)
{
	if (!committer.planned)
		loop_soon(send_when_worth_it, NULL);
	committer.planned = true;
	*committer.nwaiting = committer.waiting.n + 1;
	return requests_add(&committer.waiting);
}

/* Swap an empty list for a full one; each keeps its memory. */
static void
move_requests(struct requests *from, struct requests *to)
{
	struct requests empty = *to;

	assert(to->n == 0);
	*to = *from;
	*from = empty;
}

static void
tell_done(const struct answer *a)
{
	struct requests *done = &committer.done;
	size_t commits = 0;

	for (size_t i = 0; i < done->n; i++) {
		struct request *r = &done->list[i];

		assert(r->flush || commits < a->n);
		fd_close(&r->fd);
		r->on_done(
		    r->arg, r->flush ? a->flushed : a->status[commits++]);
	}
	done->n = 0;
}

/* The next batch goes first: the disk is not to wait for what the handlers
 * do. */
static void
on_answer(void *arg, const void *data, size_t len)
{
	const struct answer *a = data;

	(void)arg;
	if (len < ANSWER_SIZE(0) || len != ANSWER_SIZE(a->n))
		fatalx("the committer speaks nonsense");
	if (a->next) {
		move_requests(&committer.sent, &committer.open);
		send_when_worth_it(NULL);
		return;
	}
	move_requests(committer.open.n > 0 ? &committer.open : &committer.sent,
	    &committer.done);
	send_when_worth_it(NULL);
	tell_done(a);
}

void
committer_start(struct spool *sp)
{
	char title[32];

	committer.nwaiting = mem_share(sizeof(*committer.nwaiting));
	committer.late = loop_timer_new(on_late, NULL);
	snprintf(title, sizeof(title), "committer %u", parent_number());
	committer.channel =
	    channel_helper(title, committer_main, sp, on_answer, NULL);
}

void
committer_commit(struct draft *d, bool derived,
    void (*on_done)(void *arg, int status), void *arg)
{
	struct request *r = request_new();

	*r = (struct request){.fd = d->fd, .on_done = on_done, .arg = arg};
	d->fd = -1;
	memcpy(r->commit.id, d->id, sizeof(r->commit.id));
	r->commit.slot = d->slot;
	r->commit.derived = derived;
}

void
committer_flush(void (*on_done)(void *arg, int status), void *arg)
{
	struct request *r = request_new();

	*r = (struct request){
	    .fd = -1, .flush = true, .on_done = on_done, .arg = arg};
}

void
committer_company(size_t n, int64_t patience_ms)
{
	committer.company = n;
	committer.patience_ms = patience_ms;
}

unsigned
committer_busy(void)
{
	return committer.waiting.n + committer.sent.n + committer.open.n +
	       committer.done.n;
}
