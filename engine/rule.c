/* SPDX-License-Identifier: ISC */
/*
 * Rules are asked once for each message, when it first comes by; what they say
 * is one record of its journal, durable before anything is done about it.  When
 * they have nothing to say nothing is written.
 */
#include "engine.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/ruling.h"
#include "mail/spool.h"

/* One message being asked about. */
struct asking {
	struct worker *w;
	const struct entry *e;
	struct queuefile *qf;
	struct rule_subject subject;
	struct buf header;
	struct rcptset open; /* those whom no rule has stopped yet */
	struct buf orders;   /* what was ordered so far */
	struct copies copies;
};

/* ---- the rules of the map ---- */

static struct rules rules;

/* 0, or -1: the map is damaged. */
static int
renew_rules(struct map *m)
{
	static uint64_t loaded;

	if (loaded == map_generation(m))
		return 0;
	rules_free(&rules);
	loaded = 0;
	if (rules_load(m, &rules) == -1)
		return -1;
	loaded = map_generation(m);
	return 0;
}

/* ---- what rules order ---- */

static void
order(struct asking *q, enum ruled kind, const struct rcptset *who,
    const char *where, struct str value)
{
	struct buf list = {0};

	rcptset_format(who, &list);
	ruling_format(
	    &(struct ruling){
		kind, {buf_text(&list), list.len},
                 str_of(where), value
        },
	    &q->orders);
	buf_free(&list);
}

static int
order_copy(struct asking *q, const struct rule *r, const struct action *a,
    const struct rcptset *who)
{
	const struct commit *c;

	if (copies_make(q->w, q->e, q->qf, r, a, who, &q->copies) == -1)
		return -1;
	c = &q->copies.list[q->copies.n - 1];
	order(q, RULED_COPY, who, r->where, str_of(c->id));
	return 0;
}

/* 0, or -1 and errno. */
static int
carry_out(struct asking *q, const struct rule *r, const struct action *a,
    const struct rcptset *who)
{
	static const enum ruled kinds[] = {
	    [ACTION_ROUTE] = RULED_ROUTE,
	    [ACTION_HOLD] = RULED_HOLD,
	    [ACTION_COPY] = RULED_COPY,
	    [ACTION_HEADER] = RULED_HEADER,
	    [ACTION_PROFILE] = RULED_PROFILE,
	    [ACTION_PRIORITY] = RULED_PRIORITY,
	    [ACTION_REJECT] = RULED_REJECT,
	    [ACTION_DISCARD] = RULED_DISCARD,
	};

	switch (a->kind) {
	case ACTION_STOP:
	case ACTION_CONTINUE:
		return 0;
	case ACTION_COPY:
		return order_copy(q, r, a, who);
	default:
		break;
	}
	order(q, kinds[a->kind], who, r->where, a->value);
	return 0;
}

static void
log_ruled(
    const struct asking *q, const struct rule *r, const struct rcptset *who)
{
	struct buf list = {0};

	rcptset_format(who, &list);
	log_info("%s: ruled rule=%.*s where=%s recipients=%s", q->e->id,
	    (int)r->name.len, r->name.s, r->where, buf_text(&list));
	buf_free(&list);
}

static int
obey(struct asking *q, const struct rule *r, const struct rcptset *who)
{
	log_ruled(q, r, who);
	for (size_t i = 0; i < r->nactions; i++)
		if (carry_out(q, r, &r->actions[i], who) == -1)
			return -1;
	for (size_t i = 0; r->stops && i < who->n; i++)
		if (rcptset_has(who, i))
			rcptset_remove(&q->open, i);
	return 0;
}

/* ---- asking ---- */

/* Nobody knows what the answer would be: it stays and is asked about again. */
static enum verdict
unanswered(
    const struct asking *q, const struct rule *r, const struct condition *c)
{
	log_warnx("%s: rule %.*s at %s cannot answer \"%.*s\": tried again",
	    q->e->id, (int)r->name.len, r->name.s, r->where,
	    (int)c->written.len, c->written.s);
	return VERDICT_LATER;
}

static enum verdict
ask_recipients(struct asking *q, const struct rule *r)
{
	const struct condition *failing;
	enum verdict verdict = VERDICT_GO;
	struct rcptset who;

	rcptset_init(&who, q->open.n, false);
	for (size_t i = 0; i < q->open.n && verdict == VERDICT_GO; i++) {
		if (!rcptset_has(&q->open, i))
			continue;
		switch (rule_match_recipient(r, &q->subject, i, &failing)) {
		case RULE_YES:
			rcptset_add(&who, i);
			break;
		case RULE_NO:
			break;
		case RULE_LATER:
			verdict = unanswered(q, r, failing);
		}
	}
	if (verdict == VERDICT_GO && rcptset_count(&who) > 0 &&
	    obey(q, r, &who) == -1)
		verdict = errno == EBADMSG ? VERDICT_DAMAGED : VERDICT_LATER;
	rcptset_free(&who);
	return verdict;
}

static enum verdict
ask_all(struct asking *q)
{
	const struct condition *failing;
	enum verdict verdict = VERDICT_GO;

	for (size_t n = 0; n < rules.n && verdict == VERDICT_GO; n++) {
		const struct rule *r = &rules.list[n];

		if (rcptset_count(&q->open) == 0)
			break;
		switch (rule_match_message(r, &q->subject, &failing)) {
		case RULE_YES:
			verdict = ask_recipients(q, r);
			break;
		case RULE_NO:
			break;
		case RULE_LATER:
			verdict = unanswered(q, r, failing);
		}
	}
	return verdict;
}

static void
refuse(struct asking *q, const char *reason)
{
	struct buf list = {0};

	rcptset_format(&q->open, &list);
	log_info("%s: refused recipients=%s reason=\"%s\"", q->e->id,
	    buf_text(&list), reason);
	buf_free(&list);
	order(q, RULED_REJECT, &q->open, "", str_of(reason));
}

/* What rules cannot look at is not let past them. */
static enum verdict
ask_header(struct asking *q)
{
	int whole = rules.headers ? queuefile_header(q->qf, &q->header) : 1;

	q->subject.header = (struct str){buf_text(&q->header), q->header.len};
	if (whole == -1)
		return verdict_unread(q->e);
	if (whole == 0) {
		refuse(q, RULING_HEADER_TOO_LARGE);
		return VERDICT_GO;
	}
	return ask_all(q);
}

/* ---- into the journal ---- */

static int
flush_orders(
    struct worker *w, const struct entry *e, const struct queuefile *qf)
{
	if (queuefile_flush(qf->fd) == 0)
		return 0;
	if (errno == EIO)
		spool_fail(w->spool, "flush what rules ordered");
	else
		log_warn("%s: flush what rules ordered", e->id);
	return -1;
}

/* Dying before the flush: the rules are asked again; after it: what they said
 * is done, by whoever comes by next. */
static int
journal_orders(struct asking *q, struct buf *journal)
{
	struct record rec = {
	    .kind = RECORD_RULED,
	    .time_s = clock_wall_s(),
	    .suffix = id_suffix(q->e->id),
	    .generation = map_generation(q->w->map),
	    .orders = {q->orders.data, q->orders.len},
	};
	struct buf lines = {0};
	int rc = -1;

	if (copies_flush(q->w, &q->copies) == -1)
		return -1;
	record_format(&rec, &lines);
	if (queuefile_append(q->qf->fd, &lines) == -1)
		log_warn("%s: journal what rules ordered", q->e->id);
	else if (flush_orders(q->w, q->e, q->qf) == 0)
		rc = 0;
	buf_add(journal, lines.data, lines.len);
	buf_free(&lines);
	return rc;
}

/* ---- all together ---- */

static void
begin(struct asking *q, const struct progress *p)
{
	q->subject = (struct rule_subject){
	    .map = q->w->map,
	    .envelope = &q->qf->envelope,
	    .size = q->qf->preamble.content_len,
	};
	rcptset_init(&q->open, p->nrcpts, false);
	for (size_t i = 0; i < p->nrcpts; i++)
		if (p->rcpts[i].mine && !p->rcpts[i].final)
			rcptset_add(&q->open, i);
}

static void
end(struct asking *q)
{
	rcptset_free(&q->open);
	copies_free(&q->copies);
	buf_free(&q->orders);
	buf_free(&q->header);
}

static enum verdict
ask(struct worker *w, const struct entry *e, struct queuefile *qf,
    struct buf *journal, const struct progress *p)
{
	struct asking q = {.w = w, .e = e, .qf = qf};
	enum verdict verdict;

	if (renew_rules(w->map) == -1)
		return VERDICT_LATER;
	if (rules.n == 0)
		return VERDICT_GO;
	begin(&q, p);
	verdict = ask_header(&q);
	if (verdict == VERDICT_GO && q.orders.len > 0 &&
	    journal_orders(&q, journal) == -1)
		verdict = VERDICT_LATER;
	end(&q);
	return verdict;
}

enum verdict
rule_entry(struct worker *w, struct entry *e, struct queuefile *qf,
    struct buf *journal, struct progress *p)
{
	size_t known = journal->len;
	enum verdict verdict;

	if (p->ruled) {
		/* perhaps by somebody who died, or failed, before the flush */
		if (flush_orders(w, e, qf) == -1)
			return VERDICT_LATER;
	} else {
		verdict = ask(w, e, qf, journal, p);
		if (verdict != VERDICT_GO || journal->len == known)
			return verdict;
		progress_free(p);
		if (progress_read((struct str){journal->data, journal->len},
			id_suffix(e->id), qf->envelope.nrecipients, p) == -1)
			return VERDICT_DAMAGED;
	}
	if (p->copied && copies_publish(w, e,
			     (struct str){journal->data, journal->len}) == -1)
		return VERDICT_LATER;
	return VERDICT_GO;
}
