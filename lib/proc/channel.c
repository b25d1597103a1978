/* SPDX-License-Identifier: ISC */
#include "proc/channel.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
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

/* The kernel counts whole pages, so a pair is full after some 200 small
 * messages: what does not fit waits here. */
struct message {
	STAILQ_ENTRY(message) link;
	size_t len;
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

static void
helper_died(const struct channel *ch)
{
	fatalx("helper %s has died: ending, to be started anew", ch->title);
}

/* True when it was taken, false when the pair is full. */
static bool
push(struct channel *ch, const void *data, size_t len)
{
	ssize_t n;

	do
		n = send(ch->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n != -1)
		return true;
	if (errno == EPIPE || errno == ECONNRESET)
		helper_died(ch);
	if (errno != EAGAIN && errno != ENOBUFS)
		fatal("send to helper %s", ch->title);
	return false;
}

static void
push_waiting(struct channel *ch)
{
	struct message *m;

	while ((m = STAILQ_FIRST(&ch->waiting)) != NULL) {
		if (!push(ch, m->data, m->len))
			return;
		STAILQ_REMOVE_HEAD(&ch->waiting, link);
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
 * another helper's pair.
 */
static void
become_helper(const char *title, pid_t worker)
{
	struct channel *other;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		fatal("ask to be killed with the worker");
	if (getppid() != worker)
		_exit(0);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	LIST_FOREACH(other, &channels, link)
	fd_close(&other->fd);
	setproctitle("%s", title);
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
channel_send(struct channel *ch, const void *data, size_t len)
{
	struct message *m;

	assert(len > 0 && len <= CHANNEL_MAX);
	if (STAILQ_EMPTY(&ch->waiting) && push(ch, data, len))
		return;
	m = mem_alloc(sizeof(*m) + len);
	m->len = len;
	memcpy(m->data, data, len);
	STAILQ_INSERT_TAIL(&ch->waiting, m, link);
	loop_watch_want(ch->watch, true, true);
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

int
channel_reply(int fd, const void *data, size_t len)
{
	ssize_t n;

	do
		n = send(fd, data, len, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}
