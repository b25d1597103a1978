/* SPDX-License-Identifier: ISC */
#include "resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "names.h"
#include "plan.h"
#include "proc/loop.h"
#include "self.h"

#define DEADLINE_MS 60000 /* of a whole resolution */
#define ASKED_MAX   (1 + 2 * HOPS_MAX)

/* A question that this resolution has asked. */
struct asked {
	struct resolve *resolve;
	size_t tag;
	struct names_query *query; /* NULL: not asked, or answered */
};

struct resolve {
	struct plan *plan;
	struct endpoint servers[RESOLVERS_MAX];
	size_t nservers;
	struct loop_timer *timer; /* the deadline, or at once when all is
	                           * known already */
	struct asked *asked;
	size_t nasked;
	resolve_fn *on_done;
	void *arg;
};

static struct {
	struct endpoint list[RESOLVERS_MAX];
	size_t n;
} resolvers;
static struct self self;

void
resolve_settings(const struct settings *set)
{
	memcpy(resolvers.list, set->resolvers, sizeof(resolvers.list));
	resolvers.n = set->nresolvers;
	self_read(&self, set);
}

void
resolve_start(const struct settings *set)
{
	names_start();
	resolve_settings(set);
}

/* ---- one resolution ---- */

void
resolve_cancel(struct resolve **r)
{
	size_t i;

	if (*r == NULL)
		return;
	for (i = 0; i < (*r)->nasked; i++)
		names_cancel(&(*r)->asked[i].query);
	free((*r)->asked);
	loop_timer_free(&(*r)->timer);
	plan_free(&(*r)->plan);
	free(*r);
	*r = NULL;
}

static void
finish(struct resolve *r, const struct resolve_answer *answer)
{
	r->on_done(r->arg, answer);
	resolve_cancel(&r);
}

static void
finish_by_plan(struct resolve *r)
{
	struct resolve_answer answer;

	plan_conclude(r->plan, &answer);
	finish(r, &answer);
}

static void
on_time(void *arg)
{
	static const struct resolve_answer too_long = {
	    .status = RESOLVE_TEMPFAIL,
	    .text = "4.4.3 DNS look-ups took too long",
	};
	struct resolve *r = arg;

	if (plan_done(r->plan))
		finish_by_plan(r);
	else
		finish(r, &too_long);
}

static void on_answer(void *arg, const struct names_answer *answer);

/* Ask all that can be asked now.  Without a resolver what needs no look-up
 * still has its targets. */
static void
ask(struct resolve *r)
{
	static const struct names_answer nobody_to_ask = {
	    .status = NAMES_TEMPFAIL,
	    .text = "no resolver configured: see stagepost-settings(5)",
	};
	struct plan_question q;
	struct asked *a;

	while (plan_ask(r->plan, &q)) {
		if (r->nservers == 0) {
			plan_answer(r->plan, q.tag, &nobody_to_ask);
			continue;
		}
		if (r->asked == NULL)
			r->asked = mem_alloc(ASKED_MAX * sizeof(*r->asked));
		a = &r->asked[r->nasked++];
		a->resolve = r;
		a->tag = q.tag;
		a->query = names_ask(
		    r->servers, r->nservers, q.type, q.name, on_answer, a);
	}
}

static void
on_answer(void *arg, const struct names_answer *answer)
{
	struct asked *a = arg;
	struct resolve *r = a->resolve;

	a->query = NULL;
	plan_answer(r->plan, a->tag, answer);
	ask(r);
	if (plan_done(r->plan))
		finish_by_plan(r);
}

/* Its destination is "mx DOMAIN options". */
void
resolve_domain(const struct route *route, char out[DOMAIN_MAX + 1])
{
	struct str rest = str_of(route->destination);

	str_word(&rest);
	str_copy(out, DOMAIN_MAX + 1, str_word(&rest));
}

struct resolve *
resolve_route(const struct route *route, const char *domain, bool follow_alias,
    resolve_fn *on_done, void *arg)
{
	struct resolve *r = mem_alloc(sizeof(*r));
	bool own = route->kind == ROUTE_MX && route->nservers > 0;

	r->nservers = own ? route->nservers : resolvers.n;
	memcpy(r->servers, own ? route->servers : resolvers.list,
	    r->nservers * sizeof(r->servers[0]));
	r->on_done = on_done;
	r->arg = arg;
	r->plan = plan_new(route, domain, follow_alias, &self);
	r->timer = loop_timer_new(on_time, r);
	ask(r);
	loop_timer_set(r->timer, plan_done(r->plan) ? 0 : DEADLINE_MS);
	return r;
}
