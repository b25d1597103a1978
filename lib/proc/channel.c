/* SPDX-License-Identifier: ISC */
#include "proc/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "proc/loop.h"
#include "proc/packet.h"

/* The kernel counts whole pages, so a pair is full after some 200 small
 * messages: what does not fit waits here. */
struct message {
	STAILQ_ENTRY(message) link;
	size_t len;
	int passed; /* a descriptor that goes with it, ours; or -1 */
	char data[];
};

struct channel {
	int fd;
	char title[64];
	struct loop_watch *watch;
	STAILQ_HEAD(, message) waiting;
	void (*on_message)(void *arg, const void *data, size_t len);
	void *arg;
	LIST_ENTRY(channel) link;
};

static LIST_HEAD(, channel) channels = LIST_HEAD_INITIALIZER(channels);

/* Closed in every helper. */
static int *kept;
static size_t nkept;

static void
helper_died(const struct channel *ch)
{
	fatalx("helper %s has died: ending, to be started anew", ch->title);
}

/* True when it was taken, false when the pair is full (of messages, or of
 * descriptors that nobody has received yet). */
static bool
push(struct channel *ch, const void *data, size_t len, int passed)
{
	if (packet_send(ch->fd, data, len, passed) == 0)
		return true;
	if (errno == EPIPE || errno == ECONNRESET)
		helper_died(ch);
	if (!packet_full(errno))
		fatal("send to helper %s", ch->title);
	return false;
}

static void
push_waiting(struct channel *ch)
{
	struct message *m;

	while ((m = STAILQ_FIRST(&ch->waiting)) != NULL) {
		if (!push(ch, m->data, m->len, m->passed))
			return;
		STAILQ_REMOVE_HEAD(&ch->waiting, link);
		fd_close(&m->passed);
		free(m);
	}
	loop_watch_want(ch->watch, true, false);
}

static void
on_ready(void *arg, bool readable, bool writable)
{
	static _Alignas(max_align_t) char data[CHANNEL_MAX];
	struct channel *ch = arg;
	ssize_t n;

	if (writable)
		push_waiting(ch);
	if (!readable)
		return;
	n = recv(ch->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n > 0)
		ch->on_message(ch->arg, data, n);
	else if (n == 0 || errno == ECONNRESET)
		helper_died(ch);
	else if (errno != EAGAIN && errno != EINTR)
		fatal("receive from helper %s", ch->title);
}

/*
 * The helper ends with its worker: when it waits for a message, by the end of
 * the pair; when it is in the middle of one, by SIGKILL.  It leaves signals of
 * the terminal and of service managers to the worker, and holds no end of
 * another helper's pair, nor what is kept from helpers.
 */
static void
become_helper(const char *title, pid_t worker)
{
	struct channel *ch;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		fatal("ask to be killed with the worker");
	if (getppid() != worker)
		_exit(0);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (ch = LIST_FIRST(&channels); ch != NULL; ch = LIST_NEXT(ch, link))
		fd_close(&ch->fd);
	for (size_t i = 0; i < nkept; i++)
		fd_close(&kept[i]);
	setproctitle("%s", title);
}

void
channel_keep_from_helpers(int fd)
{
	kept = mem_resize(kept, nkept + 1, sizeof(*kept));
	kept[nkept++] = fd;
}

struct channel *
channel_helper(const char *title, void (*helper_main)(int fd, void *arg),
    void *arg, void (*on_message)(void *arg2, const void *data, size_t len),
    void *arg2)
{
	struct channel *ch = mem_alloc(sizeof(*ch));
	int pair[2];
	pid_t worker = getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		fatal("make a pair of sockets for helper %s", title);
	switch (fork()) {
	case -1:
		fatal("fork helper %s", title);
	case 0:
		fd_close(&pair[0]);
		become_helper(title, worker);
		helper_main(pair[1], arg);
		log_flush();
		_exit(0);
	}
	fd_close(&pair[1]);
	ch->fd = pair[0];
	strlcpy(ch->title, title, sizeof(ch->title));
	STAILQ_INIT(&ch->waiting);
	ch->on_message = on_message;
	ch->arg = arg2;
	ch->watch = loop_watch_new(ch->fd, on_ready, ch);
	loop_watch_want(ch->watch, true, false);
	LIST_INSERT_HEAD(&channels, ch, link);
	return ch;
}

void
channel_send_fd(struct channel *ch, const void *data, size_t len, int passed)
{
	struct message *m;

	assert(len > 0 && len <= CHANNEL_MAX);
	if (STAILQ_EMPTY(&ch->waiting) && push(ch, data, len, passed))
		return;
	m = mem_alloc(sizeof(*m) + len);
	m->len = len;
	m->passed = -1;
	if (passed != -1) {
		m->passed = fcntl(passed, F_DUPFD_CLOEXEC, 0);
		if (m->passed == -1)
			fatal("keep a descriptor for helper %s", ch->title);
	}
	memcpy(m->data, data, len);
	STAILQ_INSERT_TAIL(&ch->waiting, m, link);
	loop_watch_want(ch->watch, true, true);
}

void
channel_send(struct channel *ch, const void *data, size_t len)
{
	channel_send_fd(ch, data, len, -1);
}

void
channel_close_others(int fd)
{
	if ((fd > 3 && close_range(3, (unsigned)fd - 1, 0) == -1) ||
	    close_range((unsigned)fd + 1, ~0U, 0) == -1)
		fatal("close the worker's descriptors");
}

ssize_t
channel_receive(int fd, void *data, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, data, size, 0);
	while (n == -1 && errno == EINTR);
	return n > 0 ? n : 0;
}

ssize_t
channel_receive_fd(int fd, void *data, size_t size, int *passed_r)
{
	ssize_t n = packet_receive(fd, data, size, passed_r);

	return n > 0 ? n : 0;
}

int
channel_reply(int fd, const void *data, size_t len)
{
	ssize_t n;

	do
		n = send(fd, data, len, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}
