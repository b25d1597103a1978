/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <string.h>

#include "mail/route.h"

/* The routing table is asked before local domains are. */
static void
check_reached(const struct row *row, const char *domain)
{
	const struct record *r = route_covering(domain);

	if (r && row->nwords > 1)
		mistake(row_place(row, 1),
		    "expected no route here: it is never reached, as the one "
		    "at %s answers first",
		    record_place(r));
	else if (!r && row->nwords == 1 &&
		 !record_find('S', str_of("local-route")))
		row_mistake(row, 1, 0,
		    "a route (or local-route in the settings)", NULL);
}

void
on_domain(void *arg, const struct row *row)
{
	struct str domain = row->words[0].text;
	char key[ADDRESS_MAX + 1];
	const char *expected, *route = "";
	const struct record *r;

	(void)arg;
	if (memchr(domain.s, '@', domain.len) || domain.s[0] == '.' ||
	    str_eq(domain, "*"))
		expected = "a domain (patterns belong in the table routes)";
	else
		expected = route_pattern(domain, key);
	if (row->nwords > 1)
		route = route_of_row(row, 1);
	if (expected) {
		row_mistake(row, 0, 0, expected, NULL);
		return;
	}
	check_reached(row, key);
	if (record_add('D', str_of(key), str_of(route ? route : ""), row))
		return;
	r = record_find('D', str_of(key));
	if (!record_by_hand(r) || row->source->by_hand)
		mistake(row_place(row, 0),
		    "expected each domain once; %s is already at %s", key,
		    record_place(r));
}
