/* SPDX-License-Identifier: ISC */
/*
 * A buffered byte stream to a stranger, plain or TLS behind the same calls.
 * Layer: proc.
 *
 * What arrives is in io_in(); the owner takes bytes off its front with
 * buf_drop(), and pauses reading when it cannot take more.  What io_write() is
 * given leaves at the end of the turn in one write, or when the peer can take
 * it.  An empty buffer holds no memory: an idle session costs little.
 *
 * A handler may close the io that it was called for.
 */
#ifndef PROC_IO_H
#define PROC_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

enum io_event {
	IO_CONNECTED, /* io_connect() succeeded */
	IO_DATA,      /* more bytes are in io_in() */
	IO_DRAINED,   /* what io_drain() asked for */
	IO_EOF,       /* the peer sends no more; io_in() may still hold bytes */
	IO_TIMEOUT,   /* told once; the watch begins anew when bytes move */
	IO_ERROR,     /* io_error() is the errno; only io_close() is left */
	IO_SECURED,   /* io_starttls() succeeded */
};

struct io;
typedef void io_fn(struct io *io, enum io_event what, void *arg);

/* Take over a connected non-blocking socket.  (Accepted ones have TCP_NODELAY
 * from their listener.) */
struct io *io_new(int fd, io_fn *on_event, void *arg);

struct sockaddr;
/*
 * Begin to connect (IPv4, IPv6, unix), from `source` unless it is NULL:
 * IO_CONNECTED, IO_ERROR or IO_TIMEOUT follows, never from within this call.
 * NULL and errno when no socket could be made.
 */
struct io *io_connect(const struct sockaddr *to, const struct sockaddr *source,
    unsigned timeout_ms, io_fn *on_event, void *arg);

struct buf *io_in(struct io *io);
int io_error(const struct io *io);
int io_fd(const struct io *io);

void io_write(struct io *io, const void *data, size_t len);
size_t io_unsent(const struct io *io);
/* IO_DRAINED once when at most `low` bytes are unsent; never from within this
 * call. */
void io_drain(struct io *io, size_t low);
/* Stop or go on reading: back-pressure. */
void io_pause(struct io *io, bool paused);
/* IO_TIMEOUT when nothing has come or gone for so long; 0: never. */
void io_timeout(struct io *io, unsigned ms);

/*
 * What may stand between a stream and its socket; tls.h has one.  The socket
 * is non-blocking: "not now" is EAGAIN, as in read(2).
 */
#define IO_RECORD 16384 /* bytes: a read of so many leaves nothing inside */

struct io_layer {
	const struct io_layer_calls *calls;
	bool wants_write; /* the last call has to wait until it can write */
};

struct io_layer_calls {
	int (*shake)(struct io_layer *layer); /* 0: hands were shaken */
	ssize_t (*read)(struct io_layer *layer, void *data, size_t size);
	ssize_t (*write)(struct io_layer *layer, const void *data, size_t len);
	void (*close)(struct io_layer *layer); /* frees it */
};

/*
 * Put the layer in, which belongs to the io from then on; IO_SECURED or
 * IO_ERROR follows (IO_EOF does not), never from within this call.  What is
 * written meanwhile leaves after that.
 *
 * -1, and the layer is freed: bytes are in io_in() already, or what was written
 * has not left.  They are in clear, and must not be taken for what was said
 * under its protection.
 */
int io_starttls(struct io *io, struct io_layer *layer);

/* Send what is unsent if the peer takes it at once, close, free; stores
 * NULL.  No event follows. */
void io_close(struct io **io);

#endif
