/* SPDX-License-Identifier: ISC */
/*
 * What stands about an entry: who holds it and why, and an order that waits for
 * the end of an attempt.
 */
#include "queue_tool.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/control.h"
#include "mail/rcptset.h"
#include "mail/ruling.h"

/* ---- holds ---- */

static void
take(struct hold *h, const struct record *rec)
{
	hold_free(h);
	h->since_s = rec->time_s;
	h->who = mem_ndup(rec->who.s, rec->who.len);
	h->why = mem_ndup(rec->text.s, rec->text.len);
}

/* Is somebody in that list a recipient of this entry? */
static bool
is_mine(const struct view *v, struct str list)
{
	size_t first, last;

	while (rcptlist_next(&list, &first, &last))
		for (; first <= last && first < v->progress.nrcpts; first++)
			if (v->progress.rcpts[first].mine)
				return true;
	return false;
}

/* The first rule that holds it. */
static void
take_rule(struct hold *h, const struct view *v, const struct record *rec)
{
	struct str orders = rec->orders;
	struct ruling r;

	while (ruling_next(&orders, &r)) {
		if (r.kind != RULED_HOLD || !is_mine(v, r.recipients))
			continue;
		take(h, &(struct record){.time_s = rec->time_s,
			    .who = str_of("rule"),
			    .text = r.value});
		str_copy(h->where, sizeof(h->where), r.where);
		return;
	}
}

static bool
concerns(const struct record *rec, const struct view *v)
{
	struct str suffix = id_suffix(v->entry.id);
	size_t len = rec->suffix.len;

	return len == 0 || (len <= suffix.len &&
			       memcmp(rec->suffix.s, suffix.s, len) == 0 &&
			       (len == suffix.len || suffix.s[len] == '.'));
}

/* The last one that nobody has released. */
bool
view_hold(const struct view *v, struct hold *h_r)
{
	struct str rest = v->journal;
	struct buf store = {0};
	struct record rec;

	*h_r = (struct hold){0};
	while (
	    v->entry.state == STATE_HELD && record_next(&rest, &store, &rec)) {
		if (!concerns(&rec, v))
			continue;
		if (rec.kind == RECORD_HOLD)
			take(h_r, &rec);
		else if (rec.kind == RECORD_RULED)
			take_rule(h_r, v, &rec);
		else if (rec.kind == RECORD_RELEASE ||
			 rec.kind == RECORD_REQUEUE)
			hold_free(h_r);
	}
	buf_free(&store);
	return h_r->who;
}

void
hold_free(struct hold *h)
{
	free(h->who);
	free(h->why);
	*h = (struct hold){0};
}

/* ---- orders ---- */

void
waiting_orders(struct tool *t, const struct view *v,
    void (*on_order)(
	void *arg, const char *name, const char *who, const char *why),
    void *arg)
{
	static const enum order orders[] = {
	    ORDER_HOLD, ORDER_REQUEUE, ORDER_DELETE};
	struct buf text = {0};
	struct str why, who;
	char *name;

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		buf_clear(&text);
		if (v->entry.state != STATE_SENDING ||
		    control_read(t->spool, orders[i], v->entry.id, &text) == -1)
			continue;
		why = (struct str){buf_text(&text), text.len};
		who = str_cut(&why, ' ');
		name = mem_ndup(who.s, who.len);
		on_order(
		    arg, order_name(orders[i]), name, why.len > 0 ? why.s : "");
		free(name);
	}
	buf_free(&text);
}
