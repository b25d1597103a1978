/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "mail/route.h"

/* ---- keys ---- */

/* An address literal is kept as it is, in lower case. */
static int
canonical_domain(struct str domain, char *out, size_t size)
{
	if (domain.len == 0 || domain.s[0] != '[')
		return domain_canonical(domain, out, size);
	if (str_copy(out, size, domain) == -1)
		return -1;
	str_lower(out, domain.len);
	return 0;
}

/* RFC 5321, 4.1.2: "joe"@a.example and joe@a.example are one mailbox. */
static size_t
unquote(struct str local, char out[ADDRESS_MAX + 1])
{
	size_t n = 0;

	if (local.len < 2 || local.s[0] != '"') {
		str_copy(out, ADDRESS_MAX + 1, local);
		return local.len;
	}
	for (size_t i = 1; i < local.len - 1; i++) {
		if (local.s[i] == '\\' && i < local.len - 2)
			i++;
		out[n++] = local.s[i];
	}
	return n;
}

static int
address_key(const struct address *addr, char key_r[ADDRESS_MAX + 1])
{
	size_t n;

	if (addr->whole.len > ADDRESS_MAX)
		return -1;
	n = unquote(addr->local, key_r);
	str_lower(key_r, n);
	key_r[n++] = '@';
	return canonical_domain(addr->domain, key_r + n, ADDRESS_MAX + 1 - n);
}

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
	if (canonical_domain(text, key_r, DOMAIN_MAX + 1) == -1)
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
		return address_key(&addr, key_r) == 0
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

struct search {
	struct map *map;
	route_step_fn *on_step;
	void *arg;
	char domain[DOMAIN_MAX + 1]; /* canonical */
	struct str where, value;     /* of the probe that matched */
};

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
	s->on_step(s->arg, step, key, found == 1, where);
	return found;
}

/* The routing table: address, domain, parents from long to short. */
static int
probe_table(struct search *s, const struct address *addr, char *pattern_r)
{
	const char *parent;
	int found;

	if (address_key(addr, pattern_r) == -1)
		return 0;
	found = probe(s, "address", 'R', pattern_r);
	if (found != 0)
		return found;
	str_copy(pattern_r, DOMAIN_MAX + 1, str_of(s->domain));
	found = probe(s, "domain", 'R', pattern_r);
	if (addr->literal)
		return found;
	for (parent = strchr(s->domain, '.'); found == 0 && parent;
	     parent = strchr(parent + 1, '.')) {
		str_copy(pattern_r, DOMAIN_MAX + 1, str_of(parent));
		found = probe(s, "parent domain", 'R', pattern_r);
	}
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
	return probe(s, "default route", 'R', pattern_r);
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

/* Does the profile exist?  cdbmaps has seen to it. */
static int
take_profile(struct search *s, struct route *r)
{
	struct profile profile;
	int found = profile_find(s->map, r->profile, &profile);

	if (found == 0)
		log_warnx(
		    "map: no profile %s, wanted at %s", r->profile, r->where);
	if (found == 1)
		r->prio = profile.prio;
	return found == 1 ? 0 : -1;
}

static enum route_answer
take(struct search *s, struct route *r)
{
	const char *expected;
	size_t at;

	str_copy(r->where, sizeof(r->where), s->where);
	expected = route_parse(s->value, r, &at);
	if (expected) {
		log_warnx("map: route at %s: expected %s", r->where, expected);
		return ROUTE_TEMPFAIL;
	}
	if (take_profile(s, r) == -1)
		return ROUTE_TEMPFAIL;
	set_destination(r, s->domain);
	return ROUTE_FOUND;
}

enum route_answer
route_find(struct map *m, const char *address, struct route *r_r,
    route_step_fn *on_step, void *arg)
{
	struct search s = {.map = m, .on_step = on_step, .arg = arg};
	char postmaster[ADDRESS_MAX + 1];
	struct address addr;
	int found;

	if (!strchr(address, '@'))
		address = postmaster_address(m, postmaster);
	if (address_parse(str_of(address), &addr) != NULL ||
	    canonical_domain(addr.domain, s.domain, sizeof(s.domain)) == -1)
		return ROUTE_NONE;
	found = probe_table(&s, &addr, r_r->pattern);
	if (found == 0)
		found = probe_local(&s, r_r->pattern);
	if (found == 0)
		found = probe_default(&s, r_r->pattern);
	if (found == 0)
		return ROUTE_NONE;
	return found == 1 ? take(&s, r_r) : ROUTE_TEMPFAIL;
}

int
route_is_local(struct map *m, struct str domain)
{
	char key[DOMAIN_MAX + 1];
	struct str route;

	if (canonical_domain(domain, key, sizeof(key)) == -1)
		return 0;
	return map_find(m, 'D', str_of(key), NULL, &route);
}
