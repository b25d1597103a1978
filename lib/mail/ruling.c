/* SPDX-License-Identifier: ISC */
#include "mail/ruling.h"

#include <assert.h>
#include <string.h>

#include "mail/rcptset.h"

static const char *const names[] = {
    [RULED_ROUTE] = "route",
    [RULED_PROFILE] = "profile",
    [RULED_PRIORITY] = "priority",
    [RULED_HEADER] = "header",
    [RULED_COPY] = "copy",
    [RULED_HOLD] = "hold",
    [RULED_REJECT] = "reject",
    [RULED_DISCARD] = "discard",
};
#define NAMES (sizeof(names) / sizeof(names[0]))

const char *
ruling_name(enum ruled kind)
{
	assert(kind < NAMES);
	return names[kind];
}

static void
field_add(struct str field, char end, struct buf *out)
{
	for (size_t i = 0; i < field.len; i++)
		assert(!strchr("\t\r\n", field.s[i]));
	buf_add(out, field.s, field.len);
	buf_add_char(out, end);
}

void
ruling_format(const struct ruling *r, struct buf *out)
{
	field_add(str_of(ruling_name(r->kind)), '\t', out);
	field_add(r->recipients, '\t', out);
	field_add(r->where, '\t', out);
	field_add(r->value, '\n', out);
}

static int
kind_parse(struct str word, enum ruled *kind_r)
{
	for (size_t i = 0; i < NAMES; i++)
		if (str_eq(word, names[i])) {
			*kind_r = i;
			return 0;
		}
	return -1;
}

bool
ruling_next(struct str *rest, struct ruling *r_r)
{
	struct str line;

	while (rest->len > 0) {
		line = str_cut(rest, '\n');
		if (kind_parse(str_cut(&line, '\t'), &r_r->kind) == -1)
			continue;
		r_r->recipients = str_cut(&line, '\t');
		r_r->where = str_cut(&line, '\t');
		r_r->value = line;
		if (rcptlist_check(r_r->recipients, ENVELOPE_RCPTS_MAX))
			return true;
	}
	return false;
}

/* ---- headers ---- */

static bool
is_for(const struct ruling *r, size_t recipient)
{
	struct str list = r->recipients;
	size_t first, last;

	while (rcptlist_next(&list, &first, &last))
		if (recipient >= first && recipient <= last)
			return true;
	return false;
}

void
ruling_headers(struct str journal, size_t recipient, struct buf *out)
{
	struct buf store = {0};
	struct record rec;
	struct ruling r;

	while (record_next(&journal, &store, &rec)) {
		if (rec.kind != RECORD_RULED)
			continue;
		while (ruling_next(&rec.orders, &r)) {
			if (r.kind != RULED_HEADER || !is_for(&r, recipient))
				continue;
			buf_add(out, r.value.s, r.value.len);
			buf_add_str(out, "\r\n");
		}
	}
	buf_free(&store);
}

/* ---- the route ---- */

enum route_answer
ruling_route(struct map *m, const struct envelope *env, size_t i,
    const struct rcpt_progress *p, struct route *r_r)
{
	return ruling_explain(m, env, i, p, NULL, NULL, r_r);
}

enum route_answer
ruling_explain(struct map *m, const struct envelope *env, size_t i,
    const struct rcpt_progress *p, route_step_fn *on_step, void *arg,
    struct route *r_r)
{
	struct route_query query = {
	    .recipient = env->recipients[i].address,
	    .sender = env->sender,
	    .on_step = on_step,
	    .arg = arg,
	};
	enum route_answer answer;

	if (p->route)
		answer =
		    route_given(m, p->route, p->where, query.recipient, r_r);
	else
		answer = route_find(m, &query, r_r);
	if (answer == ROUTE_FOUND && p->diverted)
		answer = route_fall_back(m, query.recipient, r_r);
	if (answer == ROUTE_FOUND && p->profile)
		answer =
		    route_with_profile(m, p->profile, query.recipient, r_r);
	if (answer == ROUTE_FOUND && p->prio)
		r_r->prio = p->prio;
	return answer;
}
