/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <stdio.h>
#include <string.h>

#include "mail/rule.h"

static size_t count;
static char open_end[256]; /* the rule that lets nothing through, its place */

/* ---- from a rule's text back to the words of its row ---- */

/* The word that holds that offset of the words joined. */
static size_t
word_at(const struct row *row, size_t at, size_t *left_r)
{
	size_t i = 0;

	while (i + 1 < row->nwords && at > row->words[i].text.len)
		at -= row->words[i++].text.len + 1;
	*left_r = at;
	return i;
}

static size_t
word_of(const struct row *row, const struct rule *r, struct str slice)
{
	size_t left;

	return word_at(row, (size_t)(slice.s - r->text), &left);
}

/* ---- what only the other tables can tell ---- */

/* The words of a slice as a row of their own, which ends with them. */
static void
check_route(const struct row *row, const struct rule *r, struct str route)
{
	struct str last = {route.s + route.len - 1, 1};
	struct row part = *row;

	part.nwords = word_of(row, r, last) + 1;
	route_of_row(&part, word_of(row, r, route));
}

static void
check_profile(const struct row *row, const struct rule *r, struct str name)
{
	if (!record_find('P', name))
		row_mistake(row, word_of(row, r, name), 0,
		    "the name of a profile", profiles_known());
}

static void
check_listener(
    const struct row *row, const struct rule *r, const struct condition *c)
{
	const struct settings *set = settings_compiled();
	const char *known[LISTENERS_MAX + 1] = {NULL};
	size_t n = 0;

	for (; n < set->nlisteners; n++)
		known[n] = set->listeners[n].name;
	for (size_t i = 0; i < c->nvalues; i++) {
		struct str text = c->values[i].text;
		bool found =
		    c->values[i].regex || memchr(text.s, '*', text.len);

		for (size_t k = 0; k < n && !found; k++)
			found = str_eq(text, known[k]);
		if (!found)
			row_mistake(row,
			    word_of(row, r, c->written) + 1 + i + c->negated, 0,
			    "one of our listeners, as in the settings", known);
	}
}

static void
check_conditions(const struct row *row, const struct rule *r)
{
	const struct condition *way = NULL;

	for (size_t i = 0; i < r->nconditions; i++) {
		const struct condition *c = &r->conditions[i];

		if (c->kind == CONDITION_LISTENER)
			check_listener(row, r, c);
		if (c->kind != CONDITION_INBOUND &&
		    c->kind != CONDITION_OUTBOUND)
			continue;
		if (way)
			row_mistake(row, word_of(row, r, c->written), 0,
			    "inbound or outbound only once", NULL);
		way = c;
	}
}

static void
check_actions(const struct row *row, const struct rule *r)
{
	for (size_t i = 0; i < r->nactions; i++) {
		const struct action *a = &r->actions[i];

		if (a->kind == ACTION_ROUTE)
			check_route(row, r, a->value);
		else if (a->kind == ACTION_COPY && a->via.len > 0)
			check_route(row, r, a->via);
		else if (a->kind == ACTION_PROFILE)
			check_profile(row, r, a->value);
	}
}

/* Behind a rule that takes everything no other is asked. */
static void
check_reached(const struct row *row, const struct rule *r)
{
	if (open_end[0] != '\0')
		mistake(row_place(row, 0),
		    "expected no rule here: it is never reached, as the one "
		    "at %s takes all mail",
		    open_end);
	else if (r->nconditions == 0 && r->stops)
		snprintf(open_end, sizeof(open_end), "%s",
		    place_name(row_place(row, 0)));
}

/* ---- a row ---- */

static void
add_rule(const struct row *row, const struct rule *r, struct str text)
{
	char key[24];

	if (!record_add('o', r->name, str_of(""), row)) {
		mistake(row_place(row, 0),
		    "expected each rule once; %.*s is already at %s",
		    (int)r->name.len, r->name.s,
		    record_place(record_find('o', r->name)));
		return;
	}
	snprintf(key, sizeof(key), "%zu", count++);
	record_add('O', str_of(key), text, row);
}

void
on_rule(void *arg, const struct row *row)
{
	static struct buf space;
	struct str text = row_join(row, 0, row->nwords, &space);
	const char *const *known;
	const char *expected;
	struct rule r;
	size_t at;

	(void)arg;
	expected = rule_parse(text, &r, &at, &known);
	if (expected) {
		row_mistake(row, 0, at, expected, known);
	} else {
		check_conditions(row, &r);
		check_actions(row, &r);
		check_reached(row, &r);
		add_rule(row, &r, text);
	}
	rule_free(&r);
}
