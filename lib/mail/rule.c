/* SPDX-License-Identifier: ISC */
#include "mail/rule.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/regex.h"
#include "mail/address.h"
#include "mail/pattern.h"
#include "mail/quantity.h"
#include "mail/rule_scan.h"

static const char *const condition_words[] = {
    [CONDITION_FROM] = "from",
    [CONDITION_TO] = "to",
    [CONDITION_CLIENT] = "client",
    [CONDITION_LOGIN] = "login",
    [CONDITION_LISTENER] = "listener",
    [CONDITION_SIZE] = "size",
    [CONDITION_HEADER] = "header",
    [CONDITION_INBOUND] = "inbound",
    [CONDITION_OUTBOUND] = "outbound",
    "not",
    "then",
    NULL,
};
#define CONDITIONS (CONDITION_OUTBOUND + 1)

/* ---- values of conditions ---- */

static const char *
parse_regex(struct rule_scan *p, struct rule_value *v)
{
	struct str inner = {p->token.s + 1, p->token.len - 2};
	struct buf text = {0};
	const char *error;
	size_t at;

	if (inner.len == 0)
		return rule_expected(p, "an expression between / and /");
	v->regex = regex_compile(inner, true, &error, &at);
	if (v->regex)
		return NULL;
	p->at = inner.s + at;
	buf_addf(&text, "a regular expression (%s)", error);
	error = rule_keep(p->rule, text.data, text.len);
	buf_free(&text);
	return error;
}

/* An address, a domain, .domain, one of them with "*", "<>" or "*". */
static const char *
parse_address(struct rule_scan *p, struct rule_value *v)
{
	char key[ADDRESS_MAX + 1], domain[ADDRESS_MAX + 1];
	struct str text = rule_plain(p);
	const char *wrong;

	if (str_eq(text, "*")) {
		v->text = text;
		return NULL;
	}
	if (pattern_is_glob(text)) {
		wrong = pattern_glob(text, key, domain);
		if (!wrong)
			v->glob_domain =
			    rule_keep(p->rule, domain, strlen(domain));
	} else {
		wrong = pattern_sender(text, key);
	}
	if (wrong)
		return rule_expected(p, wrong);
	v->text = str_of(rule_keep(p->rule, key, strlen(key)));
	return NULL;
}

static const char *
parse_value(struct rule_scan *p, struct condition *c, struct rule_value *v)
{
	const char *wrong = NULL;
	struct str text;
	char *lower;

	if (p->kind == TOKEN_REGEX && c->kind != CONDITION_CLIENT)
		return parse_regex(p, v);
	if (c->kind == CONDITION_FROM || c->kind == CONDITION_TO)
		return parse_address(p, v);
	text = rule_plain(p);
	if (c->kind == CONDITION_CLIENT && !str_eq(text, "local"))
		wrong = cidr_parse(text, &v->network);
	if (wrong)
		return rule_expected(p, wrong);
	lower = rule_keep(p->rule, text.s, text.len);
	str_lower(lower, text.len);
	v->text = (struct str){lower, text.len};
	return NULL;
}

static bool
ends_values(const struct rule_scan *p)
{
	return p->kind == TOKEN_END ||
	       rule_find_word(p, condition_words, CONDITIONS + 2) != -1;
}

static const char *
parse_values(struct rule_scan *p, struct condition *c)
{
	const char *wrong;
	struct rule_value *v;

	while (!ends_values(p)) {
		if (p->broken)
			return rule_expected(p, p->broken);
		c->values =
		    mem_resize(c->values, c->nvalues + 1, sizeof(c->values[0]));
		v = &c->values[c->nvalues++];
		*v = (struct rule_value){0};
		wrong = parse_value(p, c, v);
		if (wrong)
			return wrong;
		rule_take(p);
	}
	return NULL;
}

/* ---- conditions ---- */

static const char *
parse_size(struct rule_scan *p, struct condition *c)
{
	static const char *const words[] = {"over", "under", NULL};

	if (!rule_is_word(p, "over") && !rule_is_word(p, "under"))
		return rule_expected_word(p, "\"over\" or \"under\"", words);
	c->under = rule_is_word(p, "under");
	rule_take(p);
	if (p->kind != TOKEN_WORD || quantity_size(p->token, &c->size) == -1)
		return rule_expected(p, "a size such as 500k or 20m");
	rule_take(p);
	return NULL;
}

static const char *
parse_field(struct rule_scan *p, struct condition *c)
{
	c->field = p->token;
	if (c->field.len > 1 && c->field.s[c->field.len - 1] == ':')
		c->field.len--;
	if (p->kind != TOKEN_WORD || !rule_is_name(c->field))
		return rule_expected(p, "the name of a header field");
	rule_take(p);
	return parse_values(p, c);
}

static const char *
parse_arguments(struct rule_scan *p, struct condition *c)
{
	const char *wrong;

	switch (c->kind) {
	case CONDITION_INBOUND:
	case CONDITION_OUTBOUND:
		return NULL;
	case CONDITION_SIZE:
		return parse_size(p, c);
	case CONDITION_HEADER:
		return parse_field(p, c);
	default:
		wrong = parse_values(p, c);
		if (wrong || c->nvalues > 0)
			return wrong;
		return rule_expected(
		    p, c->kind == CONDITION_CLIENT
			   ? "an address, a network or \"local\""
			   : "what to compare it with");
	}
}

static const char *
parse_condition(struct rule_scan *p)
{
	struct rule *r = p->rule;
	const char *start = p->token.s, *wrong;
	struct condition *c;
	int kind;

	r->conditions = mem_resize(
	    r->conditions, r->nconditions + 1, sizeof(r->conditions[0]));
	c = &r->conditions[r->nconditions++];
	*c = (struct condition){.negated = rule_is_word(p, "not")};
	if (c->negated)
		rule_take(p);
	kind = rule_find_word(p, condition_words, CONDITIONS);
	if (kind == -1)
		return rule_expected_word(p,
		    c->negated ? "a condition" : "a condition or \"then\"",
		    condition_words);
	c->kind = (enum condition_kind)kind;
	rule_take(p);
	wrong = parse_arguments(p, c);
	c->written = (struct str){start, (size_t)(p->token.s - start)};
	while (c->written.len > 0 && c->written.s[c->written.len - 1] == ' ')
		c->written.len--;
	return wrong;
}

/* ---- the whole ---- */

static const char *
parse(struct rule_scan *p)
{
	const char *wrong;

	rule_look(p);
	if (p->kind != TOKEN_WORD || !rule_is_name(p->token) ||
	    rule_find_word(p, condition_words, CONDITIONS + 2) != -1)
		return rule_expected(p,
		    "a name for the rule, of letters, digits, "
		    "\"-\" and \"_\"");
	p->rule->name = p->token;
	rule_take(p);
	while (!rule_is_word(p, "then")) {
		wrong = parse_condition(p);
		if (wrong)
			return wrong;
	}
	rule_take(p);
	return rule_parse_actions(p);
}

const char *
rule_parse(struct str text, struct rule *r_r, size_t *at_r,
    const char *const **known_r)
{
	struct rule_scan p = {.rule = r_r};
	const char *wrong;

	*r_r = (struct rule){.text = mem_ndup(text.s, text.len)};
	p.rest = (struct str){r_r->text, text.len};
	wrong = parse(&p);
	*at_r = wrong ? (size_t)(p.at - r_r->text) : 0;
	*known_r = p.known;
	return wrong;
}

void
rule_free(struct rule *r)
{
	for (size_t i = 0; i < r->nconditions; i++) {
		for (size_t j = 0; j < r->conditions[i].nvalues; j++)
			regex_free(&r->conditions[i].values[j].regex);
		free(r->conditions[i].values);
	}
	for (size_t i = 0; i < r->nmade; i++)
		free(r->made[i]);
	free(r->made);
	free(r->conditions);
	free(r->actions);
	free(r->text);
	*r = (struct rule){0};
}
