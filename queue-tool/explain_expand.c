/* SPDX-License-Identifier: ISC */
/*
 * Who takes the place of whom, and who is in a loop: as the engine has it before
 * it asks for a route.
 */
#include "explain.h"

#include <string.h>

#include "base/clock.h"
#include "mail/alias.h"
#include "mail/rewrite.h"
#include "mail/settings.h"
#include "mail/trace.h"

static void
add_failure(struct explaining *x, const struct rcptset *who, const char *reason)
{
	struct buf list = {0};
	struct record rec = {
	    .kind = RECORD_OUTCOME,
	    .outcome = OUTCOME_FAILED,
	    .time_s = clock_wall_s(),
	    .suffix = explaining_suffix(x),
	    .attempt = x->progress.next_attempt,
	    .text = str_of(reason),
	};

	rcptset_format(who, &list);
	rec.recipients = (struct str){list.data, list.len};
	record_format(&rec, &x->journal);
	buf_free(&list);
}

/* As engine/expand.c has it, before others take the place of an alias. */
static bool
came_before(struct explaining *x, size_t i, const char *alias)
{
	struct rcptset who;

	if (!trace_delivered(
		(struct str){buf_text(&x->header), x->header.len}, alias))
		return false;
	steps_add(&x->steps[i], "loop", "Delivered-To:", "has this alias", "",
	    "the message was delivered to it before");
	rcptset_init(&who, x->progress.nrcpts, false);
	rcptset_add(&who, i);
	add_failure(x, &who, TRACE_DELIVERED);
	rcptset_free(&who);
	return true;
}

/* ---- rewriting and aliases ---- */

/* 1 others take its place, numbered from *next on; 0 it stays; -1 nobody
 * knows. */
static int
replace(struct explaining *x, size_t i, size_t *next)
{
	const char *address = x->env.recipients[i].address;
	char text[ADDRESS_MAX + 1], where[256] = "";
	struct buf targets = {0}, why = {0};
	char number[24];
	struct record rec = {
	    .kind = RECORD_EXPANDED,
	    .time_s = clock_wall_s(),
	    .first = *next,
	    .suffix = explaining_suffix(x),
	};
	int is_new, found;

	is_new =
	    rewrite_find(x->t->map, REWRITE_RECIPIENT, address, text, where);
	buf_addf(&why, "to %s", is_new == 1 ? text : "");
	steps_add(&x->steps[i], "rewriting", address,
	    is_new == 1   ? "matches"
	    : is_new == 0 ? "no entry"
			  : "no answer",
	    where, is_new == 1 ? why.data : "");
	if (is_new == 1)
		address = text;
	*where = '\0';
	found = alias_expand(x->t->map, address, &targets, where);
	buf_clear(&why);
	buf_addf(&why, "stands for %s", buf_text(&targets));
	steps_add(&x->steps[i], "alias", address,
	    found == 1   ? "matches"
	    : found == 0 ? "no entry"
			 : "no answer",
	    where, found == 1 ? why.data : "");
	if (found == 0 && is_new == 1)
		buf_add_str(&targets, text);
	else if (found == 1 && came_before(x, i, address))
		buf_clear(&targets);
	else if (found == 1)
		rec.who = str_of(address);
	if (found != -1 && is_new != -1 && targets.len > 0) {
		rec.recipients = (struct str){
		    number, (size_t)snprintf(number, sizeof(number), "%zu", i)};
		rec.orders = (struct str){targets.data, targets.len};
		record_format(&rec, &x->journal);
		*next += str_count_words(rec.orders);
	}
	found = found == -1 || is_new == -1 ? -1 : targets.len > 0;
	buf_free(&targets);
	buf_free(&why);
	return found;
}

/* As engine/expand.c has it; the engine looks before it routes, so in incoming/
 * only.  Who is held comes by there when it is released. */
int
explain_expand(struct explaining *x)
{
	size_t n = x->progress.nrcpts, next = n;
	int rc = 0;

	if (!explaining_arrives(x))
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct rcpt_progress released = x->progress.rcpts[i];

		released.hold = NULL;
		if (progress_may_expand(&released) &&
		    replace(x, i, &next) == -1)
			rc = -1;
	}
	return rc;
}

/* ---- hops ---- */

/* As engine/decide.c counts: before it routes anybody. */
void
explain_hops(struct explaining *x)
{
	const struct settings *set = explaining_settings(x);
	struct buf why = {0};
	struct rcptset who;

	if (!x->view || !explaining_arrives(x) || !set ||
	    trace_hops(&x->view->qf, (int)set->hops_max) <= (int)set->hops_max)
		return;
	buf_addf(&why, "hops-max is %u", set->hops_max);
	rcptset_init(&who, x->progress.nrcpts, false);
	for (size_t i = 0; i < x->progress.nrcpts; i++) {
		if (!x->progress.rcpts[i].mine || x->progress.rcpts[i].final)
			continue;
		rcptset_add(&who, i);
		steps_add(&x->steps[i], "loop",
		    "Received:", "too many such fields", "", why.data);
	}
	if (rcptset_count(&who) > 0)
		add_failure(x, &who, TRACE_HOPS);
	rcptset_free(&who);
	buf_free(&why);
}
