/* SPDX-License-Identifier: ISC */
/*
 * What programs read: an object a line.  Times are seconds after the Epoch.
 */
#include "queue_tool.h"

#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "mail/pause.h"

/* jansson refuses what is not UTF-8, and strangers' bytes often are not: those
 * octets become U+FFFD. */
static json_t *
text(const char *s)
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

/* One object, one line; it is freed. */
static void
print(json_t *o)
{
	json_dumpf(
	    o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

static json_t *
pause_object(const struct pause *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "subject", text(p->subject));
	json_object_set_new(o, "name", text(p->name));
	json_object_set_new(o, "who", text(p->who));
	json_object_set_new(o, "why", text(p->why));
	json_object_set_new(o, "since", json_integer(p->since_s));
	if (p->until_s != 0)
		json_object_set_new(o, "until", json_integer(p->until_s));
	return o;
}

void
json_print_pause(const struct pause *p)
{
	print(pause_object(p));
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
		json_object_set_new(
		    r, "address", text(v->qf.envelope.recipients[i].address));
		json_object_set_new(r, "status",
		    json_string(p->time_s == 0 ? "waiting"
				: p->expanded  ? "expanded"
					       : outcome_name(p->outcome)));
		if (p->text != NULL)
			json_object_set_new(r, "reply", text(p->text));
		if (p->host != NULL)
			json_object_set_new(r, "host", text(p->host));
		json_array_append_new(list, r);
	}
	return list;
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
	json_object_set_new(o, "sender", text(env->sender));
	json_object_set_new(o, "recipients", recipients(v));
	if (env->client != NULL)
		json_object_set_new(o, "client", text(env->client));
	json_object_set_new(o, "arrival", json_integer(env->arrival_s));
	json_object_set_new(
	    o, "size", json_integer((json_int_t)v->qf.preamble.content_len));
	json_object_set_new(o, "attempts", json_integer(v->progress.attempts));
	if (v->entry.state == STATE_DEFERRED)
		json_object_set_new(
		    o, "next_attempt", json_integer(v->entry.due_s));
	if (pause != NULL)
		json_object_set_new(o, "paused", pause_object(pause));
	return o;
}

void
json_print_entry(const struct view *v, const struct pause *pause)
{
	print(entry_object(v, pause));
}

void
json_print_damaged(const struct view *v, const char *why)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_string(v->entry.id));
	json_object_set_new(
	    o, "state", json_string(state_name(v->entry.state)));
	json_object_set_new(o, "damaged", text(why));
	print(o);
}
