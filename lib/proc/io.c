/* SPDX-License-Identifier: ISC */
#include "proc/io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "proc/dial.h"
#include "proc/loop.h"

#define READ_SIZE 65536 /* bytes taken from one stream a turn */

struct io {
	int fd;
	int error;
	struct loop_watch *watch;
	struct loop_timer *timer; /* made when first needed */
	unsigned timeout_ms;
	io_fn *on_event;
	void *arg;
	struct buf in;
	struct buf out;
	size_t sent; /* of out */
	size_t low;
	struct io_layer *layer; /* NULL: in clear */
	bool connecting, shaking, paused, eof, dead;
	bool shaken;   /* at once; IO_SECURED is told in the next turn */
	bool full;     /* the peer takes no more: wait until it does */
	bool draining; /* IO_DRAINED is asked for */
	bool dirty;    /* in a list of streams to be looked at before sleep */
	LIST_ENTRY(io) link;
};

LIST_HEAD(io_list, io);
static struct io_list dirty_ios = LIST_HEAD_INITIALIZER(dirty_ios);
static unsigned long events_told;

/* The only two places where bytes pass. */
static ssize_t
transport_read(struct io *io, void *data, size_t size)
{
	if (io->layer != NULL)
		return io->layer->calls->read(io->layer, data, size);
	return recv(io->fd, data, size, 0);
}

static ssize_t
transport_write(struct io *io, const void *data, size_t len)
{
	if (io->layer != NULL)
		return io->layer->calls->write(io->layer, data, len);
	return send(io->fd, data, len, MSG_NOSIGNAL);
}

/* Whose handler is running; NULL once that has closed it. */
static struct io *told;

/* True when the io still exists afterwards. */
static bool
tell(struct io *io, enum io_event what)
{
	assert(told == NULL); /* no call of ours tells at once */
	events_told++;
	told = io;
	io->on_event(io, what, io->arg);
	if (told == NULL)
		return false;
	told = NULL;
	if (io->in.len == 0)
		buf_free(&io->in);
	return true;
}

static void
want(struct io *io)
{
	bool write_first = io->layer != NULL && io->layer->wants_write;

	if (io->dead || io->error != 0)
		loop_watch_want(io->watch, false, false);
	else if (io->connecting)
		loop_watch_want(io->watch, false, true);
	else if (io->shaking)
		loop_watch_want(io->watch, !write_first, write_first);
	else
		loop_watch_want(io->watch, !io->paused && !io->eof,
		    io->full || write_first);
}

static void
mark_dirty(struct io *io)
{
	if (io->dirty || io->connecting || io->shaking || io->dead)
		return;
	io->dirty = true;
	LIST_INSERT_HEAD(&dirty_ios, io, link);
}

static void
mark_clean(struct io *io)
{
	if (!io->dirty)
		return;
	io->dirty = false;
	LIST_REMOVE(io, link);
}

static void
moved(struct io *io)
{
	if (io->timeout_ms != 0)
		loop_timer_set(io->timer, io->timeout_ms);
}

static bool
die(struct io *io, int error)
{
	io->error = error;
	io->dead = true;
	mark_clean(io);
	if (io->timer != NULL)
		loop_timer_stop(io->timer);
	want(io);
	return tell(io, IO_ERROR);
}

/* 1: bytes came; 0: none now, or the end; -1 and errno.  Nothing is told. */
static int
take(struct io *io)
{
	static char scratch[READ_SIZE];
	ssize_t n = transport_read(io, scratch, sizeof(scratch));

	if (io->layer != NULL)
		want(io); /* it may have changed its mind */
	if (n > 0) {
		buf_add(&io->in, scratch, n);
		moved(io);
		return 1;
	}
	if (n == 0)
		io->eof = true;
	else if (errno != EAGAIN && errno != EINTR)
		return -1;
	return 0;
}

/* The peer may have said why before it closed: that is told first. */
static bool
die_writing(struct io *io, int error)
{
	if (!io->eof && take(io) == 1 && !io->paused && !tell(io, IO_DATA))
		return false;
	return io->dead || die(io, error);
}

static void
receive(struct io *io)
{
	switch (take(io)) {
	case 1:
		tell(io, IO_DATA);
		break;
	case 0:
		if (!io->eof)
			break;
		want(io);
		tell(io, IO_EOF);
		break;
	default:
		die(io, errno);
	}
}

/* Send what can be sent: 0, or -1 and errno when the stream is broken. */
static int
push(struct io *io)
{
	ssize_t n;

	io->full = false;
	if (io->sent == io->out.len)
		return 0;
	n = transport_write(
	    io, io->out.data + io->sent, io->out.len - io->sent);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		return -1;
	if (n > 0) {
		io->sent += n;
		moved(io);
	}
	if (io->sent == io->out.len) {
		buf_free(&io->out);
		io->sent = 0;
	} else {
		io->full = true;
	}
	return 0;
}

/* Once most of a long buffer has left, the rest moves to its front. */
static void
compact(struct io *io)
{
	if (io->sent > io->out.len / 2) {
		buf_drop(&io->out, io->sent);
		io->sent = 0;
	}
}

/* True when the io still exists afterwards. */
static bool
flush(struct io *io)
{
	mark_clean(io);
	if (push(io) == -1)
		return die_writing(io, errno);
	compact(io);
	want(io);
	if (io->in.len == 0)
		buf_free(&io->in);
	if (!io->draining || io_unsent(io) > io->low)
		return true;
	io->draining = false;
	return tell(io, IO_DRAINED);
}

/* A handler that writes again waits for the next turn, so that one stream of
 * many bytes cannot keep the others waiting. */
static bool
flush_all(void)
{
	struct io_list now = LIST_HEAD_INITIALIZER(now);
	unsigned long before = events_told;

	LIST_SWAP(&now, &dirty_ios, io, link);
	while (!LIST_EMPTY(&now))
		flush(LIST_FIRST(&now));
	return events_told != before || !LIST_EMPTY(&dirty_ios);
}

/* ---- connecting ---- */

static void
connected(struct io *io)
{
	socklen_t size = sizeof(io->error);

	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &io->error, &size) == -1)
		io->error = errno;
	if (io->error != 0) {
		die(io, io->error);
		return;
	}
	io->connecting = false;
	loop_timer_stop(io->timer);
	moved(io);
	want(io);
	mark_dirty(io);
	tell(io, IO_CONNECTED);
}

/* ---- shaking hands ---- */

static void
shake(struct io *io)
{
	int result = io->layer->calls->shake(io->layer);

	if (result == -1 && errno == EAGAIN) {
		moved(io);
		want(io);
		return;
	}
	if (io->shaken)
		loop_timer_stop(io->timer);
	io->shaking = io->shaken = false;
	if (result == -1) {
		die(io, errno);
		return;
	}
	moved(io);
	want(io);
	mark_dirty(io);
	tell(io, IO_SECURED);
}

static void
on_ready(void *arg, bool readable, bool writable)
{
	struct io *io = arg;

	if (io->layer != NULL && io->layer->wants_write)
		readable |= writable;
	if (io->connecting)
		connected(io);
	else if (io->shaking)
		shake(io);
	else if ((!writable || flush(io)) && readable && !io->paused &&
		 !io->dead)
		receive(io);
}

static void
on_time(void *arg)
{
	struct io *io = arg;

	if (io->error != 0)
		die(io, io->error);
	else if (io->shaken)
		shake(io);
	else
		tell(io, IO_TIMEOUT);
}

static void
set_timer(struct io *io, unsigned ms)
{
	if (io->timer == NULL)
		io->timer = loop_timer_new(on_time, io);
	loop_timer_set(io->timer, ms);
}

int
io_starttls(struct io *io, struct io_layer *layer)
{
	assert(io->layer == NULL);
	if (io->in.len > 0 || io_unsent(io) > 0) {
		layer->calls->close(layer);
		return -1;
	}
	io->layer = layer;
	io->shaking = true;
	mark_clean(io);
	if (layer->calls->shake(layer) == 0)
		io->shaken = true; /* the peer has answered meanwhile */
	else if (errno != EAGAIN)
		io->error = errno;
	if (io->shaken || io->error != 0)
		set_timer(io, 0); /* told in the next turn, not from here */
	want(io);
	return 0;
}

static struct io *
make(int fd, io_fn *on_event, void *arg)
{
	struct io *io = mem_alloc(sizeof(*io));

	io->fd = fd;
	io->on_event = on_event;
	io->arg = arg;
	io->watch = loop_watch_new(fd, on_ready, io);
	loop_on_sleep(flush_all);
	return io;
}

struct io *
io_new(int fd, io_fn *on_event, void *arg)
{
	struct io *io = make(fd, on_event, arg);

	want(io);
	return io;
}

struct io *
io_connect(const struct sockaddr *to, const struct sockaddr *source,
    unsigned timeout_ms, io_fn *on_event, void *arg)
{
	struct io *io;
	int fd, error;

	fd = dial(to, source, &error);
	if (fd == -1)
		return NULL;
	io = make(fd, on_event, arg);
	io->connecting = true;
	io->error = error; /* told by the timer, in the next turn */
	set_timer(io, error != 0 ? 0 : timeout_ms);
	if (error == 0)
		want(io);
	return io;
}

/* ---- for the owner ---- */

struct buf *
io_in(struct io *io)
{
	return &io->in;
}

int
io_error(const struct io *io)
{
	return io->error;
}

int
io_fd(const struct io *io)
{
	return io->fd;
}

void
io_write(struct io *io, const void *data, size_t len)
{
	if (io->dead)
		return;
	buf_add(&io->out, data, len);
	if (!io->full)
		mark_dirty(io);
}

size_t
io_unsent(const struct io *io)
{
	return io->out.len - io->sent;
}

void
io_drain(struct io *io, size_t low)
{
	io->low = low;
	io->draining = true;
	if (!io->full || io_unsent(io) <= low)
		mark_dirty(io);
}

void
io_pause(struct io *io, bool paused)
{
	io->paused = paused;
	want(io);
}

void
io_timeout(struct io *io, unsigned ms)
{
	io->timeout_ms = ms;
	if (ms != 0)
		set_timer(io, ms);
	else if (io->timer != NULL)
		loop_timer_stop(io->timer);
}

void
io_close(struct io **io)
{
	struct io *gone = *io;

	if (gone == NULL)
		return;
	if (!gone->dead && !gone->connecting && !gone->shaking)
		push(gone);
	if (gone->layer != NULL)
		gone->layer->calls->close(gone->layer);
	if (told == gone)
		told = NULL;
	mark_clean(gone);
	loop_watch_free(&gone->watch);
	loop_timer_free(&gone->timer);
	fd_close(&gone->fd);
	buf_free(&gone->in);
	buf_free(&gone->out);
	free(gone);
	*io = NULL;
}
