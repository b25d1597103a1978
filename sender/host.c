/* SPDX-License-Identifier: ISC */
#include "host.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/buf.h"
#include "mail/address.h"
#include "mail/endpoint.h"

static bool
is_below(struct str name, struct str zone)
{
	struct str end;

	if (name.len < zone.len)
		return false;
	end.s = name.s + name.len - zone.len;
	end.len = zone.len;
	return memcmp(end.s, zone.s, zone.len) == 0 &&
	       (name.len == zone.len || end.s[-1] == '.');
}

int
host_name(struct host *h, struct str name, const char *zone)
{
	struct str end = str_of(zone);

	if (domain_canonical(name, h->name, sizeof(h->name)) == -1)
		return -1;
	name = str_of(h->name);
	if (domain_check(name, false) != NULL)
		return -1;
	if (end.len == 0 || is_below(name, end))
		return str_copy(h->ask, sizeof(h->ask), name);
	if (name.len + 1 + end.len > DOMAIN_MAX)
		return -1;
	memcpy(h->ask, h->name, name.len);
	h->ask[name.len] = '.';
	memcpy(h->ask + name.len + 1, end.s, end.len + 1);
	return 0;
}

static socklen_t
address_fill(struct sockaddr_storage *out, enum family family,
    const uint8_t *bytes, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (family == IPV4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, bytes, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, bytes, 16);
	return sizeof(*v6);
}

int
host_fix_address(struct host *h, struct str text)
{
	uint8_t bytes[16];
	int family = endpoint_address(text, bytes);

	if (family == -1)
		return -1;
	h->fixed_len = address_fill(
	    &h->fixed, family == AF_INET ? IPV4 : IPV6, bytes, h->port);
	snprintf(h->name, sizeof(h->name), "[%.*s]", (int)text.len, text.s);
	return 0;
}

int
host_fix_unix(struct host *h, struct str path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&h->fixed;

	un->sun_family = AF_UNIX;
	if (str_copy(un->sun_path, sizeof(un->sun_path), path) == -1)
		return -1;
	h->fixed_len = sizeof(*un);
	return str_copy(h->name, sizeof(h->name), path);
}

void
host_add_addresses(struct host *h, const struct names_answer *a)
{
	enum family f = a->type == NAMES_A ? IPV4 : IPV6;
	size_t i;

	if (a->alias_of[0] != '\0')
		h->alias = true;
	for (i = 0; i < a->nrecords && i < HOST_ADDRESSES_MAX; i++)
		memcpy(h->addresses[f][i], a->records[i].address, 16);
	h->naddresses[f] = i;
}

static void
add_target(const struct host *h, const struct sockaddr_storage *addr,
    socklen_t len, struct target **targets, size_t *n)
{
	struct target *t;

	*targets = mem_resize(*targets, *n + 1, sizeof(**targets));
	t = &(*targets)[(*n)++];
	snprintf(t->host, sizeof(t->host), "%s", h->name);
	t->addr = *addr;
	t->addr_len = len;
}

void
host_targets(
    const struct host *h, bool ipv6_first, struct target **targets, size_t *n)
{
	const enum family order[FAMILIES] = {
	    ipv6_first ? IPV6 : IPV4, ipv6_first ? IPV4 : IPV6};
	struct sockaddr_storage addr;
	size_t i, turn;
	socklen_t len;

	if (h->fixed_len > 0)
		add_target(h, &h->fixed, h->fixed_len, targets, n);
	for (i = 0; i < HOST_ADDRESSES_MAX; i++)
		for (turn = 0; turn < FAMILIES; turn++) {
			if (i >= h->naddresses[order[turn]])
				continue;
			len = address_fill(&addr, order[turn],
			    h->addresses[order[turn]][i], h->port);
			add_target(h, &addr, len, targets, n);
		}
}
