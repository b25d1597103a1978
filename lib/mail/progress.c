/* SPDX-License-Identifier: ISC */
#include "mail/progress.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "mail/expansion.h"
#include "mail/ruling.h"

/* ---- whose recipients are they? ---- */

static bool
same(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

/* Copy the groups of the last split record about `suffix`: 0 or -1. */
static int
split_find(struct str journal, struct str suffix, struct buf *groups)
{
	struct buf store = {0};
	struct record rec;
	bool found = false;

	while (record_next(&journal, &store, &rec)) {
		if (rec.kind != RECORD_SPLIT || !same(rec.suffix, suffix))
			continue;
		buf_clear(groups);
		buf_add(groups, rec.recipients.s, rec.recipients.len);
		found = true;
	}
	buf_free(&store);
	return found ? 0 : -1;
}

/* Keep only those of mine that are in the given group. */
static int
group_apply(struct str groups, uint64_t number, struct rcptset *mine)
{
	struct rcptset group;
	struct str list = {0};

	for (uint64_t i = 0; i <= number; i++) {
		if (groups.len == 0)
			return -1;
		list = str_cut(&groups, '/');
	}
	rcptset_init(&group, mine->n, false);
	if (rcptset_add_list(&group, list) == -1) {
		rcptset_free(&group);
		return -1;
	}
	for (size_t i = 0; i < mine->n; i++)
		if (!rcptset_has(&group, i))
			rcptset_remove(mine, i);
	rcptset_free(&group);
	return 0;
}

/* Those that took the place of a recipient under that name are its own. */
static void
expansions_mine(struct str journal, struct str name, struct rcptset *mine)
{
	size_t next = mine->n - expansion_total(journal);
	struct buf store = {0};
	struct expansion e;

	while (expansion_next(&journal, &store, &next, &e))
		for (size_t i = e.first; i < next; i++)
			if (same(e.rec.suffix, name))
				rcptset_add(mine, i);
			else if (name.len == 0)
				rcptset_remove(mine, i);
	buf_free(&store);
}

/* Go down from the whole message to the name, one ".<n>" at a time. */
static int
lineage_apply(struct str journal, struct str suffix, struct rcptset *mine)
{
	struct str parent = {suffix.s, 0}, rest = suffix, part;
	struct buf groups = {0};
	uint64_t number;
	int result = -1;

	expansions_mine(journal, parent, mine);
	while (rest.len > 0) {
		str_cut(&rest, '.');
		part = rest;
		part = str_cut(&part, '.');
		if (str_number(part, UINT32_MAX, &number) == -1 ||
		    split_find(journal, parent, &groups) == -1 ||
		    group_apply((struct str){groups.data, groups.len}, number,
			mine) == -1)
			goto out;
		rest.s += part.len;
		rest.len -= part.len;
		parent.len += 1 + part.len;
		expansions_mine(journal, parent, mine);
	}
	result = parent.len == suffix.len ? 0 : -1;
out:
	buf_free(&groups);
	return result;
}

/* ---- what happened to them? ---- */

static char *
copied(char *old, struct str text)
{
	free(old);
	return text.len > 0 ? mem_ndup(text.s, text.len) : NULL;
}

static void
outcome_apply(struct rcpt_progress *rcpt, const struct record *rec)
{
	if (!rcpt->mine || rcpt->final)
		return;
	rcpt->outcome = rec->outcome;
	rcpt->final = rec->outcome != OUTCOME_DEFERRED;
	rcpt->failed =
	    rec->outcome == OUTCOME_FAILED || rec->outcome == OUTCOME_EXPIRED;
	rcpt->time_s = rec->time_s;
	rcpt->host = copied(rcpt->host, rec->host);
	rcpt->text = copied(rcpt->text, rec->text);
}

/* Whoever refused it is shown, until there is a newer answer. */
static void
diversion_apply(struct rcpt_progress *rcpt, const struct record *rec)
{
	if (!rcpt->mine || rcpt->final)
		return;
	rcpt->diverted = true;
	rcpt->host = copied(rcpt->host, rec->host);
	rcpt->text = copied(rcpt->text, rec->text);
}

static void
report_apply(struct rcpt_progress *rcpt, const struct record *rec)
{
	if (rec->report == REPORT_FAILURE)
		rcpt->reported = true;
	else if (rec->report == REPORT_DELAY)
		rcpt->delayed = true;
	else
		rcpt->confirmed = true;
}

/* Attempts are numbered upwards, so a number counts when it is above the last
 * one that counted. */
static void
attempt_apply(struct progress *p, const struct record *rec, unsigned *counted)
{
	if (p->first_attempt_s == 0)
		p->first_attempt_s = rec->time_s;
	p->last_attempt_s = rec->time_s;
	if (rec->attempt >= p->next_attempt)
		p->next_attempt = rec->attempt + 1;
	if (rec->outcome != OUTCOME_DEFERRED)
		return;
	p->due_s = rec->due_s;
	if (rec->attempt > *counted) {
		*counted = rec->attempt;
		p->attempts++;
	}
}

/* False when it is about recipients that there are not: a record that added
 * them is lost. */
static bool
record_apply(struct progress *p, const struct record *rec, unsigned *counted)
{
	struct str list = rec->recipients;
	size_t first, last;

	if (!rcptlist_check(list, p->nrcpts))
		return false;
	if (rec->kind == RECORD_OUTCOME)
		attempt_apply(p, rec, counted);
	while (rcptlist_next(&list, &first, &last))
		for (; first <= last; first++)
			if (rec->kind == RECORD_OUTCOME)
				outcome_apply(&p->rcpts[first], rec);
			else if (rec->kind == RECORD_DIVERTED)
				diversion_apply(&p->rcpts[first], rec);
			else
				report_apply(&p->rcpts[first], rec);
	return true;
}

/* ---- what have rules ordered? ---- */

static const char *
keep(struct progress *p, struct str text)
{
	p->kept = mem_resize(p->kept, p->nkept + 1, sizeof(p->kept[0]));
	p->kept[p->nkept] = mem_ndup(text.s, text.len);
	return p->kept[p->nkept++];
}

/* The first order of a kind is the one that counts. */
static void
order_apply(struct rcpt_progress *rcpt, enum ruled kind, const char *value,
    const char *where)
{
	if (kind == RULED_ROUTE && !rcpt->route) {
		rcpt->route = value;
		rcpt->where = where;
	} else if (kind == RULED_HOLD && !rcpt->hold) {
		rcpt->hold = value;
	} else if (kind == RULED_PROFILE && !rcpt->profile) {
		rcpt->profile = value;
	} else if (kind == RULED_PRIORITY && !rcpt->prio && value[0] >= '0' &&
		   value[0] <= '9') {
		rcpt->prio = value[0];
	} else if (kind == RULED_HEADER) {
		rcpt->headers =
		    31 * rcpt->headers + (hash_bytes(value, strlen(value)) | 1);
	}
}

/* A rule is the end of it: as if an attempt had ended so. */
static void
end_apply(struct rcpt_progress *rcpt, const struct ruling *r,
    const struct record *rec)
{
	struct record outcome = {
	    .kind = RECORD_OUTCOME,
	    .time_s = rec->time_s,
	    .outcome = OUTCOME_FAILED,
	    .text = r->value,
	};

	if (r->kind == RULED_DISCARD) {
		outcome.outcome = OUTCOME_DISCARDED;
		outcome.text = str_of("discarded by a rule");
	}
	outcome_apply(rcpt, &outcome);
}

static void
ruled_apply(struct progress *p, const struct record *rec)
{
	struct str orders = rec->orders, list;
	const char *value, *where;
	struct ruling r;
	size_t first, last;

	p->ruled = true;
	while (ruling_next(&orders, &r)) {
		p->copied = p->copied || r.kind == RULED_COPY;
		list = r.recipients;
		if (!rcptlist_check(list, p->nrcpts))
			continue;
		value = keep(p, r.value);
		where = keep(p, r.where);
		while (rcptlist_next(&list, &first, &last))
			for (; first <= last; first++)
				if (r.kind >= RULED_REJECT)
					end_apply(&p->rcpts[first], &r, rec);
				else
					order_apply(&p->rcpts[first], r.kind,
					    value, where);
	}
}

/* Is the record about the name or one that it was split from? */
static bool
concerns(const struct record *rec, struct str suffix)
{
	size_t len = rec->suffix.len;

	return len <= suffix.len &&
	       (len == suffix.len || suffix.s[len] == '.') &&
	       (len == 0 || memcmp(rec->suffix.s, suffix.s, len) == 0);
}

/* What rules have ordered for an alias holds for whom it stands. */
static void
expansions_apply(struct progress *p, struct str journal, struct str suffix)
{
	size_t next = p->nrcpts - expansion_total(journal);
	struct buf store = {0};
	struct expansion e;

	while (expansion_next(&journal, &store, &next, &e)) {
		const struct rcpt_progress *parent;
		const char *via;

		if (e.parent >= e.first) /* queuefile_journal() says so */
			continue;
		parent = &p->rcpts[e.parent];
		via = keep(p, e.rec.who);
		for (size_t i = e.first; i < next; i++) {
			struct rcpt_progress *rcpt = &p->rcpts[i];

			rcpt->via = via;
			rcpt->parent = e.parent;
			rcpt->profile = parent->profile;
			rcpt->prio = parent->prio;
			rcpt->headers = 31 * parent->headers +
			                (hash_bytes(via, strlen(via)) | 1);
		}
		if (!concerns(&e.rec, suffix))
			continue;
		p->rcpts[e.parent].final = true;
		p->rcpts[e.parent].expanded = true;
		p->rcpts[e.parent].scattered = e.count > 1;
		p->rcpts[e.parent].time_s = e.rec.time_s;
	}
	buf_free(&store);
}

static bool
any_apply(struct progress *p, const struct record *rec, unsigned *counted)
{
	switch (rec->kind) {
	case RECORD_OUTCOME:
	case RECORD_DIVERTED:
		p->ruled = true; /* who is sent to was routed before */
		return record_apply(p, rec, counted);
	case RECORD_DSN:
		return record_apply(p, rec, counted);
	case RECORD_RULED:
		ruled_apply(p, rec);
		break;
	case RECORD_EXPANDED:
		p->ruled = true; /* before it was expanded */
		break;
	case RECORD_RELEASE:
	case RECORD_REQUEUE:
		for (size_t i = 0; i < p->nrcpts; i++)
			p->rcpts[i].hold = NULL;
		break;
	case RECORD_SPLIT:
	case RECORD_HOLD:
		break;
	}
	return true;
}

int
progress_read(
    struct str journal, struct str suffix, size_t nrcpts, struct progress *p_r)
{
	struct buf store = {0};
	struct rcptset mine;
	struct record rec;
	struct str journal_start = journal;
	unsigned counted = 0;
	int result;

	if (expansion_total(journal) > nrcpts) {
		*p_r = (struct progress){0};
		return -1;
	}
	*p_r = (struct progress){
	    .nrcpts = nrcpts,
	    .next_attempt = 1,
	    .ruled = suffix.len > 0, /* it was routed to be split */
	};
	p_r->rcpts = mem_resize(NULL, nrcpts, sizeof(p_r->rcpts[0]));
	memset(p_r->rcpts, 0, nrcpts * sizeof(p_r->rcpts[0]));
	rcptset_init(&mine, nrcpts, true);
	result = lineage_apply(journal, suffix, &mine);
	for (size_t i = 0; i < nrcpts; i++)
		p_r->rcpts[i].mine = rcptset_has(&mine, i);
	rcptset_free(&mine);
	if (result == -1) {
		progress_free(p_r);
		return -1;
	}
	while (result == 0 && record_next(&journal, &store, &rec))
		if (concerns(&rec, suffix) && !any_apply(p_r, &rec, &counted))
			result = -1;
	buf_free(&store);
	if (result == -1) {
		progress_free(p_r);
		return -1;
	}
	expansions_apply(p_r, journal_start, suffix);
	return 0;
}

void
progress_free(struct progress *p)
{
	for (size_t i = 0; i < p->nrcpts && p->rcpts; i++) {
		free(p->rcpts[i].host);
		free(p->rcpts[i].text);
	}
	for (size_t i = 0; i < p->nkept; i++)
		free(p->kept[i]);
	free(p->kept);
	free(p->rcpts);
	*p = (struct progress){0};
}

bool
progress_may_expand(const struct rcpt_progress *p)
{
	return p->mine && !p->final && !p->via && !p->route && !p->hold;
}

size_t
progress_pending(const struct progress *p)
{
	size_t count = 0;

	for (size_t i = 0; i < p->nrcpts; i++)
		count += p->rcpts[i].mine && !p->rcpts[i].final;
	return count;
}

size_t
progress_unreported(const struct progress *p)
{
	size_t count = 0;

	for (size_t i = 0; i < p->nrcpts; i++)
		count += p->rcpts[i].mine && p->rcpts[i].failed &&
		         !p->rcpts[i].reported;
	return count;
}
