/* SPDX-License-Identifier: ISC */
#include "address.h"

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

struct address
address_parse(const char *text)
{
	struct address a = {0};
	struct sockaddr_in *v4 = (void *)&a.sa;
	struct sockaddr_in6 *v6 = (void *)&a.sa;
	char host[64], *end;
	const char *colon = strrchr(text, ':');
	unsigned long port;

	if (colon == NULL || colon - text >= (long)sizeof(host))
		errx(2, "%s: expected ADDRESS:PORT", text);
	port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || end == colon + 1 || port > 65535)
		errx(2, "%s: expected a port after the colon", text);
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	end = host + strlen(host) - 1;
	if (host[0] == '[' && *end == ']') {
		*end = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		a.len = sizeof(*v6);
		if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1)
			return a;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)port);
	a.len = sizeof(*v4);
	if (inet_pton(AF_INET, host, &v4->sin_addr) != 1)
		errx(2, "%s: expected a numeric address", text);
	return a;
}

struct address
address_unix(const char *path)
{
	struct address a = {.len = sizeof(struct sockaddr_un)};
	struct sockaddr_un *un = (void *)&a.sa;

	un->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(un->sun_path))
		errx(2, "%s: too long for a unix socket", path);
	memcpy(un->sun_path, path, strlen(path) + 1);
	return a;
}

int
address_listen(const struct address *a)
{
	int fd, one = 1;

	fd = socket(
	    a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(1, "socket");
	if (a->sa.ss_family == AF_UNIX)
		unlink(((const struct sockaddr_un *)&a->sa)->sun_path);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const void *)&a->sa, a->len) == -1 ||
	    listen(fd, 4096) == -1)
		err(1, "listen");
	return fd;
}

static unsigned
port_of(const struct sockaddr_storage *sa)
{
	if (sa->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)sa)->sin_port);
	if (sa->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
	return 0;
}

unsigned
address_port(int fd)
{
	struct sockaddr_storage sa = {0};
	socklen_t len = sizeof(sa);

	return getsockname(fd, (void *)&sa, &len) == -1 ? 0 : port_of(&sa);
}

unsigned
address_peer_port(int fd)
{
	struct sockaddr_storage sa = {0};
	socklen_t len = sizeof(sa);

	return getpeername(fd, (void *)&sa, &len) == -1 ? 0 : port_of(&sa);
}
