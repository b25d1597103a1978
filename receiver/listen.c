/* SPDX-License-Identifier: ISC */
/*
 * The sockets that the parent has bound: who comes in, and who is told that
 * there is no place.
 */
#include "receiver.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "proc/loop.h"

/* In one turn, so that other workers get their share and sessions a turn. */
#define ACCEPTS_MAX 16
#define PAUSE_MS    1000 /* without descriptors or memory for more */

struct listener {
	int *fd; /* the worker's */
	struct loop_watch *watch;
	char name[64]; /* in envelopes: "127.0.0.1:25", "[::1]:25" */
};

static struct listener listeners[LISTENERS_MAX];
static size_t nlisteners;
static struct loop_timer *pause_timer;
static bool pause_logged;

static void
want_all(bool readable)
{
	for (size_t i = 0; i < nlisteners; i++)
		loop_watch_want(listeners[i].watch, readable, false);
}

static void
on_pause_over(void *arg)
{
	(void)arg;
	want_all(true);
}

/* Connections wait in the kernel's queue meanwhile. */
static void
pause_accepting(void)
{
	if (!pause_logged)
		log_warn(
		    "accept: pausing for %d ms, and again as needed", PAUSE_MS);
	pause_logged = true;
	want_all(false);
	loop_timer_set(pause_timer, PAUSE_MS);
}

/* RFC 5321, 3.1: a 421 in place of a greeting; he sees the end later. */
static void
turn_away(int fd, const char *client, const char *code, const char *why)
{
	char reply[512];
	int len;

	len = snprintf(reply, sizeof(reply), "%s %s %s\r\n", code,
	    receiver.worker->settings.hostname, why);
	if (send(fd, reply, len, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		log_debug("client=%s did not wait for its reply", client);
	log_info("rejected client=%s reply=\"%s %s\"", client, code, why);
}

static void
receive(struct listener *l, int fd, const struct sockaddr *address)
{
	const struct settings *set = &receiver.worker->settings;
	struct client *c = client_enter(address);

	if (spool_failed(receiver.worker->spool))
		turn_away(fd, c->text, "421 4.3.0", "The spool has failed");
	else if (c->all_sessions > set->client_sessions_max)
		turn_away(fd, c->text, "421 4.7.0", "Too many sessions of you");
	else if (parent_sessions(1) > (int)set->sessions_max) {
		parent_sessions(-1);
		turn_away(fd, c->text, "421 4.3.2", "Too many sessions");
	} else {
		session_new(fd, c, l->name);
		return;
	}
	client_leave(&c);
	fd_close(&fd);
}

static void
on_connection(void *arg, bool readable, bool writable)
{
	struct listener *l = arg;
	struct sockaddr_storage address;
	socklen_t len;
	int fd;

	(void)writable;
	for (int i = 0; readable && i < ACCEPTS_MAX; i++) {
		len = sizeof(address);
		fd = accept4(*l->fd, (struct sockaddr *)&address, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1) {
			pause_logged = false;
			if (!parent_deal(fd, (unsigned)(l - listeners)))
				receive(l, fd, (struct sockaddr *)&address);
		} else if (errno == EMFILE || errno == ENFILE ||
			   errno == ENOBUFS || errno == ENOMEM) {
			pause_accepting();
			return;
		} else if (errno == EAGAIN) {
			return;
		} /* others are the fate of one connection: ECONNABORTED */
	}
}

/* Another worker has accepted it. */
static void
on_dealt(void *arg, int fd, unsigned tag)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	(void)arg;
	if (tag < nlisteners &&
	    getpeername(fd, (struct sockaddr *)&address, &len) == 0)
		receive(&listeners[tag], fd, (struct sockaddr *)&address);
	else /* the client has gone */
		fd_close(&fd);
}

/* From the socket: what the settings say now may be another list. */
static void
name_listener(struct listener *l)
{
	char host[48], port[8];
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(*l->fd, (struct sockaddr *)&address, &len) == -1 ||
	    getnameinfo((struct sockaddr *)&address, len, host, sizeof(host),
		port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		fatal("name a listening socket");
	snprintf(l->name, sizeof(l->name),
	    address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

void
listen_start(void)
{
	struct worker *w = receiver.worker;
	const int on = 1;

	pause_timer = loop_timer_new(on_pause_over, NULL);
	nlisteners = w->listeners ? w->nlisteners : 0;
	for (size_t i = 0; i < nlisteners; i++) {
		struct listener *l = &listeners[i];

		l->fd = &w->listeners[i];
		name_listener(l);
		/* accepted sockets inherit it: replies leave at once */
		if (setsockopt(*l->fd, IPPROTO_TCP, TCP_NODELAY, &on,
			sizeof(on)) == -1)
			log_warn("set TCP_NODELAY on %s", l->name);
		l->watch = loop_watch_new(*l->fd, on_connection, l);
		loop_watch_want(l->watch, true, false);
	}
	parent_deal_open(on_dealt, NULL);
}

void
listen_stop(void)
{
	parent_deal_close();
	for (size_t i = 0; i < nlisteners; i++) {
		loop_watch_free(&listeners[i].watch);
		fd_close(listeners[i].fd);
	}
	nlisteners = 0;
	loop_timer_free(&pause_timer);
}
