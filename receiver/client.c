/* SPDX-License-Identifier: ISC */
#include "receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "mail/network.h"

/* Clients of this worker that have a session, by address.  The seed keeps
 * strangers from choosing addresses of one bucket; the number of sessions
 * bounds the chains in any case. */
#define BUCKETS 1024

static struct client *table[BUCKETS];

/* The bytes of an address that tell clients apart. */
static struct str
address_bytes(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		return (struct str){(const char *)&in6->sin6_addr, 16};
	}
	const struct sockaddr_in *in = (const void *)sa;

	return (struct str){(const char *)&in->sin_addr, 4};
}

static struct client **
bucket(struct str address)
{
	static unsigned char key[32];
	static bool seeded;

	if (!seeded)
		arc4random_buf(key, 16);
	seeded = true;
	memcpy(key + 16, address.s, address.len);
	return &table[hash_bytes(key, 16 + address.len) % BUCKETS];
}

/* Whose sessions are counted together: of IPv6 the network, which is what one
 * customer has (RFC 6177). */
static struct str
counted_bytes(const struct sockaddr *sa)
{
	struct str address = address_bytes(sa);

	if (sa->sa_family == AF_INET6)
		address.len = 8;
	return address;
}

/* An IPv4 client of an IPv6 socket is an IPv4 client. */
static void
normalise(const struct sockaddr *sa, struct sockaddr_storage *out)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	struct sockaddr_in *in = (void *)out;

	memset(out, 0, sizeof(*out));
	if (sa->sa_family != AF_INET6) {
		memcpy(out, sa, sizeof(*in));
	} else if (!IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		memcpy(out, sa, sizeof(*in6));
	} else {
		in->sin_family = AF_INET;
		in->sin_port = in6->sin6_port;
		memcpy(&in->sin_addr, in6->sin6_addr.s6_addr + 12, 4);
	}
}

struct client *
client_enter(const struct sockaddr *address)
{
	struct sockaddr_storage known;
	struct client **at, *c;
	struct str key, other;

	normalise(address, &known);
	key = address_bytes((const struct sockaddr *)&known);
	at = bucket(key);
	for (c = *at; c; c = c->next) {
		other = address_bytes(&c->address.any);
		if (other.len == key.len && !memcmp(other.s, key.s, key.len))
			goto out;
	}
	c = mem_alloc(sizeof(*c));
	c->address.space = known;
	inet_ntop(known.ss_family, key.s, c->text, sizeof(c->text));
	c->next = *at;
	*at = c;
out:
	c->sessions++;
	c->all_sessions =
	    parent_client_sessions(counted_bytes(&c->address.any), 1);
	return c;
}

void
client_leave(struct client **c)
{
	struct client **at;

	if (*c)
		parent_client_sessions(counted_bytes(&(*c)->address.any), -1);
	if (*c && --(*c)->sessions == 0) {
		at = bucket(address_bytes(&(*c)->address.any));
		while (*at != *c)
			at = &(*at)->next;
		*at = (*c)->next;
		free(*c);
	}
	*c = NULL;
}

int
client_rights(struct client *c)
{
	struct map *map = receiver.worker->map;

	if (c->generation != map_generation(map) || c->rights == -1) {
		c->rights = network_rights(map, &c->address.any);
		c->generation = map_generation(map);
	}
	return c->rights;
}
