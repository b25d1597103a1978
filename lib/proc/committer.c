/* SPDX-License-Identifier: ISC */
#include "proc/committer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
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
	struct requests done;    /* being told; else empty */
} committer;

/* ---- the helper's side ---- */

static void
carry_out(struct spool *sp, struct batch *b, struct answer *a)
{
	a->n = b->n;
	a->flushed = 0;
	if (b->n > 0)
		spool_commit(sp, b->commits, b->n);
	for (size_t i = 0; i < b->n; i++)
		a->status[i] = b->commits[i].status;
	if (b->flush && spool_flush(sp) == -1)
		a->flushed = errno != 0 ? errno : EIO;
}

static void
committer_main(int fd, void *arg)
{
	static struct batch b;
	static struct answer a;
	ssize_t len;

	while ((len = channel_receive(fd, &b, sizeof(b))) > 0) {
		if (b.n > BATCH_MAX || (size_t)len != BATCH_SIZE(b.n))
			fatalx("a batch of %zu is no message of %zd bytes", b.n,
			    len);
		carry_out(arg, &b, &a);
		log_flush();
		if (channel_reply(fd, &a, ANSWER_SIZE(a.n)) == -1)
			return;
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
send_batch(void *arg)
{
	static struct batch b;

	(void)arg;
	if (committer.sent.n > 0 || committer.waiting.n == 0)
		return;
	take_batch(&committer.waiting, &committer.sent);
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

/* The next batch goes first: the disk is not to wait for what the handlers
 * do. */
static void
on_answer(void *arg, const void *data, size_t len)
{
	const struct answer *a = data;
	struct requests *done = &committer.done, spare;
	size_t commits = 0;

	(void)arg;
	if (len < ANSWER_SIZE(0) || len != ANSWER_SIZE(a->n))
		fatalx("the committer speaks nonsense");
	spare = *done; /* empty: its memory is used again */
	*done = committer.sent;
	committer.sent = spare;
	send_batch(NULL);
	for (size_t i = 0; i < done->n; i++) {
		const struct request *r = &done->list[i];

		assert(r->flush || commits < a->n);
		r->on_done(
		    r->arg, r->flush ? a->flushed : a->status[commits++]);
	}
	done->n = 0;
}

void
committer_start(struct spool *sp)
{
	char title[32];

	snprintf(title, sizeof(title), "committer %u", parent_number());
	committer.channel =
	    channel_helper(title, committer_main, sp, on_answer, NULL);
	loop_on_turn(send_batch, NULL);
}

void
committer_commit(const struct draft *d, bool derived,
    void (*on_done)(void *arg, int status), void *arg)
{
	struct request *r = requests_add(&committer.waiting);

	*r = (struct request){.on_done = on_done, .arg = arg};
	memcpy(r->commit.id, d->id, sizeof(r->commit.id));
	r->commit.slot = d->slot;
	r->commit.derived = derived;
}

void
committer_flush(void (*on_done)(void *arg, int status), void *arg)
{
	struct request *r = requests_add(&committer.waiting);

	*r = (struct request){.flush = true, .on_done = on_done, .arg = arg};
}

unsigned
committer_busy(void)
{
	return committer.waiting.n + committer.sent.n + committer.done.n;
}
