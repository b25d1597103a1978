/* SPDX-License-Identifier: ISC */
/*
 * One search for a route, private to route_find.c and route_lines.c.  Layer:
 * mail.
 */
#ifndef MAIL_ROUTE_SEARCH_H
#define MAIL_ROUTE_SEARCH_H

#include <stdbool.h>

#include "mail/route.h"

struct search {
	struct map *map;
	route_step_fn *on_step;
	void *arg;
	char address[ADDRESS_MAX + 1]; /* canonical, "": too long to match */
	char domain[DOMAIN_MAX + 1];
	char sender[ADDRESS_MAX + 1];
	bool some_limited;       /* there are entries limited to senders */
	bool limited;            /* and they may answer */
	struct str where, value; /* of the probe that matched */
};

/*
 * Entries that share a record, in the order in which they were written: 1 with
 * s->where and s->value set, 0, or -1: the map is damaged or a limit of the
 * regular expressions was reached, and nobody knows what would have matched.
 * `pattern_r` is what matched, cut to ADDRESS_MAX.
 */
int route_lines_limited(struct search *s, const char *step, const char *key);
int route_lines_globs(struct search *s, char *pattern_r);
int route_lines_regexes(struct search *s, char *pattern_r);

#endif
