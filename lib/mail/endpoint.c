/* SPDX-License-Identifier: ISC */
#include "mail/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const char expected[] =
    "an address such as 192.0.2.1, 192.0.2.1:2525 or [2001:db8::1]:25";
static const char expected_port[] = "a port from 1 to 65535";

int
endpoint_address(struct str text, uint8_t bytes_r[16])
{
	char name[INET6_ADDRSTRLEN];

	if (str_copy(name, sizeof(name), text) == -1)
		return -1;
	if (inet_pton(AF_INET, name, bytes_r) == 1)
		return AF_INET;
	if (inet_pton(AF_INET6, name, bytes_r) == 1)
		return AF_INET6;
	return -1;
}

static void
set_address(
    struct endpoint *e, int family, const uint8_t bytes[16], uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&e->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e->addr;
	char host[INET6_ADDRSTRLEN];

	memset(e, 0, sizeof(*e));
	e->addr.ss_family = family;
	inet_ntop(family, bytes, host, sizeof(host));
	if (family == AF_INET) {
		memcpy(&v4->sin_addr, bytes, 4);
		v4->sin_port = htons(port);
		e->addr_len = sizeof(*v4);
		snprintf(e->name, sizeof(e->name), "%s:%u", host, port);
	} else {
		memcpy(&v6->sin6_addr, bytes, 16);
		v6->sin6_port = htons(port);
		e->addr_len = sizeof(*v6);
		snprintf(e->name, sizeof(e->name), "[%s]:%u", host, port);
	}
}

/*
 * Cut the address, without its brackets, off *rest, which then holds ":port"
 * or nothing.  Without brackets a second colon means IPv6, and no port.
 */
static int
cut_host(struct str *rest, struct str *host_r)
{
	struct str inner = *rest;
	const char *colon;

	if (rest->len > 0 && rest->s[0] == '[') {
		if (!memchr(rest->s, ']', rest->len))
			return -1;
		str_cut(&inner, '[');
		*host_r = str_cut(&inner, ']');
		if (str_starts_nocase(*host_r, "IPv6:"))
			str_cut(host_r, ':');
		*rest = inner;
		return 0;
	}
	colon = rest->len > 0 ? memchr(rest->s, ':', rest->len) : NULL;
	if (colon && !memchr(colon + 1, ':', rest->s + rest->len - colon - 1))
		host_r->len = colon - rest->s;
	else
		host_r->len = rest->len;
	host_r->s = rest->s;
	rest->s += host_r->len;
	rest->len -= host_r->len;
	return 0;
}

const char *
endpoint_parse(struct str text, uint16_t port, struct endpoint *e_r)
{
	uint8_t bytes[16];
	struct str host;
	uint64_t number = port;
	int family;

	if (cut_host(&text, &host) == -1)
		return "\"]\" after the address";
	family = endpoint_address(host, bytes);
	if (family == -1)
		return expected;
	if (text.len > 0) {
		if (text.s[0] != ':')
			return expected;
		str_cut(&text, ':');
		if (str_number(text, UINT16_MAX, &number) == -1 || number == 0)
			return expected_port;
	}
	set_address(e_r, family, bytes, number);
	return NULL;
}

uint16_t
endpoint_port(const struct endpoint *e)
{
	if (e->addr.ss_family == AF_INET6)
		return ntohs(
		    ((const struct sockaddr_in6 *)&e->addr)->sin6_port);
	return ntohs(((const struct sockaddr_in *)&e->addr)->sin_port);
}

/* The name is made from the address alone, so it is as good as comparing. */
bool
endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
	return strcmp(a->name, b->name) == 0;
}
