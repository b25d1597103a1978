/* SPDX-License-Identifier: ISC */
/*
 * Where each recipient goes.  Recipients with one destination stay together;
 * those that can go nowhere fail here.
 */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "mail/ruling.h"
#include "mail/spool.h"

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
	d->groups = mem_resize(d->groups, d->ngroups + 1, sizeof(*d->groups));
	g = &d->groups[d->ngroups++];
	*g = (struct group){
	    .prio = r->prio, .shards = r->shards, .headers = headers};
	memcpy(g->tag, r->tag, sizeof(g->tag));
	memcpy(g->destination, r->destination, sizeof(g->destination));
	rcptset_init(&g->recipients, nrecipients, false);
	return g;
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

enum verdict
decide(struct worker *w, struct queuefile *qf, const struct progress *progress,
    struct decision *d_r)
{
	const struct envelope *env = &qf->envelope;
	int hops_max = (int)w->settings.hops_max;
	int hops = hops_count(qf, hops_max);
	enum verdict verdict;

	*d_r = (struct decision){0};
	rcptset_init(&d_r->failed, env->nrecipients, false);
	if (hops == -1)
		return VERDICT_DAMAGED;
	for (size_t i = 0; i < env->nrecipients; i++) {
		if (!progress->rcpts[i].mine || progress->rcpts[i].final)
			continue;
		if (hops > hops_max) {
			rcptset_add(&d_r->failed, i);
			d_r->reason = "5.4.6 too many hops: the message is in "
				      "a loop";
			continue;
		}
		verdict = decide_one(w, env, i, &progress->rcpts[i], d_r);
		if (verdict != VERDICT_GO)
			return verdict;
	}
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
