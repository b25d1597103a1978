/* SPDX-License-Identifier: ISC */
/*
 * queue-tool route, for people: each step, then what it leads to.
 */
#include "explain.h"

#include <string.h>

#define LABEL "  %-14s "

static void
print_words(const char *label, const char *text)
{
	printf(LABEL, label);
	print_safe(stdout, text, strlen(text));
}

static void
print_step(const struct step *s)
{
	print_words(s->name, s->key);
	printf(": %s", s->answer);
	if (*s->where != '\0')
		printf(", %s", s->where);
	if (*s->why != '\0') {
		printf(": ");
		print_safe(stdout, s->why, strlen(s->why));
	}
	putchar('\n');
}

/* ---- next hops ---- */

double
hop_share(const struct route *r, const struct hop *hop, unsigned *rank_r)
{
	unsigned equals = 0, rank = 1, weight = 0;

	for (size_t i = 0; i < r->nhops; i++) {
		if (r->hops[i].weight == hop->weight)
			equals++;
		/* sorted by weight */
		if (i > 0 && r->hops[i].weight != weight &&
		    r->hops[i].weight <= hop->weight)
			rank++;
		weight = r->hops[i].weight;
	}
	*rank_r = rank;
	return 1.0 / equals;
}

struct str
route_domain(const struct route *r)
{
	struct str rest = str_of(r->destination);

	str_word(&rest); /* "mx" */
	return str_word(&rest);
}

/* What is asked for is known, the answers are not: this room may not ask. */
static void
print_exchangers(const struct target *to)
{
	struct str domain = route_domain(to->route);

	printf(LABEL "by the DNS: the mail exchangers of %.*s", "next hop",
	    (int)domain.len, domain.s);
	if (to->route->zone.len > 0)
		printf(", below %.*s", (int)to->route->zone.len,
		    to->route->zone.s);
	printf(", by preference, equals in any order\n");
	printf(LABEL, "asked");
	for (size_t i = 0; i < to->nservers; i++)
		printf("%s%s", i > 0 ? ", " : "", to->servers[i].name);
	printf("%s\n", to->nservers == 0 ? "nobody: no resolver is set" : "");
}

static void
print_target(const struct target *to)
{
	const struct route *r = to->route;
	const struct hop *order[HOPS_MAX];
	unsigned rank;
	double share;

	if (r->kind == ROUTE_MX)
		print_exchangers(to);
	route_order(r, order);
	for (size_t i = 0; i < r->nhops; i++) {
		share = hop_share(r, order[i], &rank);
		printf(LABEL "%u ", "next hop", order[i]->weight);
		print_safe(stdout, order[i]->host.s, order[i]->host.len);
		if (!order[i]->is_unix)
			printf(" port %u", order[i]->port);
		printf(": rank %u, share %.0f%%\n", rank, share * 100);
	}
	print_words("destination", r->destination);
	printf(" (tag %s)\n", r->tag);
}

static void
print_fallback(const struct target *to)
{
	if (!to->route)
		return;
	print_words("fallback", to->route->text);
	printf(", for whom those hosts do not know\n");
	print_target(to);
	printf(LABEL "%s\n", "profile", to->route->profile);
}

/* ---- the rest ---- */

static void
print_retries(const struct account *a)
{
	const struct profile *p = a->profile;

	printf(LABEL "after ", "retry");
	for (size_t i = 0; i < p->nretry; i++) {
		if (i > 0)
			printf(", ");
		print_span(stdout, p->retry_s[i]);
	}
	printf(p->nretry > 1 ? ", the last repeats" : ", repeated");
	if (p->retries_max > 0)
		printf("; %u in all", p->retries_max);
	putchar('\n');
	if (p->lifetime_s > 0) {
		printf(LABEL, "lifetime");
		print_span(stdout, p->lifetime_s);
		putchar('\n');
	}
	if (p->delay_warning_s > 0) {
		printf(LABEL, "delay warning");
		print_span(stdout, p->delay_warning_s);
		printf(" after its arrival\n");
	}
	printf(LABEL "%s\n", "at the end",
	    p->discard ? "discard" : "report to the sender");
	if (a->calendar) {
		printf(LABEL "%s\n", "calendar",
		    a->view ? "as far as it goes by the map as it is now"
			    : "if it is first tried now");
		calendar_print(a->calendar, "    ", p->discard);
	}
}

/* What RCPT is answered, where a local domain lists its recipients. */
static void
print_known(const struct account *a)
{
	if (a->known == RECIPIENT_KNOWN)
		printf(LABEL "known, %s\n", "recipient", a->known_where);
	else if (a->known == RECIPIENT_UNKNOWN)
		printf(LABEL "unknown: refused with 5.1.1, as %s says "
			     "recipients=listed\n",
		    "recipient", a->known_where);
}

static void
print_route(const struct account *a)
{
	const struct route *r = a->target.route;

	printf(LABEL "%s ", "because", r->where);
	if (*r->pattern != '\0') {
		printf("says \"");
		print_safe(stdout, r->pattern, strlen(r->pattern));
		printf("\"\n");
	} else {
		printf("orders it\n");
	}
	print_words("route", r->text);
	putchar('\n');
	print_target(&a->target);
	printf(LABEL "%s%s%s\n", "profile", r->profile,
	    a->profile_where ? ", " : "",
	    a->profile_where ? a->profile_where : "");
	printf(LABEL "%c\n", "priority", r->prio);
	if (a->sender) {
		print_words("sender", a->sender);
		printf(
		    ": it is sent on as from this one, %s\n", a->sender_where);
	}
	if (a->pause) {
		printf(LABEL, "paused");
		pause_print(a->pause);
		putchar('\n');
	}
	if (a->profile)
		print_retries(a);
	print_fallback(&a->fallback);
}

static void
print_fate(const struct account *a)
{
	switch (a->fate) {
	case FATE_FOUND:
		print_route(a);
		break;
	case FATE_NONE:
		printf("  no route: refused with 5.4.4\n");
		break;
	case FATE_LATER:
		printf("  no answer for now, see the log; mail waits\n");
		break;
	case FATE_REPLACED:
		print_words("replaced", "by ");
		print_safe(stdout, a->targets, strlen(a->targets));
		putchar('\n');
		break;
	case FATE_REFUSED:
		print_words("refused", "the sender has a report that says ");
		print_safe(stdout, a->reason, strlen(a->reason));
		putchar('\n');
		break;
	case FATE_DISCARDED:
		printf(LABEL "nobody hears of it\n", "discarded");
		break;
	}
}

void
text_account(const struct account *a)
{
	print_safe(stdout, a->address, strlen(a->address));
	putchar('\n');
	if (a->view)
		printf(LABEL "%s, in %s/, attempts %u\n", "message",
		    a->view->entry.id, state_name(a->view->entry.state),
		    a->view->progress.attempts);
	print_known(a);
	for (size_t i = 0; i < a->steps->n; i++)
		print_step(&a->steps->list[i]);
	if (a->hold) {
		print_words("held", "as \"");
		print_safe(stdout, a->hold, strlen(a->hold));
		printf("\", by order of a rule; what follows is for when it is "
		       "released\n");
	}
	print_fate(a);
}
