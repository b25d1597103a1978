/* SPDX-License-Identifier: ISC */
/*
 * What rules say of a message: each rule that is asked, and why it does not
 * match or what it orders.  The order of asking is that of engine/rule.c.
 */
#include "explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/rcptset.h"
#include "mail/ruling.h"

/* ---- why a rule does not match ---- */

static void
say(struct buf *why, const char *what, const char *value, const char *absent)
{
	if (value)
		buf_addf(why, "the %s is %s", what, value);
	else
		buf_add_str(why, absent);
}

/* The first field of that name, as the rule has compared it. */
static void
say_field(struct buf *why, const struct explaining *x, struct str name)
{
	struct str rest = {buf_text(&x->header), x->header.len};
	struct header_field f;
	struct buf body = {0};

	while (header_next(&rest, &f)) {
		if (f.name.len != name.len ||
		    strncasecmp(f.name.s, name.s, name.len) != 0)
			continue;
		header_decode(f.body, &body);
		buf_addf(why, "it is \"%s\"", buf_text(&body));
		buf_free(&body);
		return;
	}
	buf_add_str(why, x->view ? "there is no such field"
				 : "no such field is given (--header)");
}

static void
say_direction(struct buf *why, const struct explaining *x, const char *address)
{
	struct address addr;

	if (address_parse(str_of(address), &addr) != NULL)
		return;
	buf_addf(why, "%.*s is %s local domain", (int)addr.domain.len,
	    addr.domain.s,
	    route_is_local(x->t->map, addr.domain) == 1 ? "a" : "no");
}

/* What the message has where the condition looked. */
static void
say_seen(struct buf *why, const struct explaining *x, const struct condition *c,
    size_t i)
{
	const struct envelope *env = &x->env;
	bool real = x->view != NULL;

	switch (c->kind) {
	case CONDITION_FROM:
		if (env->sender)
			buf_addf(why, "the sender is <%s>", env->sender);
		else
			buf_add_str(why, "no sender is given (--from)");
		break;
	case CONDITION_TO:
		buf_addf(
		    why, "the recipient is <%s>", env->recipients[i].address);
		break;
	case CONDITION_CLIENT:
		say(why, "client", env->client,
		    real ? "it was made here"
			 : "no client is given (--client)");
		break;
	case CONDITION_LOGIN:
		say(why, "login", env->login,
		    real ? "nobody logged in" : "no login is given (--login)");
		break;
	case CONDITION_LISTENER:
		say(why, "listener", env->listener,
		    real ? "it was made here"
			 : "no listener is given (--listener)");
		break;
	case CONDITION_SIZE:
		if (real)
			buf_addf(why, "the size is %" PRIu64 " octets",
			    x->view->qf.preamble.content_len);
		else if (x->given->has_size)
			buf_addf(why, "the size is %" PRIu64 " octets",
			    x->given->size);
		else
			buf_add_str(why, "no size is given (--size)");
		break;
	case CONDITION_HEADER:
		say_field(why, x, c->field);
		break;
	case CONDITION_INBOUND:
	case CONDITION_OUTBOUND:
		say_direction(why, x, env->recipients[i].address);
		break;
	}
}

static void
note_failing(struct explaining *x, const struct rule *r, size_t i,
    const struct condition *c, enum rule_answer answer)
{
	struct buf why = {0};
	char *name = mem_ndup(r->name.s, r->name.len);

	buf_addf(&why, "\"%s%.*s\": ",
	    c->negated && strncmp(c->written.s, "not ", 4) != 0 ? "not " : "",
	    (int)c->written.len, c->written.s);
	if (answer == RULE_LATER)
		buf_add_str(&why, "nobody knows, its limits were reached");
	else
		say_seen(&why, x, c, i);
	steps_add(&x->steps[i], "rule", name,
	    answer == RULE_LATER ? "no answer" : "does not match", r->where,
	    why.data);
	buf_free(&why);
	free(name);
}

/* ---- what one orders ---- */

/* What progress.h has to know.  A copy is another message. */
static void
order(
    const struct rule *r, const struct action *a, size_t i, struct buf *orders)
{
	static const enum ruled kinds[] = {
	    [ACTION_ROUTE] = RULED_ROUTE,
	    [ACTION_HOLD] = RULED_HOLD,
	    [ACTION_HEADER] = RULED_HEADER,
	    [ACTION_PROFILE] = RULED_PROFILE,
	    [ACTION_PRIORITY] = RULED_PRIORITY,
	    [ACTION_REJECT] = RULED_REJECT,
	    [ACTION_DISCARD] = RULED_DISCARD,
	};
	char number[24];
	int len = snprintf(number, sizeof(number), "%zu", i);

	if (a->kind == ACTION_STOP || a->kind == ACTION_CONTINUE ||
	    a->kind == ACTION_COPY)
		return;
	ruling_format(
	    &(struct ruling){
		kinds[a->kind], {number, (size_t)len},
                 str_of(r->where),
		a->value
        },
	    orders);
}

static void
note_match(
    struct explaining *x, const struct rule *r, size_t i, struct buf *orders)
{
	struct buf why = {0};
	char *name = mem_ndup(r->name.s, r->name.len);

	for (size_t n = 0; n < r->nactions; n++) {
		const struct action *a = &r->actions[n];

		buf_addf(&why, "%s%.*s", n > 0 ? " and " : "",
		    (int)a->written.len, a->written.s);
		order(r, a, i, orders);
	}
	if (r->stops)
		buf_add_str(&why, "; no later rule is asked");
	steps_add(&x->steps[i], "rule", name, "matches", r->where, why.data);
	buf_free(&why);
	free(name);
}

/* ---- asking ---- */

static enum rule_answer
match(const struct rule *r, const struct rule_subject *s, size_t i,
    const struct condition **failing_r)
{
	enum rule_answer answer = rule_match_message(r, s, failing_r);

	if (answer == RULE_YES)
		answer = rule_match_recipient(r, s, i, failing_r);
	return answer;
}

/* 0, or -1: one of them has no answer. */
static int
ask(struct explaining *x, const struct rules *rules,
    const struct rule_subject *s, size_t i, struct buf *orders)
{
	const struct condition *failing;
	enum rule_answer answer;

	if (rules->n == 0)
		steps_add(
		    &x->steps[i], "rules", "all", "there are none", "", "");
	for (size_t n = 0; n < rules->n; n++) {
		const struct rule *r = &rules->list[n];

		answer = match(r, s, i, &failing);
		if (answer == RULE_YES) {
			note_match(x, r, i, orders);
			if (r->stops)
				return 0;
			continue;
		}
		note_failing(x, r, i, failing, answer);
		if (answer == RULE_LATER)
			return -1;
	}
	return 0;
}

static void
journal_orders(struct explaining *x, const struct buf *orders)
{
	struct record rec = {
	    .kind = RECORD_RULED,
	    .time_s = clock_wall_s(),
	    .suffix = explaining_suffix(x),
	    .generation = map_generation(x->t->map),
	    .orders = {orders->data, orders->len},
	};

	if (orders->len > 0)
		record_format(&rec, &x->journal);
}

/* What rules cannot look at is not let past them. */
static void
note_too_large(struct explaining *x, size_t i, struct buf *orders)
{
	char number[24];
	int len = snprintf(number, sizeof(number), "%zu", i);

	ruling_format(
	    &(struct ruling){
		RULED_REJECT, {number, (size_t)len},
                 str_of(""),
		str_of(RULING_HEADER_TOO_LARGE)
        },
	    orders);
	steps_add(&x->steps[i], "rules", "all", "cannot be asked", "",
	    "some are about the header, and it is longer than 1 MiB");
}

static int
ask_all(struct explaining *x)
{
	struct rule_subject s = {
	    .map = x->t->map,
	    .envelope = &x->env,
	    .size = x->view ? x->view->qf.preamble.content_len : x->given->size,
	    .header = {buf_text(&x->header), x->header.len},
	};
	struct buf orders = {0};
	struct rules rules;
	int rc = 0;

	if (rules_load(x->t->map, &rules) == -1)
		return -1;
	for (size_t i = 0; i < x->progress.nrcpts; i++) {
		if (!x->progress.rcpts[i].mine || x->progress.rcpts[i].final)
			continue;
		if (rules.headers && !x->whole)
			note_too_large(x, i, &orders);
		else if (ask(x, &rules, &s, i, &orders) == -1)
			rc = -1;
	}
	journal_orders(x, &orders);
	rules_free(&rules);
	buf_free(&orders);
	return rc;
}

/* ---- asked before ---- */

static bool
is_about(struct str list, size_t i)
{
	size_t first, last;

	while (rcptlist_next(&list, &first, &last))
		if (i >= first && i <= last)
			return true;
	return false;
}

/* Is it that recipient, or one that it took the place of? */
static bool
concerns(const struct explaining *x, struct str list, size_t i)
{
	while (!is_about(list, i)) {
		if (!x->progress.rcpts[i].via)
			return false;
		i = x->progress.rcpts[i].parent;
	}
	return true;
}

static void
note_orders(struct explaining *x, struct str orders, size_t i, const char *when)
{
	struct ruling r;
	struct buf key = {0};
	char where[256];

	while (ruling_next(&orders, &r)) {
		if (!concerns(x, r.recipients, i))
			continue;
		str_copy(where, sizeof(where), r.where);
		buf_clear(&key);
		buf_addf(&key, "%s %.*s", ruling_name(r.kind), (int)r.value.len,
		    r.value.s);
		steps_add(&x->steps[i], "rule", key.data, "has ordered it",
		    where, when);
	}
	buf_free(&key);
}

static void
tell_orders(struct explaining *x, size_t i)
{
	struct str rest = {buf_text(&x->journal), x->journal.len};
	struct buf store = {0}, when = {0};
	char stamp[CLOCK_DATE_SIZE];
	struct record rec;

	while (record_next(&rest, &store, &rec)) {
		if (rec.kind != RECORD_RULED)
			continue;
		clock_stamp(rec.time_s, stamp);
		buf_clear(&when);
		buf_addf(&when, "asked %s, once and for all", stamp);
		note_orders(x, rec.orders, i, when.data);
	}
	if (x->steps[i].n == 0)
		steps_add(&x->steps[i], "rules", "all", "ordered nothing", "",
		    "asked when it came, once and for all");
	buf_free(&store);
	buf_free(&when);
}

/* The engine asks them when it sees a message first, so before it leaves
 * incoming/. */
static bool
were_asked(const struct explaining *x)
{
	return x->progress.ruled || !explaining_arrives(x);
}

int
explain_rules(struct explaining *x)
{
	if (!were_asked(x))
		return ask_all(x);
	for (size_t i = 0; i < x->progress.nrcpts; i++)
		if (x->progress.rcpts[i].mine)
			tell_orders(x, i);
	return 0;
}
