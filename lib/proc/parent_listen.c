/* SPDX-License-Identifier: ISC */
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

/* 0, or -1 and errno. */
static int
prepare(int fd, int family)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		return -1;
	if (family == AF_INET6)
		return setsockopt(
		    fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	return 0;
}

/* A listening socket, or -1 and errno. */
static int
listen_on(const struct endpoint *ep)
{
	const struct sockaddr *sa = (const struct sockaddr *)&ep->addr;
	int fd, kept;

	fd = socket(
	    sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (prepare(fd, sa->sa_family) == 0 &&
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

	while ((fd = listen_on(ep)) == -1) {
		if (errno != EADDRINUSE || clock_steady_ms() >= end)
			fatal("listen on %s", ep->name);
		if (!said)
			log_warn("listen on %s: trying again", ep->name);
		said = true;
		nanosleep(&pause, NULL);
	}
	return fd;
}

int *
parent_listen(const struct settings *set)
{
	int *fds = mem_alloc((set->nlisteners + 1) * sizeof(*fds));

	for (size_t i = 0; i < set->nlisteners; i++)
		fds[i] = listen_patiently(&set->listeners[i]);
	return fds;
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
