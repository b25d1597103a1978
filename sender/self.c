/* SPDX-License-Identifier: ISC */
#include "self.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"

static void
own_add(struct self *self, const struct sockaddr *addr, socklen_t len,
    in_port_t port)
{
	struct endpoint *e;

	self->listeners = mem_resize(
	    self->listeners, self->nlisteners + 1, sizeof(*self->listeners));
	e = &self->listeners[self->nlisteners++];
	memset(e, 0, sizeof(*e));
	memcpy(&e->addr, addr, len);
	e->addr_len = len;
	if (addr->sa_family == AF_INET)
		((struct sockaddr_in *)&e->addr)->sin_port = port;
	else
		((struct sockaddr_in6 *)&e->addr)->sin6_port = port;
}

/* A listener on every address: add those of this machine.  A listener on ::
 * takes IPv4 too. */
static void
own_add_interfaces(struct self *self, sa_family_t family, in_port_t port)
{
	struct ifaddrs *list, *i;

	if (getifaddrs(&list) == -1) {
		log_warn("read the addresses of this machine");
		return;
	}
	for (i = list; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			own_add(self, i->ifa_addr, sizeof(struct sockaddr_in),
			    port);
		else if (i->ifa_addr->sa_family == AF_INET6 &&
			 family == AF_INET6)
			own_add(self, i->ifa_addr, sizeof(struct sockaddr_in6),
			    port);
	}
	freeifaddrs(list);
}

static bool
is_any(const struct endpoint *e)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&e->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&e->addr;

	if (e->addr.ss_family == AF_INET)
		return v4->sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

static void
own_read(struct self *self, const struct settings *set)
{
	const struct endpoint *e;
	in_port_t port;

	for (e = set->listeners; e < set->listeners + set->nlisteners; e++) {
		port = htons(endpoint_port(e));
		if (is_any(e))
			own_add_interfaces(self, e->addr.ss_family, port);
		else
			own_add(self, (const struct sockaddr *)&e->addr,
			    e->addr_len, port);
	}
}

/* Is there a way to the IPv6 internet?  Connecting a datagram socket sends
 * nothing, it only asks the routing table; the address is the first of all
 * that can be given out (2000::/3). */
static bool
has_ipv6(void)
{
	struct sockaddr_in6 out = {
	    .sin6_family = AF_INET6, .sin6_port = htons(25)};
	bool yes;
	int fd;

	out.sin6_addr.s6_addr[0] = 0x20;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return false;
	yes = connect(fd, (struct sockaddr *)&out, sizeof(out)) == 0;
	close(fd);
	return yes;
}

void
self_read(struct self *self, const struct settings *set)
{
	self_free(self);
	snprintf(self->hostname, sizeof(self->hostname), "%s", set->hostname);
	own_read(self, set);
	self->ipv6_first = has_ipv6();
}

void
self_free(struct self *self)
{
	free(self->listeners);
	memset(self, 0, sizeof(*self));
}

static bool
same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
	       memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0;
}

bool
self_is_name(const struct self *self, const char *host)
{
	return str_eq_nocase(str_of(host), self->hostname);
}

bool
self_is_address(const struct self *self, const struct sockaddr_storage *addr)
{
	size_t i;

	for (i = 0; i < self->nlisteners; i++)
		if (same_address(&self->listeners[i].addr, addr))
			return true;
	return false;
}
