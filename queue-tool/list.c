/* SPDX-License-Identifier: ISC */
/*
 * queue-tool list: a line an entry, or with --json an object a line.
 */
#include "queue_tool.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

/* Recipients that the entry stands for and that still wait. */
static const struct recipient *
first_pending(const struct view *v)
{
	for (size_t i = 0; i < v->progress.nrcpts; i++)
		if (v->progress.rcpts[i].mine && !v->progress.rcpts[i].final)
			return &v->qf.envelope.recipients[i];
	return NULL;
}

static void
print_next(const struct view *v)
{
	switch (v->entry.state) {
	case STATE_DEFERRED:
		print_span(stdout, v->entry.due_s - clock_wall_s());
		break;
	case STATE_HELD:
	case STATE_CORRUPT:
		putchar('-');
		break;
	default:
		printf("now");
	}
}

static void
print_line(const struct view *v)
{
	const struct envelope *env = &v->qf.envelope;
	const struct recipient *first = first_pending(v);
	size_t pending = progress_pending(&v->progress);

	printf("%s %-9s %8s ", v->entry.id, state_name(v->entry.state),
	    *v->entry.tag != '\0' ? v->entry.tag : "-");
	print_span(stdout, clock_wall_s() - env->arrival_s);
	printf(" next=");
	print_next(v);
	printf(" tries=%u size=%" PRIu64 " from=<", v->progress.attempts,
	    v->qf.preamble.content_len);
	print_safe(stdout, env->sender, strlen(env->sender));
	printf("> to=<");
	if (first != NULL)
		print_safe(stdout, first->address, strlen(first->address));
	putchar('>');
	if (pending > 1)
		printf(" (+%zu)", pending - 1);
	putchar('\n');
}

/* ---- JSON ---- */

/* jansson refuses what is not UTF-8, and strangers' bytes often are not: those
 * octets become U+FFFD. */
static json_t *
json_text(const char *text)
{
	struct buf clean = {0};
	struct str rest = str_of(text);
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

static json_t *
json_recipients(const struct view *v)
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
		json_array_append_new(list, r);
	}
	return list;
}

static void
print_json(const struct view *v)
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
	json_object_set_new(o, "recipients", json_recipients(v));
	if (env->client != NULL)
		json_object_set_new(o, "client", json_text(env->client));
	json_object_set_new(o, "arrival", json_integer(env->arrival_s));
	json_object_set_new(
	    o, "size", json_integer((json_int_t)v->qf.preamble.content_len));
	json_object_set_new(o, "attempts", json_integer(v->progress.attempts));
	if (v->entry.state == STATE_DEFERRED)
		json_object_set_new(
		    o, "next_attempt", json_integer(v->entry.due_s));
	json_dumpf(
	    o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

static void
print_damaged(const struct view *v, const char *why, bool json)
{
	if (json)
		printf("{\"id\":\"%s\",\"state\":\"%s\",\"damaged\":\"%s\"}\n",
		    v->entry.id, state_name(v->entry.state), why);
	else
		printf("%s %-9s damaged: %s\n", v->entry.id,
		    state_name(v->entry.state), why);
}

static void
on_view(void *arg, struct view *v, const char *why)
{
	const struct selection *s = arg;

	if (why != NULL)
		print_damaged(v, why, s->json);
	else if (s->json)
		print_json(v);
	else
		print_line(v);
}

int
run_list(struct tool *t, int argc, char *argv[])
{
	struct selection s;
	int status;
	long n;

	if ((status = selection_parse(t, argc, argv, &s)) != 0)
		return status;
	n = select_each(t, &s, on_view, &s);
	if (n == -1)
		return EXIT_BROKEN;
	if (n == 0 && !s.json)
		fprintf(stderr, "queue-tool: %s\n",
		    selection_narrows(&s) ? "nothing matches"
					  : "the queue is empty");
	return n > 0 || !selection_narrows(&s) ? EXIT_DONE : EXIT_NONE;
}
