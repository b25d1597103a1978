/* SPDX-License-Identifier: ISC */
/*
 * Messages between a worker and its helper process, over a SOCK_SEQPACKET
 * pair made before the fork.  The kernel keeps message borders.  Layer: proc.
 */
#ifndef PROC_CHANNEL_H
#define PROC_CHANNEL_H

#include <stddef.h>
#include <sys/types.h>

#define CHANNEL_MAX 65536 /* bytes a message */

struct channel;

/*
 * Fork a helper that runs `helper_main(fd, arg)` and then exits; the worker
 * gets a channel whose messages arrive by on_message from the loop.  When the
 * helper dies the worker cannot go on: it ends and is restarted.
 */
struct channel *channel_helper(const char *title,
    void (*helper_main)(int fd, void *arg), void *arg,
    void (*on_message)(void *arg, const void *data, size_t len), void *arg2);

/* Helpers forked from now on do not hold this descriptor: a socket that listens
 * would stay open in them when the worker has closed it. */
void channel_keep_from_helpers(int fd);

/* Send, queueing when the pair is full; 1 to CHANNEL_MAX bytes. */
void channel_send(struct channel *ch, const void *data, size_t len);
/* The same with a descriptor; it stays the caller's and may be closed. */
void channel_send_fd(
    struct channel *ch, const void *data, size_t len, int passed);

/* In the helper: close every other descriptor of the worker but 0 to 2, the
 * log's: what is not there cannot be taken over. */
void channel_close_others(int fd);

/* The helper's side, blocking.  receive: length, or 0 when the worker is gone
 * (then return from helper_main).  send: 0 or -1. */
ssize_t channel_receive(int fd, void *data, size_t size);
/* The same, with the descriptor that came along, or -1. */
ssize_t channel_receive_fd(int fd, void *data, size_t size, int *passed_r);
int channel_reply(int fd, const void *data, size_t len);

#endif
