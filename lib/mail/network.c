/* SPDX-License-Identifier: ISC */
#include "mail/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "mail/endpoint.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* ::ffff:192.0.2.0/120 is 192.0.2.0/24. */
static void
unmap(struct cidr *c)
{
	if (c->size != 16 || c->len < 96 || memcmp(c->bytes, mapped, 12) != 0)
		return;
	memmove(c->bytes, c->bytes + 12, 4);
	memset(c->bytes + 4, 0, 12);
	c->size = 4;
	c->len -= 96;
}

struct cidr
cidr_network(const struct cidr *c, unsigned len)
{
	struct cidr net = *c;

	net.len = len;
	for (unsigned i = 0; i < sizeof(net.bytes); i++) {
		if (8 * i >= len)
			net.bytes[i] = 0;
		else if (8 * (i + 1) > len)
			net.bytes[i] &= 0xff << (8 * (i + 1) - len);
	}
	return net;
}

const char *
cidr_parse(struct str text, struct cidr *c_r)
{
	static char expected[160];
	struct str host = str_cut(&text, '/');
	bool slash = text.s != host.s + host.len;
	char right[CIDR_TEXT_SIZE];
	struct cidr net;
	uint64_t len;
	int family;

	memset(c_r, 0, sizeof(*c_r));
	family = endpoint_address(host, c_r->bytes);
	if (family == -1)
		return "a network such as 192.0.2.0/24 or 2001:db8::/32";
	c_r->size = family == AF_INET ? 4 : 16;
	len = 8 * c_r->size;
	if (slash && str_number(text, len, &len) == -1)
		return family == AF_INET ? "a prefix length from 0 to 32"
		                         : "a prefix length from 0 to 128";
	c_r->len = len;
	net = cidr_network(c_r, len);
	if (memcmp(net.bytes, c_r->bytes, sizeof(net.bytes)) != 0) {
		cidr_format(&net, right);
		snprintf(expected, sizeof(expected),
		    "a network without bits beyond its prefix, here %s", right);
		return expected;
	}
	unmap(c_r);
	return NULL;
}

void
cidr_format(const struct cidr *c, char out[CIDR_TEXT_SIZE])
{
	char host[INET6_ADDRSTRLEN];

	inet_ntop(
	    c->size == 4 ? AF_INET : AF_INET6, c->bytes, host, sizeof(host));
	snprintf(out, CIDR_TEXT_SIZE, "%s/%u", host, c->len);
}

size_t
cidr_key(const struct cidr *c, char out[CIDR_KEY_MAX])
{
	out[0] = c->size == 4 ? '4' : '6';
	out[1] = (char)c->len;
	memcpy(out + 2, c->bytes, c->size);
	return 2 + c->size;
}

int
cidr_from_key(struct str key, struct cidr *c_r)
{
	memset(c_r, 0, sizeof(*c_r));
	if (key.len < 2 || (key.s[0] != '4' && key.s[0] != '6'))
		return -1;
	c_r->size = key.s[0] == '4' ? 4 : 16;
	c_r->len = (uint8_t)key.s[1];
	if (key.len != 2 + c_r->size || c_r->len > 8 * c_r->size)
		return -1;
	memcpy(c_r->bytes, key.s + 2, c_r->size);
	return 0;
}

int
cidr_from_sockaddr(const struct sockaddr *sa, struct cidr *c_r)
{
	memset(c_r, 0, sizeof(*c_r));
	if (sa->sa_family == AF_INET) {
		c_r->size = 4;
		memcpy(
		    c_r->bytes, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		c_r->size = 16;
		memcpy(c_r->bytes,
		    &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	} else {
		return -1;
	}
	c_r->len = 8 * c_r->size;
	unmap(c_r);
	return 0;
}

static const struct {
	enum network_right right;
	const char *name;
} rights[] = {
    {NETWORK_RELAY,   "relay"  },
    {NETWORK_BARE_LF, "bare-lf"},
};

#define RIGHTS (sizeof(rights) / sizeof(rights[0]))

const char *
network_right_name(enum network_right right)
{
	size_t i = 0;

	while (i < RIGHTS - 1 && rights[i].right != right)
		i++;
	return rights[i].name;
}

int
network_rights_parse(struct str text)
{
	struct str word;
	int bits = 0;

	while ((word = str_word(&text)).len > 0)
		for (size_t i = 0; i < RIGHTS; i++)
			if (str_eq(word, rights[i].name))
				bits |= rights[i].right;
	return bits;
}

/*
 * Only the prefix lengths in use are asked for, so a client costs as many
 * look-ups as there are kinds of network.
 */
int
network_rights(struct map *m, const struct sockaddr *client)
{
	struct str lengths, word, value;
	char key[CIDR_KEY_MAX];
	struct cidr whole, net;
	int bits = 0, found;
	uint64_t len;

	if (cidr_from_sockaddr(client, &whole) == -1)
		return 0;
	found = map_find(
	    m, 'N', str_of(whole.size == 4 ? "4" : "6"), NULL, &lengths);
	if (found != 1)
		return found;
	while ((word = str_word(&lengths)).len > 0) {
		if (str_number(word, whole.len, &len) == -1)
			return -1;
		net = cidr_network(&whole, len);
		found = map_find(m, 'N', (struct str){key, cidr_key(&net, key)},
		    NULL, &value);
		if (found == -1)
			return -1;
		if (found == 1)
			bits |= network_rights_parse(value);
	}
	return bits;
}
