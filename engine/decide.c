/* SPDX-License-Identifier: ISC */
/*
 * Where each recipient goes.  Recipients with one destination stay together;
 * those that can go nowhere fail here.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "mail/ruling.h"
#include "mail/spool.h"
#include "mail/trace.h"

static struct group *
group_add(struct decision *d, size_t nrecipients)
{
	struct group *g;

	d->groups = mem_resize(d->groups, d->ngroups + 1, sizeof(*d->groups));
	g = &d->groups[d->ngroups++];
	*g = (struct group){.prio = PRIO_NORMAL};
	rcptset_init(&g->recipients, nrecipients, false);
	return g;
}

/* Who is sent to together has the destination, the priority and the header
 * fields in common. */
static struct group *
group_find(struct decision *d, const struct route *r, uint64_t headers,
    size_t nrecipients)
{
	struct group *g;

	for (size_t i = 0; i < d->ngroups; i++) {
		g = &d->groups[i];
		if (memcmp(g->tag, r->tag, sizeof(r->tag)) == 0 &&
		    g->headers == headers && g->prio == r->prio)
			return g;
	}
	g = group_add(d, nrecipients);
	g->prio = r->prio;
	g->shards = r->shards;
	g->headers = headers;
	memcpy(g->tag, r->tag, sizeof(g->tag));
	memcpy(g->destination, r->destination, sizeof(g->destination));
	return g;
}

static struct group *
group_find_held(struct decision *d, const char *name, size_t nrecipients)
{
	struct group *g;

	for (size_t i = 0; i < d->ngroups; i++) {
		g = &d->groups[i];
		if (g->hold && strcmp(g->hold, name) == 0)
			return g;
	}
	g = group_add(d, nrecipients);
	g->hold = name;
	return g;
}

/* Nobody to deliver to, but there is something to report. */
static void
group_report(struct decision *d, size_t nrecipients)
{
	struct group *g = group_add(d, nrecipients);

	tag_make(REPORT_DESTINATION, g->tag);
	g->shards = SHARDS;
	memcpy(g->destination, REPORT_DESTINATION, sizeof(REPORT_DESTINATION));
}

static bool
is_pending(const struct rcpt_progress *p)
{
	return p->mine && !p->final;
}

static enum verdict
decide_one(struct worker *w, const struct envelope *env, size_t i,
    const struct rcpt_progress *p, struct decision *d)
{
	static struct route route; /* large, and only used here */

	switch (ruling_route(w->map, env, i, p, &route)) {
	case ROUTE_FOUND:
		rcptset_add(&group_find(d, &route, p->headers, env->nrecipients)
				 ->recipients,
		    i);
		return VERDICT_GO;
	case ROUTE_NONE:
		rcptset_add(&d->failed, i);
		d->reason = "5.4.4 no route to this domain";
		return VERDICT_GO;
	case ROUTE_TEMPFAIL:
		break;
	}
	return VERDICT_LATER;
}

/* Those whom a rule holds, behind the others.  What failed is reported all the
 * same, by an entry of its own if nothing else goes on. */
static void
decide_held(const struct progress *p, struct decision *d)
{
	bool fails =
	    rcptset_count(&d->failed) > 0 || progress_unreported(p) > 0;

	for (size_t i = 0; i < p->nrcpts; i++) {
		if (!is_pending(&p->rcpts[i]) || !p->rcpts[i].hold)
			continue;
		if (d->ngroups == 0 && fails)
			group_report(d, p->nrcpts);
		rcptset_add(&group_find_held(d, p->rcpts[i].hold, p->nrcpts)
				 ->recipients,
		    i);
	}
}

enum verdict
verdict_unread(const struct entry *e)
{
	if (errno == EBADMSG)
		return VERDICT_DAMAGED;
	log_warn("%s: read the content", e->id);
	return VERDICT_LATER;
}

enum verdict
decide(struct worker *w, const struct entry *e, struct queuefile *qf,
    const struct progress *progress, struct decision *d_r)
{
	const struct envelope *env = &qf->envelope;
	int hops_max = (int)w->settings.hops_max;
	int hops = trace_hops(qf, hops_max);
	enum verdict verdict;

	*d_r = (struct decision){0};
	rcptset_init(&d_r->failed, env->nrecipients, false);
	if (hops == -1)
		return verdict_unread(e);
	for (size_t i = 0; i < env->nrecipients; i++) {
		if (!is_pending(&progress->rcpts[i]) || progress->rcpts[i].hold)
			continue;
		if (hops > hops_max) {
			rcptset_add(&d_r->failed, i);
			d_r->reason = TRACE_HOPS;
			continue;
		}
		verdict = decide_one(w, env, i, &progress->rcpts[i], d_r);
		if (verdict != VERDICT_GO)
			return verdict;
	}
	decide_held(progress, d_r);
	return VERDICT_GO;
}

void
decision_free(struct decision *d)
{
	for (size_t i = 0; i < d->ngroups; i++)
		rcptset_free(&d->groups[i].recipients);
	free(d->groups);
	rcptset_free(&d->failed);
	*d = (struct decision){0};
}
