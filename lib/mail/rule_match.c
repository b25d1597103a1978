/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/regex.h"
#include "mail/address.h"
#include "mail/endpoint.h"
#include "mail/header.h"
#include "mail/pattern.h"
#include "mail/route.h"
#include "mail/rule.h"

/* ---- all of a map ---- */

/* 1 loaded, 0 there is none of that number, -1 with the reason logged. */
static int
load_one(struct map *m, size_t number, struct rule *rule)
{
	const char *const *known;
	struct str where, text;
	const char *wrong;
	char key[24];
	size_t at;
	int found;

	snprintf(key, sizeof(key), "%zu", number);
	found = map_find(m, 'O', str_of(key), &where, &text);
	if (found != 1)
		return found;
	wrong = rule_parse(text, rule, &at, &known);
	str_copy(rule->where, sizeof(rule->where), where);
	if (!wrong)
		return 1;
	log_warnx("map: rule at %s: expected %s", rule->where, wrong);
	rule_free(rule);
	return -1;
}

static bool
looks_at_headers(const struct rule *r)
{
	for (size_t i = 0; i < r->nconditions; i++)
		if (r->conditions[i].kind == CONDITION_HEADER)
			return true;
	return false;
}

int
rules_load(struct map *m, struct rules *r_r)
{
	struct rule rule;
	int found;

	*r_r = (struct rules){0};
	while ((found = load_one(m, r_r->n, &rule)) == 1) {
		r_r->list =
		    mem_resize(r_r->list, r_r->n + 1, sizeof(r_r->list[0]));
		r_r->list[r_r->n++] = rule;
		if (looks_at_headers(&rule))
			r_r->headers = true;
	}
	if (found == -1)
		rules_free(r_r);
	return found;
}

void
rules_free(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		rule_free(&r->list[i]);
	free(r->list);
	*r = (struct rules){0};
}

/* ---- addresses ---- */

/* As it is looked up; what is no address is compared as it is. */
static void
canonical(const char *address, char key_r[ADDRESS_MAX + 1])
{
	struct address addr;

	if (address_parse(str_of(address), &addr) == NULL &&
	    addr.domain.len > 0 && pattern_address(&addr, key_r) == 0)
		return;
	snprintf(key_r, ADDRESS_MAX + 1, "%s", address);
	str_lower(key_r, strlen(key_r));
}

static bool
match_glob(const struct rule_value *v, const char *address)
{
	const char *at = strrchr(address, '@');
	struct str local = str_of(address);
	const char *domain = v->glob_domain;

	if (!at)
		return false;
	local.len = (size_t)(at - address);
	if (!pattern_glob_match(v->text, local))
		return false;
	return strcmp(domain, "*") == 0 || pattern_sender_match(str_of(domain),
					       str_of(at + (*domain != '.')));
}

static enum rule_answer
answer(int rc)
{
	if (rc == -1)
		return RULE_LATER;
	return rc == 1 ? RULE_YES : RULE_NO;
}

static enum rule_answer
match_address(const struct rule_value *v, const char *address)
{
	char key[ADDRESS_MAX + 1];

	canonical(address, key);
	if (v->regex)
		return answer(regex_match(v->regex, str_of(key)));
	if (v->glob_domain)
		return answer(match_glob(v, key));
	if (str_eq(v->text, "*"))
		return RULE_YES;
	return answer(pattern_sender_match(v->text, str_of(key)));
}

/* ---- other texts ---- */

/* "*" stands for anything; upper and lower case are the same. */
static enum rule_answer
match_text(const struct rule_value *v, struct str text)
{
	char *lower;
	bool same;

	if (v->regex)
		return answer(regex_match(v->regex, text));
	lower = mem_ndup(text.s, text.len);
	str_lower(lower, text.len);
	same = pattern_glob_match(v->text, (struct str){lower, text.len});
	free(lower);
	return answer(same);
}

static bool
match_client(const struct rule_value *v, const char *client)
{
	struct endpoint e;
	struct cidr whole, net;

	if (!client || endpoint_parse(str_of(client), 1, &e) != NULL ||
	    cidr_from_sockaddr((struct sockaddr *)&e.addr, &whole) == -1)
		return str_eq(v->text, "local");
	if (v->network.size != whole.size || v->network.len > 8 * whole.size)
		return false;
	net = cidr_network(&whole, v->network.len);
	return memcmp(net.bytes, v->network.bytes, whole.size) == 0;
}

/* Any of the values will do; who cannot be answered decides when none does. */
static enum rule_answer
match_any(const struct condition *c, struct str text)
{
	enum rule_answer all = RULE_NO, one;

	for (size_t i = 0; i < c->nvalues; i++) {
		if (c->kind == CONDITION_CLIENT)
			one = answer(match_client(&c->values[i], text.s));
		else if (c->kind == CONDITION_FROM || c->kind == CONDITION_TO)
			one = match_address(&c->values[i], text.s);
		else
			one = match_text(&c->values[i], text);
		if (one == RULE_YES)
			return one;
		if (one == RULE_LATER)
			all = one;
	}
	return all;
}

static enum rule_answer
match_given(const struct condition *c, const char *text)
{
	return text ? match_any(c, str_of(text)) : RULE_NO;
}

/* Of several fields of that name one is enough. */
static enum rule_answer
match_header(const struct condition *c, struct str header)
{
	enum rule_answer all = RULE_NO, one;
	struct header_field f;
	struct buf text = {0};

	while (all != RULE_YES && header_next(&header, &f)) {
		if (f.name.len != c->field.len ||
		    strncasecmp(f.name.s, c->field.s, f.name.len) != 0)
			continue;
		if (c->nvalues == 0) {
			all = RULE_YES;
			break;
		}
		buf_clear(&text);
		header_decode(f.body, &text);
		one = match_any(c, (struct str){buf_text(&text), text.len});
		if (one != RULE_NO)
			all = one;
	}
	buf_free(&text);
	return all;
}

/* ---- conditions ---- */

static enum rule_answer
match_inbound(struct map *m, const char *address)
{
	struct address addr;

	if (!strchr(address, '@'))
		return RULE_YES; /* our own postmaster */
	if (address_parse(str_of(address), &addr) != NULL)
		return RULE_NO;
	return answer(route_is_local(m, addr.domain));
}

static enum rule_answer
opposite(enum rule_answer a)
{
	if (a == RULE_LATER)
		return a;
	return a == RULE_YES ? RULE_NO : RULE_YES;
}

static bool
is_of_recipient(const struct condition *c)
{
	return c->kind == CONDITION_TO || c->kind == CONDITION_INBOUND ||
	       c->kind == CONDITION_OUTBOUND;
}

static enum rule_answer
match_one(const struct condition *c, const struct rule_subject *s, size_t i)
{
	const struct envelope *env = s->envelope;

	switch (c->kind) {
	case CONDITION_FROM:
		return match_given(c, env->sender);
	case CONDITION_TO:
		return match_any(c, str_of(env->recipients[i].address));
	case CONDITION_CLIENT:
		return match_any(c, (struct str){env->client, 0});
	case CONDITION_LOGIN:
		return match_given(c, env->login);
	case CONDITION_LISTENER:
		return match_given(c, env->listener);
	case CONDITION_SIZE:
		return answer(c->under ? s->size < c->size : s->size > c->size);
	case CONDITION_HEADER:
		return match_header(c, s->header);
	case CONDITION_INBOUND:
		return match_inbound(s->map, env->recipients[i].address);
	case CONDITION_OUTBOUND:
		return opposite(
		    match_inbound(s->map, env->recipients[i].address));
	}
	return RULE_NO;
}

/* All of them; one that certainly does not hold outweighs one that nobody
 * knows. */
static enum rule_answer
match_all(const struct rule *r, const struct rule_subject *s, bool of_recipient,
    size_t i, const struct condition **failing_r)
{
	enum rule_answer all = RULE_YES, one;

	*failing_r = NULL;
	for (size_t n = 0; n < r->nconditions; n++) {
		const struct condition *c = &r->conditions[n];

		if (is_of_recipient(c) != of_recipient)
			continue;
		one = match_one(c, s, i);
		if (c->negated)
			one = opposite(one);
		if (one == RULE_YES)
			continue;
		*failing_r = c;
		all = one;
		if (one == RULE_NO)
			break;
	}
	return all;
}

enum rule_answer
rule_match_message(const struct rule *r, const struct rule_subject *s,
    const struct condition **failing_r)
{
	return match_all(r, s, false, 0, failing_r);
}

enum rule_answer
rule_match_recipient(const struct rule *r, const struct rule_subject *s,
    size_t i, const struct condition **failing_r)
{
	return match_all(r, s, true, i, failing_r);
}
