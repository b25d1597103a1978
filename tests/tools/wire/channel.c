/* SPDX-License-Identifier: ISC */
#include "channel.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

SSL_CTX *
channel_context(const char *path)
{
	static const unsigned char name[] = "smtp-sink";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_use_certificate_chain_file(ctx, path) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_set_session_id_context(ctx, name, sizeof(name)) != 1) {
		ERR_print_errors_fp(stderr);
		errx(1, "%s: no key and certificate", path);
	}
	SSL_CTX_set_read_ahead(ctx, 1); /* a record by one read(2) */
	return ctx;
}

bool
channel_secure(struct channel *c, SSL_CTX *ctx)
{
	c->ssl = SSL_new(ctx);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
		return false;
	SSL_set_accept_state(c->ssl);
	return true;
}

ssize_t
channel_read(struct channel *c, char *data_r, size_t size)
{
	ssize_t n;

	if (c->ssl == NULL) {
		n = read(c->fd, data_r, size);
		if (n == -1 && errno == EAGAIN)
			return 0;
		return n > 0 ? n : -1;
	}
	ERR_clear_error();
	n = SSL_read(c->ssl, data_r, size < INT_MAX ? (int)size : INT_MAX);
	if (n > 0)
		return n;
	return SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_READ ? 0 : -1;
}

bool
channel_pending(const struct channel *c)
{
	return c->ssl != NULL && SSL_has_pending(c->ssl);
}

bool
channel_write(struct channel *c, const char *data, size_t len)
{
	if (c->ssl == NULL)
		return write(c->fd, data, len) == (ssize_t)len;
	ERR_clear_error();
	return SSL_write(c->ssl, data, (int)len) == (int)len;
}

/* Not within a handshake, where OpenSSL has nothing to say goodbye to. */
static void
say_goodbye(struct channel *c)
{
	ERR_clear_error();
	if (c->ssl != NULL && SSL_is_init_finished(c->ssl))
		SSL_shutdown(c->ssl);
}

void
channel_finish(struct channel *c)
{
	say_goodbye(c);
	shutdown(c->fd, SHUT_WR);
}

void
channel_close(struct channel *c)
{
	say_goodbye(c);
	SSL_free(c->ssl);
	close(c->fd);
}
