/* SPDX-License-Identifier: ISC */
/*
 * queue-tool route: every step of the search for a route, what matched, where
 * that is written, and what will be done.
 */
#include "queue_tool.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "mail/address.h"
#include "mail/alias.h"
#include "mail/profile.h"
#include "mail/recipient.h"
#include "mail/rewrite.h"
#include "mail/route.h"

static void
on_step(void *arg, const struct route_step *step)
{
	static const char *const answers[] = {
	    [STEP_ABSENT] = "no entry",
	    [STEP_DIFFERS] = "does not match, ",
	    [STEP_SENDER] = "is for other senders, ",
	    [STEP_UNKNOWN] = "no answer within its limits, ",
	    [STEP_MATCHES] = "matches, ",
	};

	(void)arg;
	printf("  %-14s ", step->name);
	print_safe(stdout, step->key, strlen(step->key));
	printf(": %s%s\n", answers[step->answer], step->where);
}

static void
print_hops(const struct route *r)
{
	const struct hop *order[HOPS_MAX];

	route_order(r, order);
	for (size_t i = 0; i < r->nhops; i++) {
		printf("  next hop     %u ", order[i]->weight);
		print_safe(stdout, order[i]->host.s, order[i]->host.len);
		if (!order[i]->is_unix)
			printf(" port %u", order[i]->port);
		putchar('\n');
	}
}

/* In delays, then in dates as far as count or lifetime let it go on. */
static void
print_retries(const struct profile *p)
{
	static struct calendar calendar;
	int64_t now_s = clock_wall_s();

	printf("  retry        after ");
	for (size_t i = 0; i < p->nretry; i++) {
		if (i > 0)
			printf(", ");
		print_span(stdout, p->retry_s[i]);
	}
	printf(p->nretry > 1 ? ", the last repeats\n" : ", repeated\n");
	if (p->lifetime_s > 0) {
		printf("  lifetime     ");
		print_span(stdout, p->lifetime_s);
		putchar('\n');
	}
	printf("  at the end   %s\n",
	    p->discard ? "discard" : "report to the sender");
	printf("  calendar     if it is first tried now\n");
	calendar_make(p, 0, now_s, now_s, &calendar);
	calendar_print(&calendar, "    ", p->discard);
}

/* What RCPT is answered, where a local domain lists its recipients. */
static void
print_recipient(struct tool *t, const char *address)
{
	char where[256];

	switch (recipient_check(t->map, address, where)) {
	case RECIPIENT_UNCHECKED:
	case RECIPIENT_TEMPFAIL:
		break;
	case RECIPIENT_KNOWN:
		printf("  recipient    known, %s\n", where);
		break;
	case RECIPIENT_UNKNOWN:
		printf("  recipient    unknown: refused with 5.1.1, as %s "
		       "says recipients=listed\n",
		    where);
		break;
	}
}

/* Where those go whom this route's hosts do not know. */
static void
print_fallback(struct tool *t, const char *address, const struct route *r)
{
	static struct route fallback; /* large; used here only */

	if (r->fallback[0] == '\0')
		return;
	printf("  fallback     %s, for whom that does not know\n", r->fallback);
	fallback = (struct route){0};
	memcpy(fallback.where, r->where, sizeof(fallback.where));
	memcpy(fallback.fallback, r->fallback, sizeof(fallback.fallback));
	if (route_fall_back(t->map, address, &fallback) != ROUTE_FOUND)
		return;
	print_hops(&fallback);
	printf(
	    "  destination  %s (tag %s)\n", fallback.destination, fallback.tag);
	printf("  profile      %s\n", fallback.profile);
}

static bool as_json; /* --json */

static int explain(
    struct tool *t, const char *address, const char *from, bool is_target);

/* Whom it stands for, and where their mail goes: 1, 0 or -1. */
static int
explain_alias(struct tool *t, const char *address, const char *from)
{
	char where[256], text[ADDRESS_MAX + 1];
	struct buf targets = {0};
	struct str rest, target;
	int found, is_new;

	is_new = rewrite_find(t->map, REWRITE_RECIPIENT, address, text, where);
	if (is_new == 1 && as_json)
		json_print_replaced(address, "rewritten", where, text);
	else if (is_new == 1)
		printf("%s\n  rewritten    %s: to %s\n", address, where, text);
	found =
	    alias_expand(t->map, is_new == 1 ? text : address, &targets, where);
	if (found == 0 && is_new == 1) {
		if (!as_json)
			print_recipient(t, address);
		explain(t, text, from, true);
		return 1;
	}
	if (found == 1 && as_json) {
		json_print_replaced(
		    address, "alias", where, buf_text(&targets));
	} else if (found == 1) {
		printf("%s\n  alias        %s: stands for %s\n", address, where,
		    buf_text(&targets));
		print_recipient(t, address);
	} else if (found == -1) {
		printf("%s\n  no answer for now, see the log; mail waits\n",
		    address);
	}
	rest = (struct str){buf_text(&targets), targets.len};
	while (found == 1 && (target = str_word(&rest)).len > 0)
		if (str_copy(text, sizeof(text), target) == 0)
			explain(t, text, from, true);
	buf_free(&targets);
	return found;
}

static int
explain(struct tool *t, const char *address, const char *from, bool is_target)
{
	int found;
	struct route_query query = {
	    .recipient = address, .sender = from, .on_step = on_step};
	static struct route r;
	struct profile p;
	struct address parsed;
	const char *expected = address_parse(str_of(address), &parsed);

	if (expected != NULL) {
		fprintf(stderr, "queue-tool: \"%s\": expected %s\n", address,
		    expected);
		return EXIT_USAGE;
	}
	if (!is_target && (found = explain_alias(t, address, from)) != 0)
		return found == 1 ? EXIT_DONE : EXIT_BROKEN;
	if (as_json)
		return json_print_route(t, address, from);
	printf("%s\n", address);
	switch (route_find(t->map, &query, &r)) {
	case ROUTE_NONE:
		printf("  no route: refused with 5.4.4\n");
		return EXIT_NONE;
	case ROUTE_TEMPFAIL:
		printf("  no answer for now, see the log; mail waits\n");
		return EXIT_BROKEN;
	case ROUTE_FOUND:
		break;
	}
	printf("  because      %s says \"%s\"\n", r.where, r.pattern);
	printf("  route        %s\n", r.text);
	print_hops(&r);
	printf("  destination  %s (tag %s)\n", r.destination, r.tag);
	printf("  profile      %s\n", r.profile);
	print_recipient(t, address);
	if (profile_find(t->map, r.profile, &p) == 1)
		print_retries(&p);
	print_fallback(t, address, &r);
	return EXIT_DONE;
}

int
run_route(struct tool *t, int argc, char *argv[])
{
	static const struct option options[] = {
	    {"from", required_argument, NULL, 'f'},
	    {"json", no_argument,       NULL, 'j'},
	    {NULL,   0,                 NULL, 0  },
	};
	int status = EXIT_DONE, one, opt;
	const char *from = NULL;

	optind = 0; /* glibc: begin anew */
	while ((opt = getopt_long(argc, argv, "+f:j", options, NULL)) != -1) {
		if (opt == 'j')
			as_json = true;
		else if (opt == 'f')
			from = strcmp(optarg, "<>") == 0 ? "" : optarg;
		else
			return EXIT_USAGE;
	}
	if (argc <= optind)
		return EXIT_USAGE;
	if (tool_map(t) == NULL)
		return EXIT_BROKEN;
	for (int i = optind; i < argc; i++)
		if ((one = explain(t, argv[i], from, false)) > status)
			status = one;
	return status;
}
