/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <string.h>

#include "mail/route.h"

/* The routing table is asked before local domains are. */
static void
check_reached(const struct row *row, size_t from, const char *domain)
{
	const struct record *r = route_covering(domain);

	if (r && row->nwords > from)
		mistake(row_place(row, from),
		    "expected no route here: it is never reached, as the one "
		    "at %s answers first",
		    record_place(r));
	else if (!r && row->nwords == from &&
		 !record_find('S', str_of("local-route")))
		row_mistake(row, from, 0,
		    "a route (or local-route in the settings)", NULL);
}

/* "recipients=listed": in which word does the route begin? */
static size_t
route_word(const struct row *row)
{
	struct str text;

	if (row->nwords < 2 ||
	    !str_starts_nocase(row->words[1].text, "recipients="))
		return 1;
	text = row->words[1].text;
	str_cut(&text, '=');
	if (!str_eq(text, "listed"))
		row_mistake(
		    row, 1, strlen("recipients="), "recipients=listed", NULL);
	return 2;
}

void
on_domain(void *arg, const struct row *row)
{
	struct str domain = row->words[0].text;
	char key[ADDRESS_MAX + 1];
	const char *expected, *route = "";
	const struct record *r;
	size_t from = route_word(row);

	(void)arg;
	if (memchr(domain.s, '@', domain.len) || domain.s[0] == '.' ||
	    str_eq(domain, "*"))
		expected = "a domain (patterns belong in the table routes)";
	else
		expected = route_pattern(domain, key);
	if (row->nwords > from)
		route = route_of_row(row, from);
	if (expected) {
		row_mistake(row, 0, 0, expected, NULL);
		return;
	}
	check_reached(row, from, key);
	if (from == 2)
		record_add('C', str_of(key), str_of("listed"), row);
	if (record_add('D', str_of(key), str_of(route ? route : ""), row))
		return;
	r = record_find('D', str_of(key));
	if (!record_by_hand(r) || row->source->by_hand)
		mistake(row_place(row, 0),
		    "expected each domain once; %s is already at %s", key,
		    record_place(r));
}
