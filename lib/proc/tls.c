/* SPDX-License-Identifier: ISC */
#include "proc/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/hash.h"
#include "base/log.h"

#define HOSTS       1024 /* with sessions; one more takes another's place */
#define TICKETS     32   /* of one: for so many connections at once */
#define TICKETS_ALL 4096 /* some KiB each */

/* The sessions that wait to be resumed with one host; the newest is the last. */
struct tickets {
	char *place;
	unsigned n;
	SSL_SESSION *list[TICKETS];
};

struct tls_client {
	SSL_CTX *ctx;
	struct tickets hosts[HOSTS];
	unsigned total; /* tickets */
	unsigned next;  /* host to be forgotten when there are too many */
};

struct tls {
	struct io_layer layer; /* first: a pointer to it is one to us */
	struct tls_client *client;
	SSL *ssl;
	char *place;
	int error; /* errno of what broke it; 0: whole */
	bool ended;
	bool nameless; /* its certificate can be verified for no name */
	char why[128];
};

/* ---- sessions ---- */

static struct tickets *
tickets_of(struct tls_client *client, const char *place)
{
	return &client->hosts[hash_bytes(place, strlen(place)) % HOSTS];
}

static void
tickets_forget(struct tls_client *client, struct tickets *host)
{
	client->total -= host->n;
	while (host->n > 0)
		SSL_SESSION_free(host->list[--host->n]);
	free(host->place);
	host->place = NULL;
}

static void
make_room(struct tls_client *client, struct tickets *host)
{
	while (client->total >= TICKETS_ALL)
		tickets_forget(client, &client->hosts[client->next++ % HOSTS]);
	if (host->n < TICKETS)
		return;
	SSL_SESSION_free(host->list[0]);
	client->total--;
	host->n--;
	memmove(host->list, host->list + 1, host->n * sizeof(host->list[0]));
}

/* Before that a session could be resumed as often as one liked. */
static bool
is_for_one_use(const SSL_SESSION *session)
{
	return SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
}

/* TLS 1.3 hands them over after the handshake, as often as the peer likes.
 * Returns 1: it is ours now. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *t = SSL_get_app_data(ssl);
	struct tickets *host = tickets_of(t->client, t->place);

	if (host->place != NULL &&
	    (strcmp(host->place, t->place) != 0 || !is_for_one_use(session)))
		tickets_forget(t->client, host);
	make_room(t->client, host);
	if (host->place == NULL)
		host->place = mem_dup(t->place);
	host->list[host->n++] = session;
	t->client->total++;
	return 1;
}

/* RFC 8446, C.4: a ticket is used once, or whoever listens could tell that two
 * connections are of one client. */
static void
resume(struct tls *t)
{
	struct tickets *host = tickets_of(t->client, t->place);
	SSL_SESSION *session;
	bool resumed = false;

	if (host->place == NULL || strcmp(host->place, t->place) != 0)
		return;
	while (host->n > 0 && !resumed) {
		session = host->list[host->n - 1];
		resumed = SSL_SESSION_is_resumable(session) &&
		          SSL_set_session(t->ssl, session) == 1;
		if (resumed && !is_for_one_use(session))
			return;
		host->n--;
		t->client->total--;
		SSL_SESSION_free(session); /* the connection holds it */
	}
}

/* A host that cannot bear its own tickets is to be asked without one. */
static void
not_secured(struct tls *t)
{
	struct tickets *host = tickets_of(t->client, t->place);

	if (host->place != NULL && strcmp(host->place, t->place) == 0)
		tickets_forget(t->client, host);
}

/* ---- what all share ---- */

static const char *
last_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	return reason != NULL ? reason : "unknown error";
}

/*
 * No certificate fails a handshake: what one needs is looked at afterwards.
 * Renegotiation, which TLS 1.2 would allow the peer at any time, is refused.
 */
static SSL_CTX *
make_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	return ctx;
}

struct tls_client *
tls_client_new(const char **why_r)
{
	struct tls_client *client = mem_alloc(sizeof(*client));

	ERR_clear_error();
	client->ctx = make_context();
	if (client->ctx != NULL)
		return client;
	*why_r = last_reason();
	free(client);
	return NULL;
}

static void
forget_sessions(struct tls_client *client)
{
	for (size_t i = 0; i < HOSTS; i++)
		tickets_forget(client, &client->hosts[i]);
}

void
tls_client_free(struct tls_client **client)
{
	if (*client == NULL)
		return;
	forget_sessions(*client);
	SSL_CTX_free((*client)->ctx);
	free(*client);
	*client = NULL;
}

static size_t
read_authorities(BIO *pem, X509_STORE *store)
{
	size_t n = 0;
	X509 *cert;

	while ((cert = PEM_read_bio_X509(pem, NULL, NULL, NULL)) != NULL) {
		n += X509_STORE_add_cert(store, cert) == 1;
		X509_free(cert);
	}
	ERR_clear_error(); /* the end of the text is one */
	return n;
}

size_t
tls_client_trust(struct tls_client *client, struct str pem)
{
	X509_STORE *store = X509_STORE_new();
	BIO *bio = BIO_new_mem_buf(pem.s, (int)pem.len);
	size_t n = 0;

	if (store != NULL && bio != NULL)
		n = read_authorities(bio, store);
	BIO_free(bio);
	forget_sessions(client);
	if (store != NULL)
		SSL_CTX_set_cert_store(client->ctx, store);
	return n;
}

/* ---- the layer ---- */

static void
say_why(struct tls *t, const char *why)
{
	struct str text = str_of(why);

	if (text.len >= sizeof(t->why))
		text.len = sizeof(t->why) - 1;
	str_copy(t->why, sizeof(t->why), text);
}

static int
broken(struct tls *t, int error, const char *why)
{
	t->error = errno = error;
	say_why(t, why);
	return -1;
}

/*
 * A call returned n <= 0: 0 for the end of the stream, or -1 and errno.  Many
 * hosts close without saying so in TLS; SMTP knows by itself what is whole, so
 * that is an end like any other.
 */
static int
not_done(struct tls *t, int n)
{
	int saved = errno;

	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_WANT_WRITE:
		t->layer.wants_write = true;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_READ:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		t->ended = true;
		return 0;
	case SSL_ERROR_SYSCALL:
		if (saved != 0)
			return broken(t, saved, strerror(saved));
		break;
	default:
		if (ERR_GET_REASON(ERR_peek_error()) !=
		    SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return broken(t, EPROTO, last_reason());
	}
	broken(t, ECONNRESET, "connection closed");
	t->ended = true;
	return 0;
}

/* Errors that another connection left behind must not decide ours. */
static void
prepare(struct tls *t)
{
	t->layer.wants_write = false;
	ERR_clear_error();
	errno = 0;
}

static int
tls_shake(struct io_layer *layer)
{
	struct tls *t = (struct tls *)layer;
	int n;

	prepare(t);
	n = SSL_do_handshake(t->ssl);
	if (n == 1)
		return 0;
	if (not_done(t, n) == 0)
		broken(t, ECONNRESET, "connection closed");
	if (t->error == 0)
		return -1; /* it goes on */
	not_secured(t);
	errno = t->error;
	return -1;
}

/* One record at most, and all of it when there is room: then nothing waits
 * inside that no event would tell of. */
static ssize_t
tls_read(struct io_layer *layer, void *data, size_t size)
{
	struct tls *t = (struct tls *)layer;
	int n;

	if (t->ended)
		return 0;
	if (t->error != 0) {
		errno = t->error;
		return -1;
	}
	prepare(t);
	n = SSL_read(t->ssl, data, (int)size);
	return n > 0 ? n : not_done(t, n);
}

static ssize_t
tls_write(struct io_layer *layer, const void *data, size_t len)
{
	struct tls *t = (struct tls *)layer;
	size_t done = 0;
	int n = 0, chunk;

	while (done < len && t->error == 0) {
		prepare(t);
		chunk = len - done < IO_RECORD ? (int)(len - done) : IO_RECORD;
		n = SSL_write(t->ssl, (const char *)data + done, chunk);
		if (n <= 0) {
			n = not_done(t, n);
			break;
		}
		done += (size_t)n;
	}
	t->layer.wants_write = false; /* io waits for that anyhow */
	if (done > 0)
		return (ssize_t)done;
	if (t->error != 0 || n == 0)
		errno = t->error != 0 ? t->error : EPIPE;
	return -1;
}

/* A host that closes without saying so in TLS would otherwise never have its
 * session resumed. */
static void
tls_close(struct io_layer *layer)
{
	struct tls *t = (struct tls *)layer;

	prepare(t);
	if (t->error == 0 && SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	else if (t->ended)
		SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN);
	SSL_free(t->ssl);
	free(t->place);
	free(t);
}

static const struct io_layer_calls calls = {
    .shake = tls_shake,
    .read = tls_read,
    .write = tls_write,
    .close = tls_close,
};

/* ---- one connection ---- */

/* False: it is no name that a certificate could have. */
static bool
set_name(SSL *ssl, const char *name)
{
	struct str text = str_of(name);
	char bare[256];

	if (text.len > 2 && text.s[0] == '[') {
		text = (struct str){text.s + 1, text.len - 2};
		return str_copy(bare, sizeof(bare), text) == 0 &&
		       X509_VERIFY_PARAM_set1_ip_asc(
			   SSL_get0_param(ssl), bare) == 1;
	}
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return text.len > 0 && SSL_set1_host(ssl, name) == 1 &&
	       SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls *
tls_new(struct tls_client *client, int fd, const char *name, const char *place)
{
	struct tls *t = mem_alloc(sizeof(*t));

	ERR_clear_error();
	t->layer.calls = &calls;
	t->client = client;
	t->place = mem_dup(place);
	t->ssl = SSL_new(client->ctx);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1)
		fatalx("no memory for TLS");
	SSL_set_app_data(t->ssl, t);
	t->nameless = !set_name(t->ssl, name);
	SSL_set_connect_state(t->ssl);
	resume(t);
	return t;
}

struct io_layer *
tls_layer(struct tls *t)
{
	return &t->layer;
}

const char *
tls_why(const struct tls *t)
{
	return t->why[0] != '\0' ? t->why : "not finished";
}

const char *
tls_unverified(const struct tls *t)
{
	long result = SSL_get_verify_result(t->ssl);

	if (SSL_get0_peer_certificate(t->ssl) == NULL)
		return "no certificate";
	if (t->nameless)
		return "no name to verify it for";
	if (result == X509_V_OK)
		return NULL;
	return X509_verify_cert_error_string(result);
}

bool
tls_pinned(const struct tls *t, const uint8_t pins[][TLS_DIGEST], size_t npins)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	unsigned char whole[TLS_DIGEST], key[TLS_DIGEST], *der = NULL;
	bool found = false;
	int len;

	if (cert == NULL || X509_digest(cert, EVP_sha256(), whole, NULL) != 1)
		return false;
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (len <= 0 ||
	    EVP_Digest(der, (size_t)len, key, NULL, EVP_sha256(), NULL) != 1)
		memcpy(key, whole, sizeof(key));
	OPENSSL_free(der);
	for (size_t i = 0; i < npins; i++)
		found |= memcmp(pins[i], whole, sizeof(whole)) == 0 ||
		         memcmp(pins[i], key, sizeof(key)) == 0;
	return found;
}

bool
tls_resumed(const struct tls *t)
{
	return SSL_session_reused(t->ssl) == 1;
}

struct tls_facts
tls_facts(const struct tls *t)
{
	return (struct tls_facts){
	    .version = SSL_get_version(t->ssl),
	    .cipher = SSL_get_cipher_name(t->ssl),
	    .verified = tls_unverified(t) == NULL,
	};
}
