/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <netinet/in.h>
#include <string.h>

#include "mail/route.h"

/* ---- what only the whole of the tables can tell ---- */

static int
check_profile(const struct row *row, size_t last, const struct route *route)
{
	const char *expected = "the name of a profile";

	if (record_find('P', str_of(route->profile)))
		return 0;
	if (route->nhops == 1)
		expected = "the name of a profile (several hops need a weight "
			   "each, as in 10=a.example 20=b.example)";
	row_mistake(row, last, 0, expected, profiles_known());
	return -1;
}

/* The word of the row in which a hop is written. */
static size_t
word_of(const struct row *row, size_t from, const struct hop *hop, bool lmtp)
{
	struct hop other;
	struct buf name = {0}, written = {0};
	const char *at;
	size_t i;

	hop_format(hop, lmtp, false, &name);
	for (i = from; i < row->nwords; i++) {
		buf_clear(&written);
		if (hop_parse(row->words[i].text, lmtp, &other, &at) == NULL)
			hop_format(&other, lmtp, false, &written);
		if (strcmp(buf_text(&written), buf_text(&name)) == 0)
			break;
	}
	buf_free(&name);
	buf_free(&written);
	return i < row->nwords ? i : from - 1;
}

static bool
is_loopback(const struct endpoint *e)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&e->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&e->addr;

	if (e->addr.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static bool
is_wildcard(const struct endpoint *e)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&e->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&e->addr;

	if (e->addr.ss_family == AF_INET)
		return v4->sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

/* Would a connection to that hop come back to this listener? */
static bool
reaches(const struct hop *hop, const struct endpoint *listener)
{
	struct endpoint e;

	if (hop->is_unix || hop->port != endpoint_port(listener))
		return false;
	if (!hop->literal)
		return str_eq(hop->host, "localhost")
		           ? is_loopback(listener) || is_wildcard(listener)
		           : str_eq(hop->host, settings_compiled()->hostname);
	if (endpoint_parse(hop->host, hop->port, &e) != NULL)
		return false;
	return endpoint_same(&e, listener) ||
	       (is_wildcard(listener) && is_loopback(&e));
}

static int
check_hop(const struct row *row, size_t from, const struct hop *hop, bool lmtp)
{
	const struct settings *set = settings_compiled();
	struct place place;

	for (size_t i = 0; i < set->nlisteners; i++) {
		if (!reaches(hop, &set->listeners[i]))
			continue;
		place = row_place(row, word_of(row, from + 1, hop, lmtp));
		mistake(place,
		    "expected another host: we listen on %s ourselves, and "
		    "mail would go in circles",
		    set->listeners[i].name);
		return -1;
	}
	if (hop->literal || hop->is_unix || set->nresolvers > 0 ||
	    str_eq(hop->host, "localhost"))
		return 0;
	place = row_place(row, word_of(row, from + 1, hop, lmtp));
	mistake(place,
	    "expected an address, or a resolver in the settings to look up "
	    "%.*s",
	    (int)hop->host.len, hop->host.s);
	return -1;
}

/* One route, in the words from <= i < to. */
static int
check_route(
    const struct row *row, size_t from, size_t to, const struct route *route)
{
	int status = check_profile(row, to - 1, route);
	bool lmtp = route->kind == ROUTE_LMTP;

	for (size_t i = 0; i < route->nhops; i++)
		if (check_hop(row, from, &route->hops[i], lmtp) == -1)
			status = -1;
	if (route->kind == ROUTE_MX && route->nservers == 0 &&
	    settings_compiled()->nresolvers == 0) {
		mistake(row_place(row, from),
		    "expected query=ADDRESS here, or a resolver in the "
		    "settings, to ask for MX records");
		status = -1;
	}
	return status;
}

/* It and its fallback. */
static int
check_routes(const struct row *row, size_t from, const struct route *route)
{
	static struct route fallback; /* large; used here only */
	size_t at, to = from;
	int status;

	while (to < row->nwords &&
	       !str_eq_nocase(row->words[to].text, ROUTE_FALLBACK))
		to++;
	status = check_route(row, from, to, route);
	if (to == row->nwords)
		return status;
	route_parse(str_of(route->fallback), &fallback, &at);
	if (check_route(row, to + 1, row->nwords, &fallback) == -1)
		status = -1;
	return status;
}

const char *
route_of_row(const struct row *row, size_t from)
{
	static const char *const kinds[] = {
	    "smtp", "lmtp", "mx", "maildir:", "lookup-mx:", NULL};
	static struct route route; /* large; used here only */
	static struct buf text;
	const char *expected;
	size_t at;

	expected =
	    route_parse(row_join(row, from, row->nwords, &text), &route, &at);
	if (expected) {
		row_mistake(row, from, at, expected, at == 0 ? kinds : NULL);
		return NULL;
	}
	if (check_routes(row, from, &route) == -1)
		return NULL;
	buf_clear(&text);
	route_format(&route, &text);
	return text.data;
}
