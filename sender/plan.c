/* SPDX-License-Identifier: ISC */
#include "plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "host.h"
#include "mail/address.h"

#define SMTP_PORT 25

struct plan {
	const struct self *self;
	enum route_kind kind;
	uint16_t port;              /* of MX hosts */
	char zone[NAMES_HOST_SIZE]; /* "": none */
	struct host domain;         /* mx: what mail is for */
	bool follow_alias;
	bool implicit; /* there is no MX: hosts[0] is the domain itself */
	struct host *hosts;
	size_t nhosts;
	size_t next;    /* tag of the next question */
	size_t waiting; /* answers that are missing */
	bool concluded; /* status and text are final */
	enum resolve_status status;
	char text[768];
	char why[512]; /* of the first look-up that failed for now */
	struct target *targets;
	size_t ntargets;
};

/* Tags: the MX question, then for each host those for A and for AAAA. */
#define QUESTIONS 2
#define TAG_MX    0

static size_t
host_tag(size_t host, size_t question)
{
	return 1 + host * QUESTIONS + question;
}

static void conclude(struct plan *p, enum resolve_status status,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
conclude(struct plan *p, enum resolve_status status, const char *fmt, ...)
{
	va_list ap;

	if (p->concluded)
		return;
	va_start(ap, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
	p->status = status;
	p->concluded = true;
}

static struct host *
add_host(struct plan *p, uint16_t port)
{
	struct host *h;

	p->hosts = mem_resize(p->hosts, p->nhosts + 1, sizeof(*p->hosts));
	h = &p->hosts[p->nhosts++];
	memset(h, 0, sizeof(*h));
	h->port = port;
	return h;
}

/* ---- beginning ---- */

/* user@[192.0.2.1], user@[IPv6:2001:db8::1]: RFC 5321, 4.1.3. */
static void
begin_literal(struct plan *p, struct str literal)
{
	struct str inner = {literal.s + 1, literal.len - 2};

	if (str_starts_nocase(inner, "IPv6:")) {
		inner.s += 5;
		inner.len -= 5;
	}
	if (host_fix_address(add_host(p, p->port), inner) == -1)
		conclude(p, RESOLVE_PERMFAIL,
		    "5.1.3 %.*s is not an address that mail can be sent to",
		    (int)literal.len, literal.s);
	p->next = host_tag(0, 0);
}

static void
begin_mx(struct plan *p, struct str domain)
{
	if (domain.len > 2 && domain.s[0] == '[' &&
	    domain.s[domain.len - 1] == ']') {
		str_copy(p->domain.name, sizeof(p->domain.name), domain);
		begin_literal(p, domain);
	} else if (host_name(&p->domain, domain, p->zone) == -1)
		conclude(p, RESOLVE_PERMFAIL,
		    "5.1.2 \"%.*s\" is not a domain name that can be looked up",
		    (int)domain.len, domain.s);
}

static void
begin_hops(struct plan *p, const struct route *route)
{
	const struct hop *order[HOPS_MAX];
	struct host *h;
	size_t i;
	int r;

	route_order(route, order);
	for (i = 0; i < route->nhops; i++) {
		h = add_host(p, order[i]->port);
		if (order[i]->is_unix)
			r = host_fix_unix(h, order[i]->host);
		else if (order[i]->literal)
			r = host_fix_address(h, order[i]->host);
		else
			r = host_name(h, order[i]->host, "");
		if (r == -1) /* cdbmaps lets no such hop through */
			p->nhosts--;
	}
	p->next = host_tag(0, 0);
}

struct plan *
plan_new(const struct route *route, const char *domain, bool follow_alias,
    const struct self *self)
{
	struct plan *p = mem_alloc(sizeof(*p));

	p->self = self;
	p->follow_alias = follow_alias;
	p->kind = route->kind;
	if (route->kind != ROUTE_MX) {
		begin_hops(p, route);
		return p;
	}
	p->port = route->port ? route->port : SMTP_PORT;
	if (domain_canonical(route->zone, p->zone, sizeof(p->zone)) == -1)
		conclude(
		    p, RESOLVE_TEMPFAIL, "4.3.5 the route's zone is no name");
	else
		begin_mx(p, str_of(domain));
	return p;
}

void
plan_free(struct plan **p)
{
	if (*p == NULL)
		return;
	free((*p)->hosts);
	free((*p)->targets);
	free(*p);
	*p = NULL;
}

/* ---- questions and answers ---- */

bool
plan_ask(struct plan *p, struct plan_question *q)
{
	const char *name;
	size_t i;

	if (p->concluded || (p->next > TAG_MX && p->nhosts == 0))
		return false;
	if (p->next == TAG_MX) {
		name = p->domain.ask;
		q->type = NAMES_MX;
	} else {
		for (;; p->next += QUESTIONS) {
			i = (p->next - host_tag(0, 0)) / QUESTIONS;
			if (i >= p->nhosts)
				return false;
			if (p->hosts[i].ask[0] != '\0')
				break;
		}
		name = p->hosts[i].ask;
		q->type = (p->next - host_tag(0, 0)) % QUESTIONS == 0
		              ? NAMES_A
		              : NAMES_AAAA;
	}
	snprintf(q->name, sizeof(q->name), "%s", name);
	q->tag = p->next++;
	p->waiting++;
	return true;
}

struct choice {
	const struct names_record *record;
	uint32_t chance; /* orders equal preferences */
};

static int
compare_choices(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;

	if (x->record->preference != y->record->preference)
		return x->record->preference < y->record->preference ? -1 : 1;
	return x->chance < y->chance ? -1 : x->chance > y->chance;
}

static bool
has_host(const struct plan *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->nhosts; i++)
		if (strcmp(p->hosts[i].name, name) == 0)
			return true;
	return false;
}

/* The best MX hosts, each once; "." beside others means nothing. */
static void
take_exchangers(struct plan *p, const struct names_answer *a)
{
	struct choice choices[NAMES_RECORDS_MAX];
	struct host *h;
	size_t i;

	for (i = 0; i < a->nrecords; i++)
		choices[i] = (struct choice){&a->records[i], arc4random()};
	qsort(choices, a->nrecords, sizeof(choices[0]), compare_choices);
	for (i = 0; i < a->nrecords && p->nhosts < PLAN_MX_MAX; i++) {
		if (has_host(p, choices[i].record->host))
			continue;
		h = add_host(p, p->port);
		h->preference = choices[i].record->preference;
		if (host_name(h, str_of(choices[i].record->host), p->zone) ==
		    -1)
			p->nhosts--;
	}
}

static void
take_mx(struct plan *p, const struct names_answer *a)
{
	switch (a->status) {
	case NAMES_TEMPFAIL:
		conclude(p, RESOLVE_TEMPFAIL,
		    "4.4.3 DNS look-up of MX of %s: %s", p->domain.ask,
		    a->text);
		return;
	case NAMES_NXDOMAIN:
		conclude(p, RESOLVE_PERMFAIL, "5.1.2 domain %s does not exist",
		    p->domain.ask);
		return;
	case NAMES_NODATA:
		p->implicit = true;
		*add_host(p, 0) = p->domain;
		p->hosts[0].port = p->port;
		return;
	case NAMES_FOUND:
		break;
	}
	if (a->nrecords == 1 && a->records[0].host[0] == '\0') {
		conclude(p, RESOLVE_PERMFAIL,
		    "5.1.10 domain %s takes no mail (null MX)", p->domain.ask);
		return;
	}
	take_exchangers(p, a);
	if (p->nhosts == 0)
		conclude(p, RESOLVE_PERMFAIL,
		    "5.4.4 no MX record of %s names a host", p->domain.ask);
}

static void
take_addresses(struct plan *p, struct host *h, const struct names_answer *a)
{
	host_add_addresses(h, a);
	if (a->status == NAMES_TEMPFAIL && p->why[0] == '\0')
		snprintf(p->why, sizeof(p->why), "DNS look-up of %s of %s: %s",
		    names_type_text(a->type), h->ask, a->text);
}

void
plan_answer(struct plan *p, size_t tag, const struct names_answer *a)
{
	p->waiting--;
	if (tag == TAG_MX)
		take_mx(p, a);
	else
		take_addresses(
		    p, &p->hosts[(tag - host_tag(0, 0)) / QUESTIONS], a);
}

bool
plan_done(const struct plan *p)
{
	return p->concluded || (p->waiting == 0 && p->next > TAG_MX &&
				   p->next >= host_tag(p->nhosts, 0));
}

/* ---- the conclusion ---- */

/* Targets from `first` on are those of host h. */
static bool
is_self(const struct plan *p, const struct host *h, size_t first)
{
	size_t i;

	if (self_is_name(p->self, h->name))
		return true;
	for (i = first; i < p->ntargets; i++)
		if (self_is_address(p->self, &p->targets[i].addr))
			return true;
	return false;
}

/*
 * The targets of all hosts in order.  Mail for a domain must not come back to
 * us: where we are among its hosts, what is not better than us is dropped.
 */
static void
gather_targets(struct plan *p)
{
	size_t i, first, better = 0; /* first host of this preference */
	size_t keep = 0;             /* targets of hosts before that one */

	for (i = 0; i < p->nhosts; i++) {
		first = p->ntargets;
		if (p->hosts[i].preference > p->hosts[better].preference) {
			better = i;
			keep = first;
		}
		host_targets(&p->hosts[i], p->self->ipv6_first, &p->targets,
		    &p->ntargets);
		if (p->kind != ROUTE_MX || !is_self(p, &p->hosts[i], first))
			continue;
		p->ntargets = keep;
		if (better == 0)
			conclude(p, RESOLVE_PERMFAIL,
			    "5.4.6 the best mail host of %s is ourselves",
			    p->domain.name);
		return;
	}
}

static void
conclude_hosts(struct plan *p)
{
	if (p->implicit && p->hosts[0].alias && !p->follow_alias) {
		conclude(p, RESOLVE_PERMFAIL,
		    "5.1.2 domain %s has no MX and is an alias", p->domain.ask);
		return;
	}
	gather_targets(p);
	if (p->ntargets > 0)
		conclude(p, RESOLVE_OK, "ok");
	else if (p->why[0] != '\0')
		conclude(p, RESOLVE_TEMPFAIL, "4.4.3 %s", p->why);
	else if (p->kind != ROUTE_MX)
		conclude(p, RESOLVE_TEMPFAIL,
		    "4.4.4 no next hop of the route has an address");
	else
		conclude(p, RESOLVE_PERMFAIL,
		    p->implicit ? "5.4.4 domain %s has neither MX nor address"
				: "5.4.4 no MX host of %s has an address",
		    p->domain.ask);
}

void
plan_conclude(struct plan *p, struct resolve_answer *answer)
{
	if (!p->concluded)
		conclude_hosts(p);
	answer->status = p->status;
	answer->targets = p->targets;
	answer->ntargets = p->status == RESOLVE_OK ? p->ntargets : 0;
	answer->text = p->text;
}
