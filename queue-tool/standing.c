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

/* The rule whose hold it is; its record comes before or behind that of the
 * hold. */
static void
find_rule(struct str orders, char where_r[256])
{
	struct ruling r;

	while (ruling_next(&orders, &r))
		if (r.kind == RULED_HOLD && *where_r == '\0')
			str_copy(where_r, 256, r.where);
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

bool
view_hold(const struct view *v, struct hold *h_r)
{
	struct str rest = v->journal;
	struct buf store = {0};
	struct record rec;
	char where[256] = "";

	*h_r = (struct hold){0};
	while (
	    v->entry.state == STATE_HELD && record_next(&rest, &store, &rec)) {
		if (!concerns(&rec, v))
			continue;
		if (rec.kind == RECORD_HOLD)
			take(h_r, &rec);
		else if (rec.kind == RECORD_RULED)
			find_rule(rec.orders, where);
		else if (rec.kind == RECORD_RELEASE ||
			 rec.kind == RECORD_REQUEUE)
			hold_free(h_r);
	}
	buf_free(&store);
	if (!h_r->who)
		return false;
	if (strcmp(h_r->who, "rule") == 0)
		memcpy(h_r->where, where, sizeof(where));
	return true;
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
