/* SPDX-License-Identifier: ISC */
/*
 * The way of a message through rules, rewriting, aliases, tables and default
 * route, as engine and sender take it, without changing anything.
 */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mail/expansion.h"
#include "mail/rewrite.h"
#include "mail/ruling.h"
#include "mail/settings.h"

/* ---- steps ---- */

void
steps_add(struct steps *s, const char *name, const char *key,
    const char *answer, const char *where, const char *why)
{
	struct step *step;

	s->list = mem_resize(s->list, s->n + 1, sizeof(s->list[0]));
	step = &s->list[s->n++];
	*step = (struct step){
	    .name = mem_dup(name),
	    .key = mem_dup(key),
	    .answer = answer,
	    .matches = strcmp(answer, "matches") == 0,
	    .where = mem_dup(where),
	    .why = mem_dup(why),
	};
}

static void
steps_free(struct steps *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->list[i].name);
		free(s->list[i].key);
		free(s->list[i].where);
		free(s->list[i].why);
	}
	free(s->list);
	*s = (struct steps){0};
}

const char *
fate_name(enum fate fate)
{
	static const char *const names[] = {
	    [FATE_FOUND] = "found",
	    [FATE_NONE] = "none",
	    [FATE_LATER] = "later",
	    [FATE_REPLACED] = "replaced",
	    [FATE_REFUSED] = "refused",
	    [FATE_DISCARDED] = "discarded",
	};

	return names[fate];
}

/* ---- the message ---- */

struct str
explaining_suffix(const struct explaining *x)
{
	return x->view ? id_suffix(x->view->entry.id) : (struct str){"", 0};
}

bool
explaining_arrives(const struct explaining *x)
{
	return !x->view || x->view->entry.state == STATE_INCOMING ||
	       x->view->entry.state == STATE_HELD;
}

/* Read what was added to the journal: its recipients, and where they stand. */
static int
renew(struct explaining *x)
{
	struct str journal = {buf_text(&x->journal), x->journal.len};
	size_t before = x->nsteps;

	for (size_t i = 0; i < x->nkept; i++)
		free(x->kept[i]);
	free(x->kept);
	x->kept = NULL;
	x->nkept = 0;
	x->env.nrecipients = x->view ? x->view->qf.nwritten : 1;
	progress_free(&x->progress);
	if (expansion_apply(journal, &x->env, &x->kept, &x->nkept) == -1 ||
	    progress_read(journal, explaining_suffix(x), x->env.nrecipients,
		&x->progress) == -1)
		return -1;
	x->nsteps = x->env.nrecipients;
	x->steps = mem_resize(x->steps, x->nsteps, sizeof(x->steps[0]));
	for (size_t i = before; i < x->nsteps; i++)
		x->steps[i] = (struct steps){0};
	return 0;
}

static void
take_recipients(struct explaining *x, const struct recipient *list, size_t n)
{
	x->env.recipients = mem_resize(NULL, n, sizeof(*list));
	memcpy(x->env.recipients, list, n * sizeof(*list));
}

static void
explaining_free(struct explaining *x)
{
	for (size_t i = 0; i < x->nsteps; i++)
		steps_free(&x->steps[i]);
	free(x->steps);
	for (size_t i = 0; i < x->nkept; i++)
		free(x->kept[i]);
	free(x->kept);
	free(x->env.recipients);
	buf_free(&x->journal);
	buf_free(&x->header);
	progress_free(&x->progress);
}

/* ---- the route ---- */

static void
on_step(void *arg, const struct route_step *step)
{
	static const char *const answers[] = {
	    [STEP_ABSENT] = "no entry",
	    [STEP_DIFFERS] = "does not match",
	    [STEP_SENDER] = "is for other senders",
	    [STEP_UNKNOWN] = "no answer",
	    [STEP_MATCHES] = "matches",
	};

	steps_add(arg, step->name, step->key, answers[step->answer],
	    step->where,
	    step->answer == STEP_UNKNOWN ? "its limits were reached" : "");
}

/* What the last step of that recipient says of those who replace it. */
static void
tell_replaced(const struct explaining *x, size_t i, struct account *a)
{
	const struct steps *s = &x->steps[i];

	a->fate = FATE_REPLACED;
	a->by = "expanded";
	for (size_t n = 0; n < s->n; n++) {
		if (!s->list[n].matches)
			continue;
		if (strcmp(s->list[n].name, "rewriting") == 0)
			a->by = "rewritten";
		else if (strcmp(s->list[n].name, "alias") == 0)
			a->by = "alias";
		else
			continue;
		a->replaced_where = s->list[n].where;
	}
}

static void
targets_of(const struct explaining *x, size_t i, struct buf *out)
{
	for (size_t n = 0; n < x->progress.nrcpts; n++)
		if (x->progress.rcpts[n].via &&
		    x->progress.rcpts[n].parent == i)
			buf_addf(out, "%s%s", out->len > 0 ? " " : "",
			    x->env.recipients[n].address);
}

/* Its calendar goes on from what has happened to it. */
static void
tell_calendar(const struct explaining *x, const struct profile *p,
    struct calendar *c, struct account *a)
{
	int64_t now_s = clock_wall_s();

	if (!x->view)
		calendar_make(p, 0, now_s, now_s, c);
	else if (!calendar_of(x->view, p, c))
		return;
	a->calendar = c;
}

const struct settings *
explaining_settings(const struct explaining *x)
{
	static struct settings settings;
	static bool read;

	if (!read && settings_read(x->t->map, &settings) == -1)
		return NULL;
	read = true;
	return &settings;
}

/* Servers are those of the route, else those of the settings. */
static struct target
target_of(const struct explaining *x, const struct route *r)
{
	struct target target = {r, r->servers, r->nservers};
	const struct settings *set;

	if (r->kind != ROUTE_MX || r->nservers > 0 ||
	    (set = explaining_settings(x)) == NULL)
		return target;
	target.servers = set->resolvers;
	target.nservers = set->nresolvers;
	return target;
}

/* Where those go whom the hosts of the route do not know. */
static void
tell_fallback(const struct explaining *x, const struct route *r,
    const char *address, struct account *a)
{
	static struct route fallback;

	if (r->fallback[0] == '\0')
		return;
	fallback = (struct route){0};
	memcpy(fallback.where, r->where, sizeof(fallback.where));
	memcpy(fallback.fallback, r->fallback, sizeof(fallback.fallback));
	if (route_fall_back(x->t->map, address, &fallback) == ROUTE_FOUND)
		a->fallback = target_of(x, &fallback);
}

static void
tell_profile(struct explaining *x, const char *name, struct account *a)
{
	static struct profile profile;
	static struct calendar calendar;
	static char where[256];
	struct str place, value;

	if (profile_find(x->t->map, name, &profile) != 1)
		return;
	a->profile = &profile;
	tell_calendar(x, &profile, &calendar, a);
	if (map_find(x->t->map, 'P', str_of(name), &place, &value) == 1 &&
	    str_copy(where, sizeof(where), place) == 0)
		a->profile_where = where;
}

static void
tell_route(struct explaining *x, size_t i, struct account *a)
{
	static struct route route;
	const struct rcpt_progress *p = &x->progress.rcpts[i];

	if (p->route)
		steps_add(&x->steps[i], "tables", "all", "not asked", p->where,
		    "what a rule sends somewhere goes there");
	switch (ruling_explain(
	    x->t->map, &x->env, i, p, on_step, &x->steps[i], &route)) {
	case ROUTE_NONE:
		a->fate = FATE_NONE;
		return;
	case ROUTE_TEMPFAIL:
		a->fate = FATE_LATER;
		return;
	case ROUTE_FOUND:
		break;
	}
	a->fate = FATE_FOUND;
	if (p->diverted)
		steps_add(&x->steps[i], "fallback", a->address, "is used",
		    route.where, "the hosts of the route do not know it");
	a->target = target_of(x, &route);
	tell_fallback(x, &route, a->address, a);
	tell_profile(x, route.profile, a);
	if (x->view)
		a->pause = pause_of(x->t, x->view);
}

static void
tell_sender(const struct explaining *x, struct account *a)
{
	static char text[ADDRESS_MAX + 1], where[256];

	if (x->env.sender && rewrite_find(x->t->map, REWRITE_SENDER,
				 x->env.sender, text, where) == 1) {
		a->sender = text;
		a->sender_where = where;
	}
}

static enum fate
account_for(struct explaining *x, size_t i, bool known,
    void (*tell)(const struct account *a))
{
	static char where[256];
	const struct rcpt_progress *p = &x->progress.rcpts[i];
	struct buf targets = {0};
	struct account a = {
	    .view = x->view,
	    .address = x->env.recipients[i].address,
	    .steps = &x->steps[i],
	    .fate = FATE_LATER,
	    .hold = x->progress.rcpts[i].hold,
	    .known = RECIPIENT_UNCHECKED,
	    .known_where = where,
	};

	if (!x->view && !p->via)
		a.known = recipient_check(x->t->map, a.address, where);
	if (p->expanded) {
		tell_replaced(x, i, &a);
		targets_of(x, i, &targets);
		a.targets = buf_text(&targets);
	} else if (p->final) {
		a.fate = p->outcome == OUTCOME_DISCARDED ? FATE_DISCARDED
		                                         : FATE_REFUSED;
		a.reason = p->text;
	} else if (known) {
		tell_route(x, i, &a);
		tell_sender(x, &a);
	}
	tell(&a);
	buf_free(&targets);
	return a.fate;
}

/* ---- all together ---- */

/* Who was still to be delivered when it began, and who takes their place. */
static int
explain(struct explaining *x, void (*tell)(const struct account *a))
{
	static const int statuses[] = {
	    [FATE_FOUND] = EXIT_DONE,
	    [FATE_NONE] = EXIT_NONE,
	    [FATE_LATER] = EXIT_BROKEN,
	    [FATE_REPLACED] = EXIT_DONE,
	    [FATE_REFUSED] = EXIT_DONE,
	    [FATE_DISCARDED] = EXIT_DONE,
	};
	bool known, *ended;
	size_t n = x->progress.nrcpts;
	int status = EXIT_DONE, one;

	ended = mem_alloc(n);
	for (size_t i = 0; i < n; i++)
		ended[i] = x->progress.rcpts[i].final;
	known = explain_rules(x) == 0;
	if (known && renew(x) == 0)
		known = explain_expand(x) == 0 && renew(x) == 0;
	if (known) {
		explain_hops(x);
		known = renew(x) == 0;
	}
	for (size_t i = 0; i < x->progress.nrcpts; i++) {
		if (!x->progress.rcpts[i].mine || (i < n && ended[i]))
			continue;
		one = statuses[account_for(x, i, known, tell)];
		status = one > status ? one : status;
	}
	free(ended);
	return status;
}

int
explain_supposed(struct tool *t, const struct given *given, const char *address,
    void (*tell)(const struct account *a))
{
	struct recipient recipient = {.address = address};
	struct explaining x = {
	    .t = t,
	    .given = given,
	    .whole = true,
	    .env =
		{
		      .sender = given->from,
		      .client = given->client,
		      .login = given->login,
		      .listener = given->listener,
		      .arrival_s = clock_wall_s(),
		      },
	};
	int status = EXIT_BROKEN;

	take_recipients(&x, &recipient, 1);
	buf_add(&x.header, buf_text(&given->header), given->header.len);
	if (renew(&x) == 0)
		status = explain(&x, tell);
	explaining_free(&x);
	return status;
}

int
explain_entry(
    struct tool *t, struct view *v, void (*tell)(const struct account *a))
{
	struct explaining x = {.t = t, .view = v, .env = v->qf.envelope};
	int status = EXIT_NONE, whole;

	take_recipients(&x, v->qf.envelope.recipients, v->qf.nwritten);
	buf_add(&x.journal, v->journal.s, v->journal.len);
	whole = queuefile_header(&v->qf, &x.header);
	x.whole = whole == 1;
	if (whole != -1 && renew(&x) == 0)
		status = explain(&x, tell);
	explaining_free(&x);
	return status;
}
