/* SPDX-License-Identifier: ISC */
/* The octets of a connection, in clear or, from some moment on, in TLS. */
#ifndef WIRE_CHANNEL_H
#define WIRE_CHANNEL_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct channel {
	int fd; /* does not block */
	SSL *ssl;
};

/*
 * For a server that shows what this file has, in PEM: a key and a certificate
 * for it.  TLS 1.2 at least, sessions may be resumed.  A failure ends the
 * program.
 */
SSL_CTX *channel_context(const char *path);

/* The next octet that the peer sends begins its handshake. */
bool channel_secure(struct channel *c, SSL_CTX *ctx);

/* Returns the number of octets, 0 when there are none now, -1 at the end. */
ssize_t channel_read(struct channel *c, char *data_r, size_t size);

/* There may be more to read that the descriptor does not tell of. */
bool channel_pending(const struct channel *c);

/* All of it, or false. */
bool channel_write(struct channel *c, const char *data, size_t len);

/* Nothing more is written; what the peer says can still be read. */
void channel_finish(struct channel *c);

void channel_close(struct channel *c);

#endif
