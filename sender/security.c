/* SPDX-License-Identifier: ISC */
#include "security.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "connect.h"
#include "destination.h"
#include "proc/tls.h"
#include "sender.h"

#define CA_SIZE_MAX  (16 << 20)
#define IN_CLEAR_MS  (15 * 60 * 1000)
#define CLEAR_PLACES 256 /* hosts remembered; one more takes another's place */

static struct tls_client *client;

/* Hosts that offer TLS and cannot do it. */
static struct {
	char host[TARGET_NAME_SIZE];
	int64_t until_ms;
} in_clear[CLEAR_PLACES];

/* ---- authorities ---- */

static void
read_authorities(void)
{
	const char *path = sender.set->tls_ca_file;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buf pem = {0};

	if (fd == -1 || fd_slurp(fd, &pem, CA_SIZE_MAX) == -1)
		log_warn(
		    "tls-ca-file %s: no certificate can be verified", path);
	else if (tls_client_trust(client, (struct str){pem.data, pem.len}) > 0)
		goto out;
	else
		log_warnx("tls-ca-file %s: it has no certificate: none can be "
			  "verified",
		    path);
	tls_client_trust(client, str_of(""));
out:
	buf_free(&pem);
	fd_close(&fd);
}

void
security_start(void)
{
	const char *why;

	client = tls_client_new(&why);
	if (client == NULL)
		fatalx("set up TLS: %s", why);
	read_authorities();
}

void
security_remap(void)
{
	read_authorities();
}

/* ---- before the handshake ---- */

static size_t
place_of(const struct conn *c)
{
	return hash_bytes(c->host, strlen(c->host)) % CLEAR_PLACES;
}

static bool
is_in_clear(const struct conn *c)
{
	size_t i = place_of(c);

	return strcmp(in_clear[i].host, c->host) == 0 &&
	       in_clear[i].until_ms > clock_steady_ms();
}

bool
security_wanted(const struct conn *c)
{
	enum tls_level level = c->dest->profile.tls;

	return c->tls == NULL && level != TLS_NONE &&
	       (level != TLS_OPPORTUNISTIC || !is_in_clear(c));
}

bool
security_begin(struct conn *c)
{
	const char *name = c->targets[c->target].host;

	c->tls = tls_new(client, io_fd(c->io), name, c->host);
	if (io_starttls(c->io, tls_layer(c->tls)) == 0)
		return true;
	c->tls = NULL;
	return false;
}

/* ---- afterwards ---- */

static const char *
reason(const struct conn *c, const char *code, const char *what)
{
	static char text[512];
	const struct profile *p = &c->dest->profile;

	snprintf(text, sizeof(text), "%s tls %s (profile %s): %s", code,
	    profile_tls_name(p->tls), p->name, what);
	return text;
}

const char *
security_lacks(const struct conn *c)
{
	const struct profile *p = &c->dest->profile;
	const char *why;

	if (p->tls <= TLS_OPPORTUNISTIC)
		return NULL;
	if (c->tls == NULL)
		return reason(c, "4.7.4", "STARTTLS is not offered");
	if (p->tls == TLS_VERIFY) {
		why = tls_unverified(c->tls);
		return why != NULL ? reason(c, "4.7.5", why) : NULL;
	}
	if (p->tls == TLS_PIN && !tls_pinned(c->tls, p->tls_pins, p->ntls_pins))
		return reason(c, "4.7.5",
		    "neither certificate nor key is one of those pinned");
	return NULL;
}

const char *
security_failed(const struct conn *c, const char *why)
{
	return reason(c, "4.7.5", why);
}

bool
security_fall_back(struct conn *c, const char *why)
{
	size_t i = place_of(c);

	if (c->dest->profile.tls != TLS_OPPORTUNISTIC || is_in_clear(c))
		return false;
	str_copy(in_clear[i].host, sizeof(in_clear[i].host), str_of(c->host));
	in_clear[i].until_ms = clock_steady_ms() + IN_CLEAR_MS;
	log_warnx("host %s: no TLS for 15 minutes: %s", c->host, why);
	return true;
}
