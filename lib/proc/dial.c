/* SPDX-License-Identifier: ISC */
#include "proc/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/un.h>

static socklen_t
address_size(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET    ? sizeof(struct sockaddr_in)
	       : sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                   : sizeof(struct sockaddr_un);
}

/* The source's port is left to connect(2), so that ports in use towards other
 * peers can be used again. */
static int
connect_from(int fd, const struct sockaddr *to, const struct sockaddr *source)
{
	int on = 1;

	if (to->sa_family != AF_UNIX &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		return -1;
	if (source != NULL &&
	    (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		 sizeof(on)) == -1 ||
		bind(fd, source, address_size(source)) == -1))
		return -1;
	return connect(fd, to, address_size(to));
}

int
dial(const struct sockaddr *to, const struct sockaddr *source, int *error_r)
{
	int fd;

	*error_r = 0;
	fd = socket(
	    to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect_from(fd, to, source) == -1 &&
	    errno != EINPROGRESS)
		*error_r = errno;
	return fd;
}
