/* SPDX-License-Identifier: ISC */
/*
 * TLS towards other hosts, as a layer of an io: RFC 8446 and RFC 5246, nothing
 * older.  Layer: proc.  The only file that knows OpenSSL is tls.c.
 *
 * A handshake succeeds with any certificate; who needs a certain one asks
 * afterwards, before anything is sent.  Sessions are resumed, with the same
 * name at the same address only, those of TLS 1.3 once each.
 */
#ifndef PROC_TLS_H
#define PROC_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "proc/io.h"

#define TLS_DIGEST 32 /* bytes of SHA-256 */

struct tls_client; /* what all connections share; one a process */
struct tls;        /* one connection */

/* NULL with the reason in *why_r. */
struct tls_client *tls_client_new(const char **why_r);
void tls_client_free(struct tls_client **client);

/*
 * From now on certificates are verified by these authorities, in PEM, and
 * sessions that were verified by others are forgotten: how many there are.
 * "": nobody is trusted.
 */
size_t tls_client_trust(struct tls_client *client, struct str pem);

/*
 * A connection to be, for io_starttls(), which frees it with the io.  `name` is
 * the host's: asked for (SNI) unless it is an address in brackets, and looked
 * for in its certificate.  `place` tells hosts of one name apart, for
 * resumption: "mx.example[192.0.2.1]:25".
 */
struct tls *tls_new(
    struct tls_client *client, int fd, const char *name, const char *place);
struct io_layer *tls_layer(struct tls *t);

/* Why it failed, after IO_ERROR; never NULL. */
const char *tls_why(const struct tls *t);

/* ---- after IO_SECURED ---- */

/* NULL: its certificate is verified, for its name; or why it is not. */
const char *tls_unverified(const struct tls *t);

/* Has its certificate, or the public key in it, one of these SHA-256? */
bool tls_pinned(
    const struct tls *t, const uint8_t pins[][TLS_DIGEST], size_t npins);

bool tls_resumed(const struct tls *t);

/* For the log. */
struct tls_facts {
	const char *version; /* "TLSv1.3"; NULL: in clear */
	const char *cipher;  /* "TLS_AES_256_GCM_SHA384" */
	bool verified;
};
struct tls_facts tls_facts(const struct tls *t);

#endif
