/* SPDX-License-Identifier: ISC */
#include "mail/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DNS_PORT 53
/* The destination of an mx route has the domain in it as well. */
#define MX_TEXT_MAX (DESTINATION_SIZE - DOMAIN_MAX - PROFILE_NAME_MAX - 4)

static const char expected_kind[] =
    "a route: smtp, lmtp, mx, maildir: or lookup-mx:";
static const char expected_weights[] =
    "a weight for each of several hops, as in 10=a.example 20=b.example";
static const char expected_host[] =
    "another host: \"fallback\" is the word for a second route";
static const char expected_words[] = "at most a profile's name after this";

/* What is left to read, and where the last mistake is. */
struct scan {
	struct str rest;
	const char *at;
};

static struct str
next_word(struct scan *sc)
{
	struct str word = str_word(&sc->rest);

	sc->at = word.s;
	return word;
}

/* ---- reading ---- */

static const char *
parse_profile(struct scan *sc, struct str word, struct route *r)
{
	const char *expected = profile_name_check(word);

	if (expected)
		return expected;
	str_copy(r->profile, sizeof(r->profile), word);
	return next_word(sc).len > 0 ? expected_words : NULL;
}

static const char *
parse_hop(struct scan *sc, struct str word, struct route *r)
{
	struct hop *hop = &r->hops[r->nhops];
	const char *expected;

	if (r->nhops == HOPS_MAX)
		return "at most 64 hops";
	expected = hop_parse(word, r->kind == ROUTE_LMTP, hop, &sc->at);
	if (expected)
		return expected;
	if (str_eq_nocase(hop->host, ROUTE_FALLBACK))
		return expected_host;
	for (size_t i = 0; i < r->nhops; i++)
		if (hop_same(hop, &r->hops[i]))
			return "each hop once";
	r->nhops++;
	return NULL;
}

static bool
has_weight(struct str word)
{
	return word.len > 0 && memchr(word.s, '=', word.len);
}

/* What cannot be a profile's name was meant as a hop. */
static const char *
parse_last_word(struct scan *sc, struct str word, struct route *r)
{
	if (profile_name_check(word) != NULL)
		return expected_weights;
	return parse_profile(sc, word, r);
}

static const char *
parse_hops(struct scan *sc, struct route *r)
{
	struct str first = next_word(sc), word = first;
	const char *expected;

	if (first.len == 0)
		return "a next hop, as in a.example or [192.0.2.9]:2525";
	do {
		expected = parse_hop(sc, word, r);
		if (expected)
			return expected;
		word = next_word(sc);
	} while (has_weight(word));
	if (r->nhops > 1 && !has_weight(first)) {
		sc->at = first.s;
		return expected_weights;
	}
	return word.len > 0 ? parse_last_word(sc, word, r) : NULL;
}

static const char *
parse_servers(struct scan *sc, struct str list, struct route *r)
{
	struct str text;
	const char *expected;

	do {
		text = str_cut(&list, ',');
		sc->at = text.s;
		if (r->nservers == RESOLVERS_MAX)
			return "at most 8 DNS servers";
		expected =
		    endpoint_parse(text, DNS_PORT, &r->servers[r->nservers]);
		if (expected)
			return expected;
		r->nservers++;
	} while (list.len > 0);
	return NULL;
}

static const char *
parse_mx_port(struct scan *sc, struct str text, struct route *r)
{
	uint64_t port;

	sc->at = text.s;
	if (str_number(text, UINT16_MAX, &port) == -1 || port == 0)
		return "a port from 1 to 65535";
	r->port = (uint16_t)port;
	return NULL;
}

static const char *
parse_option(struct scan *sc, struct str word, struct route *r)
{
	struct str name = str_cut(&word, '=');
	const char *expected;

	if (str_eq(name, "zone") && r->zone.len == 0) {
		sc->at = word.s;
		expected = domain_check(word, false);
		r->zone = word;
		return expected;
	}
	if (str_eq(name, "query") && r->nservers == 0)
		return parse_servers(sc, word, r);
	if (str_eq(name, "port") && r->port == 0)
		return parse_mx_port(sc, word, r);
	return "zone=DOMAIN, query=ADDRESS,ADDRESS or port=NUMBER, each once";
}

static const char *
parse_mx(struct scan *sc, struct route *r)
{
	struct str word;
	const char *expected;

	while (has_weight(word = next_word(sc))) {
		expected = parse_option(sc, word, r);
		if (expected)
			return expected;
	}
	return word.len > 0 ? parse_profile(sc, word, r) : NULL;
}

/* The old form: "lookup-mx:zone=a.example;query=192.0.2.53,192.0.2.54". */
static const char *
parse_lookup_mx(struct scan *sc, struct str options, struct route *r)
{
	struct str word;
	const char *expected;

	while (options.len > 0) {
		word = str_cut(&options, ';');
		sc->at = word.s;
		expected = parse_option(sc, word, r);
		if (expected)
			return expected;
	}
	word = next_word(sc);
	return word.len > 0 ? parse_profile(sc, word, r) : NULL;
}

/* Is it a name that the spool uses itself, or may become one? */
static bool
is_spool_name(struct str name)
{
	bool own = str_eq(name, "tmp") || str_eq(name, "map") ||
	           str_eq(name, "control") || str_eq(name, "locks") ||
	           name.s[0] == '.' || memchr(name.s, '%', name.len);

	for (enum state state = 0; state < STATES && !own; state++)
		own = str_eq(name, state_name(state));
	return own;
}

/* "%u", "%d" and "%%" only. */
static const char *
check_percents(struct scan *sc, struct str path)
{
	for (size_t i = 0; i < path.len; i++) {
		if (path.s[i] != '%')
			continue;
		sc->at = path.s + i++;
		if (i == path.len || !strchr("ud%", path.s[i]))
			return "%u, %d or %% in the path";
	}
	return NULL;
}

/* No step upwards; what is relative stands beside the spool's directories. */
static const char *
check_path(struct scan *sc, struct str path)
{
	struct str rest = path, part;

	if (path.len == 0)
		return "a path, as in maildir:/var/mail/%d/%u";
	for (bool first = true; rest.len > 0; first = false) {
		part = str_cut(&rest, '/');
		sc->at = part.s;
		if (first && part.len > 0 && is_spool_name(part))
			return "a whole path, or one below the spool that "
			       "begins with a name of its own, as in mail/%d";
		if (str_eq(part, ".."))
			return "a path without \"..\"";
	}
	return check_percents(sc, path);
}

static const char *
parse_maildir(struct scan *sc, struct str path, struct route *r)
{
	const char *expected;
	struct str word;

	sc->at = path.s;
	expected = check_path(sc, path);
	if (expected)
		return expected;
	r->path = path;
	word = next_word(sc);
	return word.len > 0 ? parse_profile(sc, word, r) : NULL;
}

/* Everything points into the text. */
static const char *
parse(struct scan *sc, struct route *r)
{
	struct str word, after;

	r->nhops = r->nservers = 0;
	r->port = 0;
	r->zone = r->path = (struct str){"", 0};
	str_copy(r->profile, sizeof(r->profile), str_of("default"));
	word = after = next_word(sc);
	str_cut(&after, ':');
	if (str_eq(word, "smtp") || str_eq(word, "lmtp")) {
		r->kind = word.s[0] == 's' ? ROUTE_SMTP : ROUTE_LMTP;
		return parse_hops(sc, r);
	}
	r->kind = ROUTE_MX;
	if (str_eq(word, "mx"))
		return parse_mx(sc, r);
	if (str_eq(word, "lookup-mx") || str_starts_nocase(word, "lookup-mx:"))
		return parse_lookup_mx(sc, after, r);
	r->kind = ROUTE_MAILDIR;
	if (str_starts_nocase(word, "maildir:"))
		return parse_maildir(sc, after, r);
	return expected_kind;
}

/* ---- writing ---- */

static void
add_mx(struct buf *out, const struct route *r)
{
	char zone[DOMAIN_MAX + 1];

	buf_add_str(out, "mx");
	if (r->zone.len > 0 &&
	    domain_canonical(r->zone, zone, sizeof(zone)) == 0)
		buf_addf(out, " zone=%s", zone);
	for (size_t i = 0; i < r->nservers; i++)
		buf_addf(out, "%s%s", i ? "," : " query=", r->servers[i].name);
	if (r->port != 0)
		buf_addf(out, " port=%u", r->port);
}

static void
add_hops(struct buf *out, struct route *r)
{
	bool lmtp = r->kind == ROUTE_LMTP;

	buf_add_str(out, lmtp ? "lmtp" : "smtp");
	for (size_t i = 0; i < r->nhops; i++) {
		buf_add_char(out, ' ');
		hop_format(&r->hops[i], lmtp, r->nhops > 1, out);
	}
}

static void
format(struct route *r, struct buf *out)
{
	switch (r->kind) {
	case ROUTE_MX:
		add_mx(out, r);
		break;
	case ROUTE_MAILDIR:
		buf_addf(out, "maildir:%.*s", (int)r->path.len, r->path.s);
		break;
	case ROUTE_SMTP:
	case ROUTE_LMTP:
		add_hops(out, r);
		break;
	}
	if (strcmp(r->profile, "default") != 0)
		buf_addf(out, " %s", r->profile);
}

/* A path may hold any other byte, and is a string to the system. */
static const char *
find_control(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.s[i] < ' ' && text.s[i] != '\t')
			return text.s + i;
	return NULL;
}

/* Store what the route is in canonical words as its text, and let everything
 * point there. */
static const char *
settle(struct route *r)
{
	struct buf canonical = {0};
	struct scan sc;
	const char *expected = "a shorter route";
	size_t max = r->kind == ROUTE_MX
	                 ? MX_TEXT_MAX
	                 : DESTINATION_SIZE - PROFILE_NAME_MAX - 2;

	format(r, &canonical);
	if (canonical.len <= max) {
		memcpy(r->text, canonical.data, canonical.len + 1);
		sc = (struct scan){str_of(r->text), r->text};
		expected = parse(&sc, r);
	}
	buf_free(&canonical);
	return expected;
}

static bool
is_sorted(const struct route *r)
{
	for (size_t i = 1; i < r->nhops; i++)
		if (hop_compare(&r->hops[i - 1], &r->hops[i]) > 0)
			return false;
	return true;
}

/*
 * Hops can only be sorted, and equal ones found, when their names are
 * canonical already.
 */
static const char *
parse_one(struct str text, struct route *r_r, size_t *at_r)
{
	struct scan sc = {text, text.s};
	const char *expected;

	*at_r = 0;
	sc.at = find_control(text);
	expected = sc.at ? "text without control characters" : parse(&sc, r_r);
	if (expected) {
		*at_r = sc.at - text.s;
		return expected;
	}
	expected = settle(r_r);
	if (expected || is_sorted(r_r))
		return expected;
	qsort(r_r->hops, r_r->nhops, sizeof(r_r->hops[0]), hop_compare);
	return settle(r_r);
}

/* ---- the fallback ---- */

/* Cut what stands behind the word off: false when it is not there. */
static bool
cut_fallback(struct str *text, struct str *fallback_r)
{
	struct str rest = *text, word;

	while ((word = str_word(&rest)).len > 0) {
		if (!str_eq_nocase(word, ROUTE_FALLBACK))
			continue;
		text->len = word.s - text->s;
		word = rest;
		word = str_word(&word); /* the first of the fallback */
		*fallback_r = (struct str){word.s, rest.s + rest.len - word.s};
		return true;
	}
	return false;
}

/* Another one, which has none itself. */
static const char *
parse_fallback(struct str text, struct route *r, size_t *at_r)
{
	static struct route other; /* large; used here only */
	struct str rest = text, more;
	const char *expected;

	if (r->kind == ROUTE_MAILDIR) {
		*at_r = 0;
		return "a fallback only for what hosts may refuse";
	}
	if (cut_fallback(&rest, &more)) {
		*at_r = rest.len;
		return "one fallback";
	}
	expected = parse_one(text, &other, at_r);
	if (!expected && strcmp(other.text, r->text) == 0)
		expected = "another route as the fallback";
	if (!expected)
		memcpy(r->fallback, other.text, sizeof(r->fallback));
	return expected;
}

const char *
route_parse(struct str text, struct route *r_r, size_t *at_r)
{
	struct str first = text, second;
	bool has_fallback = cut_fallback(&first, &second);
	const char *expected = parse_one(first, r_r, at_r);

	r_r->fallback[0] = '\0';
	if (expected || !has_fallback)
		return expected;
	expected = parse_fallback(second, r_r, at_r);
	*at_r += second.s - text.s;
	return expected;
}

void
route_format(const struct route *r, struct buf *out)
{
	buf_add_str(out, r->text);
	if (r->fallback[0] != '\0')
		buf_addf(out, " " ROUTE_FALLBACK " %s", r->fallback);
}
