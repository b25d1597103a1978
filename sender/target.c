/* SPDX-License-Identifier: ISC */
#include "target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "mail/endpoint.h"
#include "sender.h"

void
target_name(const struct target *t, char out[TARGET_NAME_SIZE])
{
	const struct sockaddr_in *in = (const void *)&t->addr;
	const struct sockaddr_in6 *in6 = (const void *)&t->addr;
	const char *host = t->host[0] == '[' ? "" : t->host;
	char addr[INET6_ADDRSTRLEN];

	switch (t->addr.ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &in->sin_addr, addr, sizeof(addr));
		snprintf(out, TARGET_NAME_SIZE, "%s[%s]:%u", host, addr,
		    ntohs(in->sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &in6->sin6_addr, addr, sizeof(addr));
		snprintf(out, TARGET_NAME_SIZE, "%s[%s]:%u", host, addr,
		    ntohs(in6->sin6_port));
		break;
	default:
		snprintf(out, TARGET_NAME_SIZE, "%s", t->host);
		break;
	}
}

const struct sockaddr *
target_source(const struct target *t)
{
	static struct sockaddr_in in = {.sin_family = AF_INET};
	static struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct str text = str_of(sender.set->source_address);
	uint8_t bytes[16];

	if (text.len == 0 || endpoint_address(text, bytes) != t->addr.ss_family)
		return NULL;
	if (t->addr.ss_family == AF_INET) {
		memcpy(&in.sin_addr, bytes, sizeof(in.sin_addr));
		return (const struct sockaddr *)&in;
	}
	memcpy(&in6.sin6_addr, bytes, sizeof(in6.sin6_addr));
	return (const struct sockaddr *)&in6;
}
