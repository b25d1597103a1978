/* SPDX-License-Identifier: ISC */
/*
 * queue-tool route --json: an object for each recipient.
 */
#include "explain.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

static json_t *
steps(const struct steps *s)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < s->n; i++) {
		const struct step *step = &s->list[i];

		o = json_object();
		json_object_set_new(o, "step", json_text(step->name));
		json_object_set_new(o, "key", json_text(step->key));
		json_object_set_new(o, "answer", json_text(step->answer));
		json_object_set_new(o, "matches", json_boolean(step->matches));
		if (*step->where != '\0')
			json_object_set_new(o, "where", json_text(step->where));
		if (*step->why != '\0')
			json_object_set_new(o, "why", json_text(step->why));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
hops(const struct route *r)
{
	const struct hop *order[HOPS_MAX];
	json_t *list = json_array(), *o;
	unsigned rank;
	double share;

	route_order(r, order);
	for (size_t i = 0; i < r->nhops; i++) {
		share = hop_share(r, order[i], &rank);
		o = json_object();
		json_object_set_new(
		    o, "weight", json_integer(order[i]->weight));
		json_set_slice(o, "host", order[i]->host);
		if (!order[i]->is_unix)
			json_object_set_new(
			    o, "port", json_integer(order[i]->port));
		json_object_set_new(o, "rank", json_integer(rank));
		json_object_set_new(o, "share", json_real(share));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
exchangers(const struct target *to)
{
	json_t *o = json_object(), *list = json_array();

	json_set_slice(o, "domain", route_domain(to->route));
	json_set_slice(o, "zone", to->route->zone);
	for (size_t i = 0; i < to->nservers; i++)
		json_array_append_new(list, json_text(to->servers[i].name));
	json_object_set_new(o, "asked", list);
	return o;
}

static void
set_target(json_t *o, const struct target *to)
{
	const struct route *r = to->route;

	json_object_set_new(o, "route", json_text(r->text));
	json_object_set_new(o, "hops", hops(r));
	if (r->kind == ROUTE_MX)
		json_object_set_new(o, "mx", exchangers(to));
	json_object_set_new(o, "destination", json_text(r->destination));
	json_object_set_new(o, "tag", json_string(r->tag));
	json_object_set_new(o, "profile", json_text(r->profile));
	json_object_set_new(o, "priority", json_integer(r->prio - '0'));
}

static void
set_route(json_t *o, const struct account *a)
{
	const struct route *r = a->target.route;
	json_t *fallback;

	if (*r->pattern != '\0')
		json_object_set_new(o, "pattern", json_text(r->pattern));
	json_object_set_new(o, "where", json_text(r->where));
	set_target(o, &a->target);
	if (*r->fallback != '\0')
		json_object_set_new(o, "fallback", json_text(r->fallback));
	if (a->fallback.route) {
		fallback = json_object();
		set_target(fallback, &a->fallback);
		json_object_set_new(o, "fallback_to", fallback);
	}
	if (a->sender)
		json_object_set_new(o, "sent_as", json_text(a->sender));
	if (a->pause)
		json_object_set_new(o, "paused", json_pause(a->pause));
	if (a->calendar)
		json_object_set_new(o, "calendar", json_calendar(a->calendar));
}

void
json_account(const struct account *a)
{
	json_t *o = json_object();

	json_object_set_new(o, "address", json_text(a->address));
	if (a->view) {
		json_object_set_new(o, "id", json_string(a->view->entry.id));
		json_object_set_new(
		    o, "state", json_string(state_name(a->view->entry.state)));
	}
	json_object_set_new(o, "steps", steps(a->steps));
	json_object_set_new(o, "answer", json_string(fate_name(a->fate)));
	if (a->hold)
		json_object_set_new(o, "hold", json_text(a->hold));
	if (a->known == RECIPIENT_KNOWN || a->known == RECIPIENT_UNKNOWN)
		json_object_set_new(
		    o, "known", json_boolean(a->known == RECIPIENT_KNOWN));
	switch (a->fate) {
	case FATE_FOUND:
		set_route(o, a);
		break;
	case FATE_REPLACED:
		json_object_set_new(o, "by", json_string(a->by));
		json_object_set_new(o, "where", json_text(a->replaced_where));
		json_object_set_new(
		    o, "replaced", json_words(str_of(a->targets)));
		break;
	case FATE_REFUSED:
		json_object_set_new(o, "reply", json_text(a->reason));
		break;
	case FATE_NONE:
	case FATE_LATER:
	case FATE_DISCARDED:
		break;
	}
	json_print(o);
}
