/* SPDX-License-Identifier: ISC */
/*
 * queue-tool show: the whole story of an entry.
 */
#include "queue_tool.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "mail/rcptset.h"
#include "mail/ruling.h"

#define NAMED_MAX 3 /* recipients that a record of the journal names */

static void
print_field(const char *name, const char *value)
{
	if (value == NULL)
		return;
	printf("%-12s", name);
	print_safe(stdout, value, strlen(value));
	putchar('\n');
}

static void
print_time(const char *name, int64_t at_s)
{
	char stamp[CLOCK_DATE_SIZE];

	clock_stamp(at_s, stamp);
	printf("%-12s%s (", name, stamp);
	if (at_s <= clock_wall_s()) {
		print_span(stdout, clock_wall_s() - at_s);
		printf(" ago)\n");
	} else {
		printf("in ");
		print_span(stdout, at_s - clock_wall_s());
		printf(")\n");
	}
}

/* Where it is, and what that means. */
static void
print_state(const struct view *v)
{
	static const char *const meanings[] = {
	    [STATE_INCOMING] = "accepted, the engine will route it",
	    [STATE_SPLIT] = "the engine is dealing it to its destinations",
	    [STATE_PROCESSED] = "routed, the sender will take it",
	    [STATE_SENDING] = "it is being delivered by the sender now",
	    [STATE_DEFERRED] = "it waits for its next attempt",
	    [STATE_HELD] = "it stays until it is released",
	    [STATE_CORRUPT] = "damaged, it goes nowhere",
	};

	printf("%-12s%s\n", "id", v->entry.id);
	printf("%-12s%s: %s\n", "state", state_name(v->entry.state),
	    meanings[v->entry.state]);
}

static void
print_hold(const struct view *v)
{
	char stamp[CLOCK_DATE_SIZE];
	struct hold h;

	if (!view_hold(v, &h))
		return;
	clock_stamp(h.since_s, stamp);
	printf("%-12s", "held");
	if (*h.why != '\0') {
		putchar('"');
		print_safe(stdout, h.why, strlen(h.why));
		printf("\" ");
	}
	printf("since %s by ", stamp);
	print_safe(stdout, h.who, strlen(h.who));
	printf("%s%s\n", *h.where != '\0' ? " " : "", h.where);
	hold_free(&h);
}

static void
print_waiting(void *arg, const char *name, const char *who, const char *why)
{
	(void)arg;
	printf("%-12s%s by ", "order", name);
	print_safe(stdout, who, strlen(who));
	if (*why != '\0') {
		printf(" \"");
		print_safe(stdout, why, strlen(why));
		putchar('"');
	}
	printf(": it will be carried out after the attempt\n");
}

static void
print_envelope(const struct view *v)
{
	const struct envelope *env = &v->qf.envelope;

	print_field("sender", *env->sender != '\0' ? env->sender : "<>");
	print_time("arrived", env->arrival_s);
	print_field("client", env->client);
	print_field("helo", env->helo);
	print_field("protocol", env->protocol);
	print_field("login", env->login);
	print_field("listener", env->listener);
	print_field("envid", env->envid);
	printf("%-12s%" PRIu64 " octets%s\n", "size",
	    v->qf.preamble.content_len,
	    (v->qf.preamble.flags & CONTENT_8BIT) != 0 ? ", 8-bit" : "");
}

static void
print_recipients(const struct view *v)
{
	for (size_t i = 0; i < v->progress.nrcpts; i++) {
		const struct rcpt_progress *p = &v->progress.rcpts[i];

		if (!p->mine)
			continue;
		print_field("recipient", v->qf.envelope.recipients[i].address);
		printf("%-12s%s", "",
		    p->diverted && p->time_s == 0 ? "unknown"
		    : p->time_s == 0              ? "not tried yet"
		    : p->expanded                 ? "expanded"
						  : outcome_name(p->outcome));
		if (p->host != NULL) {
			printf(" by ");
			print_safe(stdout, p->host, strlen(p->host));
		}
		if (p->text != NULL) {
			printf(": ");
			print_safe(stdout, p->text, strlen(p->text));
		}
		if (p->diverted)
			printf("; it goes by the fallback of its route");
		putchar('\n');
	}
}

static void
print_addresses(struct str list)
{
	struct str address;

	while ((address = str_word(&list)).len > 0) {
		printf("      to ");
		print_safe(stdout, address.s, address.len);
		putchar('\n');
	}
}

/* A line for each thing that rules ordered. */
static void
print_orders(struct str orders)
{
	struct ruling r;

	while (ruling_next(&orders, &r)) {
		printf("    %-9s recipients=\"%.*s\" ", ruling_name(r.kind),
		    (int)r.recipients.len, r.recipients.s);
		print_safe(stdout, r.value.s, r.value.len);
		printf(" (%.*s)\n", (int)r.where.len, r.where.s);
	}
}

/* Whom a record is about: the first few by name. */
static void
print_whom(const struct view *v, struct str list)
{
	size_t first, last, n = 0;

	if (!rcptlist_check(list, v->progress.nrcpts))
		return;
	while (rcptlist_next(&list, &first, &last))
		for (; first <= last; first++)
			if (n++ < NAMED_MAX) {
				const char *to =
				    v->qf.envelope.recipients[first].address;

				printf("%s<", n == 1 ? " to=" : ",");
				print_safe(stdout, to, strlen(to));
				putchar('>');
			}
	if (n > NAMED_MAX)
		printf(" and %zu more", n - NAMED_MAX);
}

static void
print_record(const struct view *v, const struct record *rec)
{
	char stamp[CLOCK_DATE_SIZE];
	struct {
		const char *name;
		struct str value;
	} fields[] = {
	    {"host", rec->host},
	    {"text", rec->text},
	    {"who",  rec->who },
	};

	clock_stamp(rec->time_s, stamp);
	printf("  %s %s", stamp, record_name(rec->kind));
	if (rec->suffix.len > 0)
		printf(" part=%.*s", (int)rec->suffix.len, rec->suffix.s);
	if (rec->kind == RECORD_OUTCOME)
		printf(
		    " %s attempt=%u", outcome_name(rec->outcome), rec->attempt);
	if (rec->kind == RECORD_DSN)
		printf(" %s", report_name(rec->report));
	if (rec->kind == RECORD_SPLIT)
		printf(" recipients=\"%.*s\"", (int)rec->recipients.len,
		    rec->recipients.s);
	print_whom(v, rec->recipients);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].value.len == 0)
			continue;
		printf(" %s=\"", fields[i].name);
		print_safe(stdout, fields[i].value.s, fields[i].value.len);
		putchar('"');
	}
	putchar('\n');
	if (rec->kind == RECORD_EXPANDED)
		print_addresses(rec->orders);
	else
		print_orders(rec->orders);
}

static void
print_journal(const struct view *v)
{
	struct str rest = v->journal;
	struct buf store = {0};
	struct record rec;

	printf("journal\n");
	while (record_next(&rest, &store, &rec))
		print_record(v, &rec);
	buf_free(&store);
}

/* Where it will go next, by the map as it is now. */
static void
print_next(struct tool *t, const struct view *v)
{
	static struct route route;
	const struct pause *pause = pause_of(t, v);

	printf("%-12s%u\n", "attempts", v->progress.attempts);
	if (v->entry.state == STATE_DEFERRED)
		print_time("next", v->entry.due_s);
	else
		printf("%-12s%s\n", "next",
		    pause != NULL                     ? "when it is resumed"
		    : v->entry.state == STATE_HELD    ? "when it is released"
		    : v->entry.state == STATE_CORRUPT ? "never"
						      : "now");
	if (pause != NULL) {
		printf("%-12s", "paused");
		pause_print(pause);
		putchar('\n');
	}
	if (view_route(t, v, &route) != ROUTE_FOUND)
		return;
	printf("%-12s%s (%s, profile %s, priority %c)\n", "route", route.text,
	    route.where, route.profile, route.prio);
	if (route.fallback[0] != '\0')
		print_field("fallback", route.fallback);
}

/* What is to come by the profile of its route: false when that is not known,
 * or when nothing is. */
static bool
find_calendar(struct tool *t, const struct view *v, const struct route *r,
    struct profile *p_r, struct calendar *c_r)
{
	return profile_find(t->map, r->profile, p_r) == 1 &&
	       calendar_of(v, p_r, c_r);
}

static void
print_calendar(struct tool *t, const struct view *v)
{
	static struct route route;
	static struct calendar calendar;
	struct profile p;

	if (view_route(t, v, &route) != ROUTE_FOUND ||
	    !find_calendar(t, v, &route, &p, &calendar))
		return;
	printf("calendar\n");
	calendar_print(&calendar, "  ", p.discard);
}

static void
print_as_json(struct tool *t, const struct view *v)
{
	static struct route route;
	static struct calendar calendar;
	struct profile p;
	bool found = view_route(t, v, &route) == ROUTE_FOUND;
	bool known = found && find_calendar(t, v, &route, &p, &calendar);

	json_print_story(t, v, pause_of(t, v), found ? &route : NULL,
	    known ? &calendar : NULL);
}

struct showing {
	struct tool *t;
	bool json;
	int status;
};

static void
on_view(void *arg, struct view *v, const char *why)
{
	struct showing *s = arg;

	if (s->json) {
		if (why != NULL)
			json_print_damaged(v, why);
		else
			print_as_json(s->t, v);
		s->status = why != NULL ? EXIT_NONE : s->status;
		return;
	}
	if (why != NULL) {
		print_state(v);
		printf("%-12s%s\n", "damaged", why);
		s->status = EXIT_NONE;
	} else {
		print_state(v);
		print_hold(v);
		waiting_orders(s->t, v, print_waiting, NULL);
		print_envelope(v);
		print_next(s->t, v);
		print_recipients(v);
		print_calendar(s->t, v);
		print_journal(v);
	}
	putchar('\n');
}

int
run_show(struct tool *t, int argc, char *argv[])
{
	struct showing s = {.t = t};
	struct selection sel;
	int status;

	if ((status = selection_parse(t, argc, argv, &sel)) != 0)
		return status;
	if (sel.nids == 0)
		return EXIT_USAGE;
	s.json = sel.json;
	switch (select_each(t, &sel, on_view, &s)) {
	case -1:
		return EXIT_BROKEN;
	case 0:
		fprintf(stderr, "queue-tool: no such entry\n");
		return EXIT_NONE;
	default:
		return s.status;
	}
}
