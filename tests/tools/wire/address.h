/* SPDX-License-Identifier: ISC */
/* Numeric addresses and listening sockets for the test tools. */
#ifndef WIRE_ADDRESS_H
#define WIRE_ADDRESS_H

#include <sys/socket.h>

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* "127.0.0.1:25" or "[::1]:25"; anything else ends the program with exit 2. */
struct address address_parse(const char *text);

/* A local stream socket's path, likewise. */
struct address address_unix(const char *path);

/* A listening, non-blocking socket; a failure ends the program. */
int address_listen(const struct address *a);

/* The port a socket is bound to, or its peer's; 0 for a unix socket. */
unsigned address_port(int fd);
unsigned address_peer_port(int fd);

#endif
