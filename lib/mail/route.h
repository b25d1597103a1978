/* SPDX-License-Identifier: ISC */
/*
 * Where mail for an address goes: the first answer of routing table, local
 * domains and default route.  Used by engine, sender and queue-tool alike, so
 * that what is explained is what happens.  Layer: mail.
 */
#ifndef MAIL_ROUTE_H
#define MAIL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/entry.h"
#include "mail/hop.h"
#include "mail/map.h"
#include "mail/profile.h"
#include "mail/settings.h"

#define HOPS_MAX         64
#define DESTINATION_SIZE 1024 /* of a canonical destination with its NUL */

enum route_kind { ROUTE_MX, ROUTE_SMTP, ROUTE_LMTP, ROUTE_MAILDIR };

/* hops, zone and path point into text, so a route cannot be copied by
 * assignment. */
struct route {
	enum route_kind kind;
	struct hop hops[HOPS_MAX];
	size_t nhops;
	struct str zone; /* mx zone=: appended to every look-up */
	struct endpoint servers[RESOLVERS_MAX]; /* mx query=: asked instead */
	size_t nservers;
	uint16_t port;   /* mx port=: of the MX hosts; 0: 25 */
	struct str path; /* maildir: with %u, %d and %%; absolute, or below
	                  * the spool root */
	char profile[PROFILE_NAME_MAX + 1];
	char prio;       /* of the profile */
	unsigned shards; /* that its messages are dealt over: one for a domain,
	                  * and never more than it may have connections, so
	                  * that each shard has a part of them to itself */
	char where[256]; /* FILE:LINE of the entry that matched */
	/* what matched: "user@a.example", "a.example", ".example", "*"; as much
	 * of a longer one as there is room for */
	char pattern[ADDRESS_MAX + 1];
	/* canonical: equal ones share connections, queues and suspensions */
	char destination[DESTINATION_SIZE];
	char tag[TAG_LEN + 1];
	char text[DESTINATION_SIZE];     /* canonical, without its fallback */
	char fallback[DESTINATION_SIZE]; /* canonical: the route of those who
	                                  * are unknown by this one; or "" */
};

/*
 * Parse the written form, "smtp 10=a.example 20=[192.0.2.9]:2525 PROFILE", "mx
 * zone=z.example query=192.0.2.53 port=25", "lmtp unix:/run/lmtp",
 * "maildir:/path" (the old "lookup-mx:zone=...;query=..." too).  The profile is
 * the last word when that is bare: several hops need a weight each.  Behind the
 * word "fallback" another route may stand.  NULL, or what was expected, with
 * *at_r the offset of the mistake.  Fills kind, hops, zone, servers, path,
 * profile, fallback and text, which reads back to the same route.
 */
const char *route_parse(struct str text, struct route *r_r, size_t *at_r);

/* All that route_parse() fills, with prio and shards, from another one. */
void route_copy(struct route *to, const struct route *from);

/* Append it with its fallback: as compiled. */
void route_format(const struct route *r, struct buf *out);

/* ---- the search: route_find.c ---- */

/*
 * The look-up key of a pattern as it is written in the routing table,
 * "user@a.example", "a.example", ".example", "*", or of a domain alone.  NULL,
 * or what was expected.
 */
const char *route_pattern(struct str text, char key_r[ADDRESS_MAX + 1]);

enum route_answer {
	ROUTE_FOUND,
	ROUTE_NONE,     /* no entry and no default route: 5.4.4 */
	ROUTE_TEMPFAIL, /* the map is damaged or lacks the profile: try later */
};

/* What one look-up of the search came to. */
enum step_answer {
	STEP_ABSENT,  /* there is no entry */
	STEP_DIFFERS, /* there is one, which does not match */
	STEP_SENDER,  /* there is one, for mail from others */
	STEP_UNKNOWN, /* there is one, and nobody knows: a limit was reached */
	STEP_MATCHES,
};

/* Each step of the search as it is made, for people. */
struct route_step {
	const char *name; /* "parent domain" */
	const char *key;  /* what was looked up, or the entry's pattern */
	enum step_answer answer;
	const char *where; /* FILE:LINE of the entry; "" when there is none */
};

typedef void route_step_fn(void *arg, const struct route_step *step);

/* What is asked for; all but the recipient may be left out. */
struct route_query {
	const char *recipient;
	/* "": the null sender.  NULL: not known; then no entry that is limited
	 * to senders answers; it is a step all the same. */
	const char *sender;
	route_step_fn *on_step;
	void *arg;
};

/*
 * Find the route for a recipient's address, everything filled in.  In the
 * look-up the local part is lower case too; an address without a domain,
 * <postmaster>, is looked up as the setting postmaster.
 */
enum route_answer route_find(
    struct map *m, const struct route_query *query, struct route *r_r);

/*
 * The route for an address that is given, as a rule does, instead of searched:
 * everything filled in.  Another profile for a route that was found, or its
 * fallback, when it has one, in its place.  ROUTE_FOUND or ROUTE_TEMPFAIL.
 */
enum route_answer route_given(struct map *m, const char *text,
    const char *where, const char *address, struct route *r_r);
enum route_answer route_with_profile(
    struct map *m, const char *profile, const char *address, struct route *r);
enum route_answer route_fall_back(
    struct map *m, const char *address, struct route *r);

/* Is it a local domain? 1, 0, or -1 when the map is damaged. */
int route_is_local(struct map *m, struct str domain);

/* Hops in the order in which to try them now: weight classes from low to high,
 * shuffled within each. */
void route_order(const struct route *r, const struct hop *out[HOPS_MAX]);

#endif
