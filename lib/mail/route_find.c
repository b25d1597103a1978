/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mail/pattern.h"
#include "mail/route.h"
#include "mail/route_search.h"

/* ---- keys ---- */

/* A domain, or an address literal in its brackets. */
static const char *
domain_key(struct str text, char key_r[ADDRESS_MAX + 1])
{
	char mailbox[ADDRESS_MAX + 1];
	struct address addr;
	const char *expected;

	if (text.len > 0 && text.s[0] == '[') {
		if (text.len > DOMAIN_MAX)
			return "a shorter address literal";
		snprintf(
		    mailbox, sizeof(mailbox), "x@%.*s", (int)text.len, text.s);
		expected = address_parse(str_of(mailbox), &addr);
	} else {
		expected = domain_check(text, true);
	}
	if (expected)
		return expected;
	if (pattern_domain(text, key_r, DOMAIN_MAX + 1) == -1)
		return "a domain of at most 255 characters";
	return NULL;
}

const char *
route_pattern(struct str text, char key_r[ADDRESS_MAX + 1])
{
	struct address addr;
	struct str parent = text;
	const char *expected;

	if (str_eq(text, "*")) {
		str_copy(key_r, ADDRESS_MAX + 1, text);
		return NULL;
	}
	if (text.len > 0 && memchr(text.s, '@', text.len)) {
		expected = address_parse(text, &addr);
		if (expected)
			return expected;
		return pattern_address(&addr, key_r) == 0
		           ? NULL
		           : "an address of at most 320 characters";
	}
	if (text.len == 0 || text.s[0] != '.')
		return domain_key(text, key_r);
	str_cut(&parent, '.');
	expected = domain_check(parent, true);
	if (expected)
		return expected;
	key_r[0] = '.';
	return domain_canonical(parent, key_r + 1, DOMAIN_MAX + 1) == 0
	           ? NULL
	           : "a domain of at most 255 characters";
}

/* ---- the search ---- */

static int
probe(struct search *s, const char *step, char table, const char *key)
{
	char where[256] = "";
	int found;

	found = map_find(s->map, table, str_of(key), &s->where, &s->value);
	if (found == -1 || !s->on_step)
		return found;
	if (found == 1)
		str_copy(where, sizeof(where), s->where);
	s->on_step(s->arg, &(struct route_step){step, key,
			       found == 1 ? STEP_MATCHES : STEP_ABSENT, where});
	return found;
}

/* An entry of the routing table: one that is limited to this sender goes
 * before the one for all. */
static int
probe_entry(struct search *s, const char *step, const char *key)
{
	int found = 0;

	if (s->limited || (s->some_limited && s->on_step))
		found = route_lines_limited(s, step, key);
	return found == 0 ? probe(s, step, 'R', key) : found;
}

/* The domain, then its parents from long to short. */
static int
probe_domains(struct search *s, char *pattern_r)
{
	const char *parent;
	int found;

	str_copy(pattern_r, DOMAIN_MAX + 1, str_of(s->domain));
	found = probe_entry(s, "domain", pattern_r);
	if (s->domain[0] == '[')
		return found;
	for (parent = strchr(s->domain, '.'); found == 0 && parent;
	     parent = strchr(parent + 1, '.')) {
		str_copy(pattern_r, DOMAIN_MAX + 1, str_of(parent));
		found = probe_entry(s, "parent domain", pattern_r);
	}
	return found;
}

/* The routing table: address, address patterns, domain, parents, regular
 * expressions. */
static int
probe_table(struct search *s, char *pattern_r)
{
	int found;

	if (s->address[0] == '\0')
		return 0;
	str_copy(pattern_r, ADDRESS_MAX + 1, str_of(s->address));
	found = probe_entry(s, "address", pattern_r);
	if (found == 0)
		found = route_lines_globs(s, pattern_r);
	if (found == 0)
		found = probe_domains(s, pattern_r);
	if (found == 0)
		found = route_lines_regexes(s, pattern_r);
	return found;
}

/* A local domain that names no route goes by the setting local-route. */
static int
probe_local(struct search *s, char *pattern_r)
{
	struct str where;
	int found;

	str_copy(pattern_r, DOMAIN_MAX + 1, str_of(s->domain));
	found = probe(s, "local domain", 'D', pattern_r);
	if (found != 1 || s->value.len > 0)
		return found;
	where = s->where;
	found = probe(s, "setting", 'S', "local-route");
	s->where = where;
	return found == 0 ? -1 : found;
}

static int
probe_default(struct search *s, char *pattern_r)
{
	str_copy(pattern_r, 2, str_of("*"));
	return probe_entry(s, "default route", pattern_r);
}

/* Mail to <postmaster> goes where the setting says. */
static const char *
postmaster_address(struct map *m, char out[ADDRESS_MAX + 1])
{
	struct str value;

	if (map_find(m, 'S', str_of("postmaster"), NULL, &value) == 1)
		snprintf(out, ADDRESS_MAX + 1, "%.*s", (int)value.len, value.s);
	else if (map_find(m, 'S', str_of("hostname"), NULL, &value) == 1)
		snprintf(out, ADDRESS_MAX + 1, "postmaster@%.*s",
		    (int)value.len, value.s);
	else
		str_copy(out, ADDRESS_MAX + 1, str_of("postmaster@localhost"));
	return out;
}

/* ---- what was found ---- */

/* Routes are kept so short by route_parse() that it fits. */
static void
set_destination(struct route *r, const char *domain)
{
	struct buf b = {0};

	if (r->kind == ROUTE_MX)
		buf_addf(&b, "mx %s%s", domain, r->text + strlen("mx"));
	else
		buf_add_str(&b, r->text);
	if (strcmp(r->profile, "default") == 0)
		buf_addf(&b, " %s", r->profile);
	assert(b.len < sizeof(r->destination));
	memcpy(r->destination, b.data, b.len + 1);
	buf_free(&b);
	tag_make(r->destination, r->tag);
}

static unsigned
shards_of(const struct route *r, const struct profile *p)
{
	if (r->kind == ROUTE_MX)
		return 1;
	if (r->kind == ROUTE_MAILDIR || p->concurrency > SHARDS)
		return SHARDS;
	return p->concurrency;
}

/* Does the profile exist?  cdbmaps has seen to it. */
static int
take_profile(struct search *s, struct route *r)
{
	struct profile profile;
	int found = profile_find(s->map, r->profile, &profile);

	if (found == 0)
		log_warnx(
		    "map: no profile %s, wanted at %s", r->profile, r->where);
	if (found != 1)
		return -1;
	r->prio = profile.prio;
	r->shards = shards_of(r, &profile);
	return 0;
}

/* What the entry says, whatever the address. */
static int
read_entry(struct search *s, struct route *r)
{
	const char *expected;
	size_t at;

	str_copy(r->where, sizeof(r->where), s->where);
	expected = route_parse(s->value, r, &at);
	if (expected) {
		log_warnx("map: route at %s: expected %s", r->where, expected);
		return -1;
	}
	return take_profile(s, r);
}

static enum route_answer
take(struct search *s, struct route *r)
{
	if (read_entry(s, r) == -1)
		return ROUTE_TEMPFAIL;
	set_destination(r, s->domain);
	return ROUTE_FOUND;
}

/* The entry that was read last: one message after the other goes the same
 * way. */
struct last {
	const char *value; /* in the map */
	struct route route;
};

static enum route_answer
take_from_map(struct search *s, struct route *r)
{
	void **kept = map_keep(s->map, MAP_KEEPS_ROUTE, free);
	struct last *last = *kept;

	if (!last)
		last = *kept = mem_alloc(sizeof(*last));
	if (last->value != s->value.s) {
		last->value = NULL;
		if (read_entry(s, &last->route) == -1)
			return ROUTE_TEMPFAIL;
		last->value = s->value.s;
	}
	str_copy(r->where, sizeof(r->where), s->where);
	route_copy(r, &last->route);
	set_destination(r, s->domain);
	return ROUTE_FOUND;
}

/* The sender as it is looked up; one that is no address matches nothing. */
static void
search_sender(struct search *s, const char *sender)
{
	struct address addr;

	s->limited = false;
	if (!sender)
		return;
	if (sender[0] != '\0' &&
	    (address_parse(str_of(sender), &addr) != NULL ||
		pattern_address(&addr, s->sender) == -1))
		return;
	s->limited = true;
}

/* 1 found, 0 nothing answers, -1 no answer for now. */
static int
search(struct search *s, char *pattern_r)
{
	int found, some;

	some = map_find(s->map, 'F', str_of(""), NULL, &s->value);
	if (some == -1)
		return -1;
	s->some_limited = some;
	s->limited = s->limited && some;
	found = probe_table(s, pattern_r);
	if (found == 0)
		found = probe_local(s, pattern_r);
	if (found == 0)
		found = probe_default(s, pattern_r);
	return found;
}

enum route_answer
route_find(struct map *m, const struct route_query *query, struct route *r_r)
{
	struct search s = {
	    .map = m, .on_step = query->on_step, .arg = query->arg};
	const char *recipient = query->recipient;
	char postmaster[ADDRESS_MAX + 1];
	struct address addr;

	if (!strchr(recipient, '@'))
		recipient = postmaster_address(m, postmaster);
	if (address_parse(str_of(recipient), &addr) != NULL ||
	    pattern_domain(addr.domain, s.domain, sizeof(s.domain)) == -1)
		return ROUTE_NONE;
	if (pattern_address(&addr, s.address) == -1)
		s.address[0] = '\0';
	search_sender(&s, query->sender);
	switch (search(&s, r_r->pattern)) {
	case 1:
		return take_from_map(&s, r_r);
	case 0:
		return ROUTE_NONE;
	}
	return ROUTE_TEMPFAIL;
}

/* The domain of a recipient as it is looked up: 0, or -1 when it has none. */
static int
recipient_domain(struct search *s, const char *address)
{
	char postmaster[ADDRESS_MAX + 1];
	struct address addr;

	if (!strchr(address, '@'))
		address = postmaster_address(s->map, postmaster);
	if (address_parse(str_of(address), &addr) != NULL)
		return -1;
	return pattern_domain(addr.domain, s->domain, sizeof(s->domain));
}

enum route_answer
route_given(struct map *m, const char *text, const char *where,
    const char *address, struct route *r_r)
{
	struct search s = {
	    .map = m, .where = str_of(where), .value = str_of(text)};

	if (recipient_domain(&s, address) == -1)
		return ROUTE_NONE;
	r_r->pattern[0] = '\0';
	return take(&s, r_r);
}

/* Another one for what matched. */
static enum route_answer
route_instead(
    struct map *m, const char *text, const char *address, struct route *r)
{
	char pattern[ADDRESS_MAX + 1], where[sizeof(r->where)];
	enum route_answer answer;

	memcpy(pattern, r->pattern, sizeof(pattern));
	memcpy(where, r->where, sizeof(where));
	answer = route_given(m, text, where, address, r);
	memcpy(r->pattern, pattern, sizeof(pattern));
	return answer;
}

enum route_answer
route_with_profile(
    struct map *m, const char *profile, const char *address, struct route *r)
{
	char fallback[sizeof(r->fallback)];
	size_t len = strlen(r->text);
	struct buf text = {0};
	enum route_answer answer;

	if (strcmp(r->profile, "default") != 0)
		len -= strlen(r->profile) + 1;
	buf_addf(&text, "%.*s %s", (int)len, r->text, profile);
	memcpy(fallback, r->fallback, sizeof(fallback));
	answer = route_instead(m, text.data, address, r);
	memcpy(r->fallback, fallback, sizeof(fallback));
	buf_free(&text);
	return answer;
}

enum route_answer
route_fall_back(struct map *m, const char *address, struct route *r)
{
	char text[sizeof(r->fallback)];

	if (r->fallback[0] == '\0')
		return ROUTE_FOUND;
	memcpy(text, r->fallback, sizeof(text));
	return route_instead(m, text, address, r);
}

int
route_is_local(struct map *m, struct str domain)
{
	char key[DOMAIN_MAX + 1];
	struct str route;

	if (pattern_domain(domain, key, sizeof(key)) == -1)
		return 0;
	return map_find(m, 'D', str_of(key), NULL, &route);
}
