/* SPDX-License-Identifier: ISC */
/*
 * smtp-sink: an SMTP or LMTP server that writes down what it was given, keeps
 * it if asked, and misbehaves by script.  The witness of "arrived" in the
 * tests; one process, one epoll loop, nothing of Stagepost inside.
 *
 *	smtp-sink [-L] [-l LOGFILE] [-o DIR] [-c COUNTERS] [-r RULES]
 *	    [-h HOSTNAME] [-t PEM] ADDRESS:PORT | -u PATH
 *
 *	-L  LMTP: LHLO, and an answer for each recipient
 *	-o  keep each message, see wire/capture.h
 *	-c  count, for sink-count
 *	-r  the script, see wire/rules.h
 *	-t  STARTTLS, by the key and certificate in this file
 *	-u  listen on a unix socket
 *
 * "listening PORT" on stdout says that the socket is there (port 0 becomes a
 * free one).  Log lines; ID is the message's X-Test-Id or "-", TIME is
 * CLOCK_REALTIME in seconds with six decimals:
 *
 *	open - TIME PEERPORT	a connection
 *	closed - TIME PEERPORT quit|lost
 *	tls - TIME PEERPORT new|resumed VERSION	a handshake
 *	eod ID TIME PEERPORT	the final dot is there, nothing is answered yet
 *	ok ID TIME [RECIPIENT]	a 2xx has been written; by recipient in LMTP
 *	refused ID TIME CODE [RECIPIENT]
 */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "wire/address.h"
#include "wire/server.h"
#include "wire/ticks.h"

enum { EVENTS = 256 };

/* A connection whose answer is held back. */
struct delayed {
	struct server *server;
	long long due_ms;
	struct delayed *next;
};

static struct server_plan plan = {.hostname = "sink.example"};
static struct delayed *delayed;
static int listener, poller;

static void
watch(struct server *s, int op, unsigned events)
{
	struct epoll_event ev = {.events = events, .data.ptr = s};

	if (epoll_ctl(poller, op, s->channel.fd, &ev) == -1)
		err(1, "epoll_ctl");
}

/* A connection has had its turn: it ends, waits for its delay, or for more. */
static void
after_turn(struct server *s)
{
	struct delayed *d;

	if (s->closed) {
		server_free(s);
		return;
	}
	if (s->delay_ms == 0)
		return;
	watch(s, EPOLL_CTL_MOD, 0);
	d = malloc(sizeof(*d));
	if (d == NULL)
		err(1, "malloc");
	*d = (struct delayed){s, ticks_ms() + s->delay_ms, delayed};
	delayed = d;
}

/* Returns how long to wait for the next one; -1 when there is none. */
static int
resume_delayed(void)
{
	struct delayed **at = &delayed, *d;
	long long now = ticks_ms(), next = -1;

	while ((d = *at) != NULL) {
		if (d->due_ms > now) {
			if (next == -1 || d->due_ms - now < next)
				next = d->due_ms - now;
			at = &d->next;
			continue;
		}
		*at = d->next;
		watch(d->server, EPOLL_CTL_MOD, EPOLLIN);
		server_resume(d->server);
		after_turn(d->server);
		free(d);
		return 0; /* the list has changed: look again at once */
	}
	return (int)next;
}

static void
drop_delayed(const struct server *s)
{
	struct delayed **at = &delayed, *d;

	while ((d = *at) != NULL) {
		if (d->server != s) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		free(d);
	}
}

static void
on_connection(void)
{
	int fd, one = 1;
	struct server *s;

	while ((fd = accept4(listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		s = server_accept(&plan, fd);
		watch(s, EPOLL_CTL_ADD, EPOLLIN);
		after_turn(s);
	}
}

static void
on_readable(struct server *s)
{
	static char in[262144];
	ssize_t n = channel_read(&s->channel, in, sizeof(in));

	if (n == 0)
		return;
	if (s->delay_ms > 0) /* nothing is expected: an error */
		n = -1;
	while (n > 0) {
		server_input(s, in, (size_t)n);
		if (s->closed || !channel_pending(&s->channel))
			break;
		n = channel_read(&s->channel, in, sizeof(in));
	}
	if (n == -1)
		s->closed = true;
	if (s->closed)
		drop_delayed(s);
	after_turn(s);
}

static void
serve(void)
{
	struct epoll_event ev[EVENTS] = {{.events = EPOLLIN}};
	int i, n;

	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller == -1 ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, listener, ev) == -1)
		err(1, "epoll");
	for (;;) {
		n = epoll_wait(poller, ev, EVENTS, resume_delayed());
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr == NULL)
				on_connection();
			else
				on_readable(ev[i].data.ptr);
		}
	}
}

static FILE *
open_log(const char *path)
{
	FILE *f = fopen(path, "a");

	if (f == NULL)
		err(1, "%s", path);
	setvbuf(f, NULL, _IOLBF, 0);
	return f;
}

int
main(int argc, char *argv[])
{
	struct address a = {0};
	int c;

	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt(argc, argv, "Ll:o:c:r:h:t:u:")) != -1) {
		if (c == 'L')
			plan.lmtp = true;
		else if (c == 'l')
			plan.log = open_log(optarg);
		else if (c == 'o')
			plan.save_dir = optarg;
		else if (c == 'c')
			plan.counters = counters_map(optarg);
		else if (c == 'r')
			plan.rules_path = optarg;
		else if (c == 'h')
			plan.hostname = optarg;
		else if (c == 't')
			plan.tls = channel_context(optarg);
		else if (c == 'u')
			a = address_unix(optarg);
		else
			errx(2, "unknown option; see the head of smtp-sink.c");
	}
	if (a.len == 0 && optind == argc - 1)
		a = address_parse(argv[optind]);
	else if (a.len == 0 || optind != argc)
		errx(2, "expected one ADDRESS:PORT, or -u PATH");
	rules_refresh(&plan.rules, plan.rules_path);
	listener = address_listen(&a);
	printf("listening %u\n", address_port(listener));
	fflush(stdout);
	serve();
}
