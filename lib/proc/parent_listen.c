/* SPDX-License-Identifier: ISC */
/*
 * Sockets that listen.  Each worker has its own on every address, and the
 * kernel deals connections out to them (SO_REUSEPORT, socket(7)): with a
 * single one that all workers wait for, all wake up for each connection and
 * one of them gets nearly all.
 *
 * The parent keeps them all open.  So what comes while a worker is being
 * started anew waits for it, and an address is given up only with the daemon.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "proc/parent_private.h"

#define BACKLOG     4096 /* the kernel cuts it to net.core.somaxconn */
#define PATIENCE_MS 15000
#define PAUSE_MS    20

static bool
set_option(int fd, int level, int option)
{
	const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

static bool
prepare(int fd, int family, bool shared)
{
	return set_option(fd, SOL_SOCKET, SO_REUSEADDR) &&
	       set_option(fd, IPPROTO_TCP, TCP_NODELAY) &&
	       (!shared || set_option(fd, SOL_SOCKET, SO_REUSEPORT)) &&
	       (family != AF_INET6 ||
		   set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY));
}

/* A listening socket, or -1 and errno.  `shared`: others may listen there. */
static int
listen_on(const struct endpoint *ep, bool shared)
{
	const struct sockaddr *sa = (const struct sockaddr *)&ep->addr;
	int fd, kept;

	fd = socket(
	    sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (prepare(fd, sa->sa_family, shared) &&
	    bind(fd, sa, ep->addr_len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	kept = errno;
	fd_close(&fd);
	errno = kept;
	return -1;
}

static int
listen_patiently(const struct endpoint *ep)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	int64_t end = clock_steady_ms() + PATIENCE_MS;
	bool said = false;
	int fd;

	while ((fd = listen_on(ep, false)) == -1) {
		if (errno != EADDRINUSE || clock_steady_ms() >= end)
			fatal("listen on %s", ep->name);
		if (!said)
			log_warn("listen on %s: trying again", ep->name);
		said = true;
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* The first socket has the address to itself, or it could be shared with
 * another daemon by mistake. */
int *
parent_listen(const struct settings *set, unsigned count)
{
	size_t n = set->nlisteners;
	int *fds = mem_alloc((count * n + 1) * sizeof(*fds));

	for (size_t i = 0; i < n; i++) {
		fds[i] = listen_patiently(&set->listeners[i]);
		if (count > 1)
			fd_close(&fds[i]);
		for (unsigned w = 0; count > 1 && w < count; w++) {
			fds[w * n + i] = listen_on(&set->listeners[i], true);
			if (fds[w * n + i] == -1)
				fatal("listen on %s", set->listeners[i].name);
		}
	}
	return fds;
}

void
parent_listen_rest(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (shutdown(fds[i], SHUT_RDWR) == -1)
			log_warn("rest a listening socket");
	}
}

void
parent_listen_resume(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (listen(fds[i], BACKLOG) == -1)
			log_warn("listen again");
	}
}

void
parent_listen_names(const int *fds, size_t n, struct buf *out)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	struct sockaddr_storage sa;
	socklen_t len;

	for (size_t i = 0; i < n; i++) {
		len = sizeof(sa);
		if (getsockname(fds[i], (struct sockaddr *)&sa, &len) == -1 ||
		    getnameinfo((struct sockaddr *)&sa, len, host, sizeof(host),
			port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
			continue;
		buf_addf(out,
		    sa.ss_family == AF_INET6 ? "%s[%s]:%s" : "%s%s:%s",
		    i > 0 ? "," : "", host, port);
	}
}
