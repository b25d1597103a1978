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

/* A listener on every address: add those of this machine. */
static void
own_add_interfaces(struct self *self, sa_family_t family, in_port_t port)
{
	struct ifaddrs *list, *i;

	if (getifaddrs(&list) == -1) {
		log_warn("read the addresses of this machine");
		return;
	}
	for (i = list; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL && i->ifa_addr->sa_family == family)
			own_add(self, i->ifa_addr,
			    family == AF_INET ? sizeof(struct sockaddr_in)
					      : sizeof(struct sockaddr_in6),
			    port);
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
		own_add(
		    self, (const struct sockaddr *)&e->addr, e->addr_len, port);
		if (is_any(e))
			own_add_interfaces(self, e->addr.ss_family, port);
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

/* IPv4 as IPv6 writes it, ::ffff:192.0.2.1, so that both ways are one. */
static struct in6_addr
as_ipv6(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;
	struct in6_addr mapped = {
	    .s6_addr = {[10] = 0xff, 0xff}
        };

	if (addr->ss_family != AF_INET)
		return v6->sin6_addr;
	memcpy(mapped.s6_addr + 12, &v4->sin_addr, 4);
	return mapped;
}

/* "This host", whichever way it is written: connecting there is connecting to
 * a loopback address. */
static bool
is_unspecified(const struct in6_addr *a)
{
	static const uint8_t any4[16] = {[10] = 0xff, 0xff};

	return IN6_IS_ADDR_UNSPECIFIED(a) || memcmp(a, any4, 16) == 0;
}

static bool
is_loopback(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LOOPBACK(a) ||
	       (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

/* Would a connection to `to` come to this listener, which takes its own family
 * only?  Addresses for "any" are in the list, but for the rest of 127/8. */
static bool
leads_to(const struct in6_addr *to, const struct endpoint *listener)
{
	struct in6_addr here = as_ipv6(&listener->addr);

	if (IN6_IS_ADDR_V4MAPPED(to) != IN6_IS_ADDR_V4MAPPED(&here))
		return false;
	return IN6_ARE_ADDR_EQUAL(to, &here) || is_unspecified(to) ||
	       (is_unspecified(&here) && is_loopback(to));
}

bool
self_is_name(const struct self *self, const char *host)
{
	return str_eq_nocase(str_of(host), self->hostname);
}

bool
self_is_address(const struct self *self, const struct sockaddr_storage *addr)
{
	struct endpoint e = {.addr = *addr};
	struct in6_addr to = as_ipv6(addr);
	size_t i;

	if (addr->ss_family != AF_INET && addr->ss_family != AF_INET6)
		return false;
	for (i = 0; i < self->nlisteners; i++)
		if (endpoint_port(&self->listeners[i]) == endpoint_port(&e) &&
		    leads_to(&to, &self->listeners[i]))
			return true;
	return false;
}
