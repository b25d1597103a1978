/* SPDX-License-Identifier: ISC */
/*
 * From a route and a domain to the addresses to try, in order.
 *
 * The rules of MX are here (RFC 5321, 5.1; RFC 7505); the DNS itself is asked
 * by a confined process of its own (names.h), and only at the servers that the
 * configuration or the route names.
 */
#ifndef SENDER_RESOLVE_H
#define SENDER_RESOLVE_H

#include <stddef.h>
#include <sys/socket.h>

#include "mail/address.h"
#include "mail/route.h"
#include "mail/settings.h"

struct target {
	char host[256]; /* the name it came from, or the address in brackets */
	struct sockaddr_storage addr; /* a unix socket too, for lmtp */
	socklen_t addr_len;
};

enum resolve_status {
	RESOLVE_OK,       /* one target at least */
	RESOLVE_TEMPFAIL, /* try later */
	RESOLVE_PERMFAIL, /* no such domain, null MX...: fail */
};

struct resolve_answer {
	enum resolve_status status;
	const struct target *targets; /* valid during the call */
	size_t ntargets;
	const char *text; /* why not: "5.1.2 domain does not exist" */
};

typedef void resolve_fn(void *arg, const struct resolve_answer *answer);
struct resolve;

/* The domain whose MX a route of kind ROUTE_MX asks for. */
void resolve_domain(const struct route *route, char out[DOMAIN_MAX + 1]);

/* Start the resolver process; once a worker, before the first question. */
void resolve_start(const struct settings *set);
/* New settings after a new map: later questions go by them. */
void resolve_settings(const struct settings *set);

/*
 * Resolve: on_done is called from the loop, once, never from within this call;
 * then the handle is gone.  `domain` is the recipient's (ROUTE_MX only);
 * follow_alias is the profile's.
 * resolve_cancel: no call follows; stores NULL.
 */
struct resolve *resolve_route(const struct route *route, const char *domain,
    bool follow_alias, resolve_fn *on_done, void *arg);
void resolve_cancel(struct resolve **r);

#endif
