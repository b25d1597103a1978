/* SPDX-License-Identifier: ISC */
/*
 * queue-tool show: the whole story of an entry.  queue-tool cat: its content.
 */
#include "queue_tool.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/ruling.h"

/* ---- show ---- */

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

static void
print_envelope(const struct view *v)
{
	const struct envelope *env = &v->qf.envelope;

	printf("%-12s%s\n", "id", v->entry.id);
	printf("%-12s%s\n", "state", state_name(v->entry.state));
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
		    p->time_s == 0 ? "not tried yet"
		    : p->expanded  ? "expanded"
				   : outcome_name(p->outcome));
		if (p->host != NULL) {
			printf(" by ");
			print_safe(stdout, p->host, strlen(p->host));
		}
		if (p->text != NULL) {
			printf(": ");
			print_safe(stdout, p->text, strlen(p->text));
		}
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

static void
print_record(const struct record *rec)
{
	char stamp[CLOCK_DATE_SIZE];
	struct {
		const char *name;
		struct str value;
	} fields[] = {
	    {"recipients", rec->recipients},
	    {"host",       rec->host      },
	    {"text",       rec->text      },
	    {"who",        rec->who       },
	};

	clock_stamp(rec->time_s, stamp);
	printf("  %s %s", stamp, record_name(rec->kind));
	if (rec->suffix.len > 0)
		printf(" part=%.*s", (int)rec->suffix.len, rec->suffix.s);
	if (rec->kind == RECORD_OUTCOME)
		printf(
		    " %s attempt=%u", outcome_name(rec->outcome), rec->attempt);
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
		print_record(&rec);
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
		    v->entry.state == STATE_HELD      ? "when it is released"
		    : v->entry.state == STATE_CORRUPT ? "never"
						      : "now");
	if (pause != NULL) {
		printf("%-12s", "paused");
		pause_print(pause);
		putchar('\n');
	}
	if (view_route(t, v, &route) == ROUTE_FOUND)
		printf("%-12s%s (%s, profile %s)\n", "route", route.text,
		    route.where, route.profile);
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

	json_print_story(
	    v, pause_of(t, v), found ? &route : NULL, known ? &calendar : NULL);
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
		printf("%-12s%s\n%-12s%s\n%-12s%s\n", "id", v->entry.id,
		    "state", state_name(v->entry.state), "damaged", why);
		s->status = EXIT_NONE;
	} else {
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

/* ---- cat ---- */

/* What to write of the content: as it lies there, or as a person's tools want
 * it, with LF and without stuffed dots. */
struct unwire {
	bool raw;
	bool at_line_start;
	bool cr_waits;
};

static void
write_octet(struct unwire *u, char c)
{
	bool stuffed = u->at_line_start && c == '.';

	u->at_line_start = c == '\n';
	if (u->cr_waits && c != '\n')
		putchar('\r');
	u->cr_waits = c == '\r';
	if (!u->cr_waits && !stuffed)
		putchar(c);
}

/* What rules have us send before the content, to the first recipient that the
 * entry stands for. */
static void
write_headers(struct view *v, struct unwire *u)
{
	struct buf headers = {0};
	size_t i = 0;

	while (i < v->progress.nrcpts && !v->progress.rcpts[i].mine)
		i++;
	ruling_headers(v->journal, i, &headers);
	for (size_t at = 0; at < headers.len; at++)
		if (u->raw)
			putchar(headers.data[at]);
		else
			write_octet(u, headers.data[at]);
	buf_free(&headers);
}

static int
write_content(struct view *v, struct unwire *u)
{
	char chunk[65536];
	const char *data;
	uint64_t at = 0;
	ssize_t n;

	while ((n = queuefile_content(
		    &v->qf, at, chunk, sizeof(chunk), &data)) > 0) {
		at += (uint64_t)n;
		if (u->raw)
			fwrite(data, 1, (size_t)n, stdout);
		else
			for (ssize_t i = 0; i < n; i++)
				write_octet(u, data[i]);
	}
	return (int)n;
}

int
run_cat(struct tool *t, int argc, char *argv[])
{
	struct unwire u = {.at_line_start = true};
	struct entry e;
	struct view v;
	const char *why;
	int status = EXIT_DONE;

	if (argc == 3 && strcmp(argv[1], "--raw") == 0)
		u.raw = true;
	else if (argc != 2)
		return EXIT_USAGE;
	if (spool_find(t->spool, argv[argc - 1], &e) == -1) {
		fprintf(stderr, "queue-tool: no such entry\n");
		return EXIT_NONE;
	}
	if ((why = view_open(t, &e, &v)) == NULL) {
		if (queuefile_verify(&v.qf) != 1)
			why = "content is damaged; this is what there is";
		write_headers(&v, &u);
		if (write_content(&v, &u) == -1)
			why = strerror(errno);
	}
	if (why != NULL) {
		fflush(stdout);
		fprintf(stderr, "queue-tool: %s: %s\n", e.id, why);
		status = EXIT_NONE;
	}
	view_close(&v);
	return status;
}
