/* SPDX-License-Identifier: ISC */
/*
 * What programs read: an object a line.  Times are seconds after the Epoch.
 */
#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "mail/journal.h"
#include "mail/pause.h"
#include "mail/ruling.h"

/* jansson refuses what is not UTF-8, and strangers' bytes often are not: those
 * octets become U+FFFD. */
json_t *
json_text(const char *s)
{
	struct buf clean = {0};
	struct str rest = str_of(s);
	size_t bad;
	json_t *j;

	while (!str_is_utf8(rest, &bad)) {
		buf_add(&clean, rest.s, bad);
		buf_add_str(&clean, "\xef\xbf\xbd");
		rest.s += bad + 1;
		rest.len -= bad + 1;
	}
	buf_add(&clean, rest.s, rest.len);
	j = json_stringn(buf_text(&clean), clean.len);
	buf_free(&clean);
	return j;
}

void
json_set_slice(json_t *o, const char *name, struct str s)
{
	struct buf copy = {0};

	if (s.len == 0)
		return;
	buf_add(&copy, s.s, s.len);
	json_object_set_new(o, name, json_text(buf_text(&copy)));
	buf_free(&copy);
}

json_t *
json_words(struct str text)
{
	json_t *list = json_array();
	struct str word;
	char *copy;

	while ((word = str_word(&text)).len > 0) {
		copy = mem_ndup(word.s, word.len);
		json_array_append_new(list, json_text(copy));
		free(copy);
	}
	return list;
}

void
json_print(json_t *o)
{
	json_dumpf(
	    o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

json_t *
json_pause(const struct pause *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "subject", json_text(p->subject));
	json_object_set_new(o, "name", json_text(p->name));
	json_object_set_new(o, "who", json_text(p->who));
	json_object_set_new(o, "why", json_text(p->why));
	json_object_set_new(o, "since", json_integer(p->since_s));
	if (p->until_s != 0)
		json_object_set_new(o, "until", json_integer(p->until_s));
	return o;
}

void
json_print_pause(const struct pause *p)
{
	json_print(json_pause(p));
}

/* ---- entries ---- */

static json_t *
recipients(const struct view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->progress.nrcpts; i++) {
		const struct rcpt_progress *p = &v->progress.rcpts[i];
		json_t *r;

		if (!p->mine)
			continue;
		r = json_object();
		json_object_set_new(r, "address",
		    json_text(v->qf.envelope.recipients[i].address));
		json_object_set_new(r, "status",
		    json_string(p->time_s == 0 ? "waiting"
				: p->expanded  ? "expanded"
					       : outcome_name(p->outcome)));
		if (p->text != NULL)
			json_object_set_new(r, "reply", json_text(p->text));
		if (p->host != NULL)
			json_object_set_new(r, "host", json_text(p->host));
		if (p->time_s != 0)
			json_object_set_new(r, "time", json_integer(p->time_s));
		if (p->diverted)
			json_object_set_new(r, "diverted", json_true());
		json_array_append_new(list, r);
	}
	return list;
}

static void
set_hold(json_t *o, const struct view *v)
{
	struct hold h;
	json_t *hold;

	if (!view_hold(v, &h))
		return;
	hold = json_object();
	json_object_set_new(hold, "name", json_text(h.why));
	json_object_set_new(hold, "who", json_text(h.who));
	json_object_set_new(hold, "since", json_integer(h.since_s));
	if (*h.where != '\0')
		json_object_set_new(hold, "where", json_text(h.where));
	json_object_set_new(o, "hold", hold);
	hold_free(&h);
}

static json_t *
entry_object(const struct view *v, const struct pause *pause)
{
	const struct envelope *env = &v->qf.envelope;
	json_t *o = json_object();

	json_object_set_new(o, "id", json_string(v->entry.id));
	json_object_set_new(
	    o, "state", json_string(state_name(v->entry.state)));
	if (*v->entry.tag != '\0')
		json_object_set_new(
		    o, "destination", json_string(v->entry.tag));
	json_object_set_new(o, "sender", json_text(env->sender));
	json_object_set_new(o, "recipients", recipients(v));
	if (env->client != NULL)
		json_object_set_new(o, "client", json_text(env->client));
	json_object_set_new(o, "arrival", json_integer(env->arrival_s));
	json_object_set_new(
	    o, "size", json_integer((json_int_t)v->qf.preamble.content_len));
	json_object_set_new(o, "attempts", json_integer(v->progress.attempts));
	if (v->entry.state == STATE_DEFERRED)
		json_object_set_new(
		    o, "next_attempt", json_integer(v->entry.due_s));
	if (pause != NULL)
		json_object_set_new(o, "paused", json_pause(pause));
	set_hold(o, v);
	return o;
}

void
json_print_entry(const struct view *v, const struct pause *pause)
{
	json_print(entry_object(v, pause));
}

/* What rules have ordered. */
static json_t *
orders(struct str lines)
{
	json_t *list = json_array(), *o;
	struct ruling r;

	while (ruling_next(&lines, &r)) {
		o = json_object();
		json_object_set_new(
		    o, "kind", json_string(ruling_name(r.kind)));
		json_set_slice(o, "recipients", r.recipients);
		json_set_slice(o, "where", r.where);
		json_set_slice(o, "value", r.value);
		json_array_append_new(list, o);
	}
	return list;
}

static void
set_record(json_t *o, const struct record *rec)
{
	json_object_set_new(o, "time", json_integer(rec->time_s));
	json_object_set_new(o, "kind", json_string(record_name(rec->kind)));
	json_set_slice(o, "part", rec->suffix);
	if (rec->kind == RECORD_OUTCOME) {
		json_object_set_new(
		    o, "outcome", json_string(outcome_name(rec->outcome)));
		json_object_set_new(o, "attempt", json_integer(rec->attempt));
		if (rec->outcome == OUTCOME_DEFERRED)
			json_object_set_new(o, "due", json_integer(rec->due_s));
	}
	if (rec->kind == RECORD_DSN)
		json_object_set_new(
		    o, "report", json_string(report_name(rec->report)));
	json_set_slice(o, "recipients", rec->recipients);
	json_set_slice(o, "host", rec->host);
	json_set_slice(o, "text", rec->text);
	json_set_slice(o, "who", rec->who);
	if (rec->kind == RECORD_RULED)
		json_object_set_new(o, "orders", orders(rec->orders));
	else if (rec->kind == RECORD_EXPANDED)
		json_object_set_new(o, "addresses", json_words(rec->orders));
}

static json_t *
journal(const struct view *v)
{
	struct str rest = v->journal;
	struct buf store = {0};
	struct record rec;
	json_t *list = json_array(), *o;

	while (record_next(&rest, &store, &rec)) {
		o = json_object();
		set_record(o, &rec);
		json_array_append_new(list, o);
	}
	buf_free(&store);
	return list;
}

json_t *
json_calendar(const struct calendar *c)
{
	json_t *o = json_object(), *list = json_array();

	for (size_t i = 0; i < c->n && i < CALENDAR_LINES; i++)
		json_array_append_new(list, json_integer(c->at_s[i]));
	json_object_set_new(o, "attempts", list);
	json_object_set_new(o, "retries", json_integer((json_int_t)c->n - 1));
	json_object_set_new(o, "total", json_integer(c->last_s - c->first_s));
	json_object_set_new(o, "given_up", json_integer(c->last_s));
	return o;
}

static void
set_route(json_t *o, const struct route *r, const struct calendar *c)
{
	json_object_set_new(o, "route", json_text(r->text));
	if (r->fallback[0] != '\0')
		json_object_set_new(o, "fallback", json_text(r->fallback));
	json_object_set_new(o, "where", json_text(r->where));
	json_object_set_new(o, "profile", json_text(r->profile));
	json_object_set_new(o, "priority", json_integer(r->prio - '0'));
	if (c != NULL)
		json_object_set_new(o, "calendar", json_calendar(c));
}

static void
add_order(void *arg, const char *name, const char *who, const char *why)
{
	json_t *o = json_object();

	json_object_set_new(o, "order", json_string(name));
	json_object_set_new(o, "who", json_text(who));
	json_object_set_new(o, "why", json_text(why));
	json_array_append_new(arg, o);
}

static void
set_envelope(json_t *o, const struct envelope *env)
{
	const struct {
		const char *name, *value;
	} fields[] = {
	    {"helo",     env->helo    },
	    {"protocol", env->protocol},
	    {"login",    env->login   },
	    {"listener", env->listener},
	    {"envid",    env->envid   },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].value != NULL)
			json_object_set_new(
			    o, fields[i].name, json_text(fields[i].value));
}

void
json_print_story(struct tool *t, const struct view *v,
    const struct pause *pause, const struct route *route,
    const struct calendar *calendar)
{
	json_t *o = entry_object(v, pause), *waiting = json_array();

	set_envelope(o, &v->qf.envelope);
	waiting_orders(t, v, add_order, waiting);
	if (json_array_size(waiting) > 0)
		json_object_set(o, "waiting_orders", waiting);
	json_decref(waiting);

	if (route != NULL)
		set_route(o, route, calendar);
	json_object_set_new(o, "journal", journal(v));
	json_print(o);
}

void
json_print_damaged(const struct view *v, const char *why)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_string(v->entry.id));
	json_object_set_new(
	    o, "state", json_string(state_name(v->entry.state)));
	json_object_set_new(o, "damaged", json_text(why));
	json_print(o);
}
