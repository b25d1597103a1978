/* SPDX-License-Identifier: ISC */
/*
 * What is done with a route that was parsed.
 */
#include <stdlib.h>
#include <string.h>

#include "mail/route.h"

/* The same place in the other one's text; "" is in neither. */
static struct str
moved(struct str piece, const struct route *from, const struct route *to)
{
	if (piece.len > 0)
		piece.s = to->text + (piece.s - from->text);
	return piece;
}

void
route_copy(struct route *to, const struct route *from)
{
	to->kind = from->kind;
	to->nhops = from->nhops;
	to->nservers = from->nservers;
	to->port = from->port;
	to->prio = from->prio;
	to->shards = from->shards;
	memcpy(to->servers, from->servers,
	    from->nservers * sizeof(from->servers[0]));
	memcpy(to->profile, from->profile, sizeof(to->profile));
	memcpy(to->text, from->text, strlen(from->text) + 1);
	memcpy(to->fallback, from->fallback, strlen(from->fallback) + 1);
	to->zone = moved(from->zone, from, to);
	to->path = moved(from->path, from, to);
	for (size_t i = 0; i < from->nhops; i++) {
		to->hops[i] = from->hops[i];
		to->hops[i].host = moved(from->hops[i].host, from, to);
	}
}

static void
shuffle(const struct hop **hops, size_t n)
{
	const struct hop *kept;
	size_t j;

	for (size_t i = n; i > 1; i--) {
		j = arc4random_uniform(i);
		kept = hops[i - 1];
		hops[i - 1] = hops[j];
		hops[j] = kept;
	}
}

/* Hops are sorted by weight since they were parsed. */
void
route_order(const struct route *r, const struct hop *out[HOPS_MAX])
{
	size_t from = 0;

	for (size_t i = 0; i < r->nhops; i++) {
		out[i] = &r->hops[i];
		if (r->hops[i].weight == r->hops[from].weight)
			continue;
		shuffle(out + from, i - from);
		from = i;
	}
	shuffle(out + from, r->nhops - from);
}
