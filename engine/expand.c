/* SPDX-License-Identifier: ISC */
/*
 * Rewriting and aliases: recipients take the place of others.
 *
 * What an alias stands for is journalled, and made durable by who moves the
 * entry on (handoff.c); the content is never copied and the id stays.  Dying
 * before the record is whole leaves an entry that is expanded again; dying after
 * it leaves one whose recipient is replaced already.  So it happens once, at
 * whatever instruction we die.
 */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/alias.h"
#include "mail/rewrite.h"
#include "mail/trace.h"

/* ---- our own trace: Delivered-To ---- */

/* Was it delivered to that alias before?  1, 0, or -1: it cannot be read. */
static int
is_loop(const char *id, struct queuefile *qf, const char *alias)
{
	struct buf header = {0};
	int found = queuefile_header(qf, &header);

	if (found == -1)
		log_warn("%s: read the header", id);
	else
		found = trace_delivered(
		    (struct str){buf_text(&header), header.len}, alias);
	buf_free(&header);
	return found;
}

/* ---- one recipient ---- */

/* What there is to be written about one entry. */
struct writing {
	const struct entry *e;
	const struct progress *progress;
	struct buf records;
	size_t next; /* the number of the next recipient */
};

static void
add_record(
    struct writing *w, size_t i, const char *alias, const struct buf *targets)
{
	char number[24];
	struct record rec = {
	    .kind = RECORD_EXPANDED,
	    .time_s = clock_wall_s(),
	    .suffix = id_suffix(w->e->id),
	    .first = w->next,
	    .recipients = {number,            0           },
	    .who = str_of(alias),
	    .orders = {buf_text(targets), targets->len},
	};

	rec.recipients.len = (size_t)snprintf(number, sizeof(number), "%zu", i);
	record_format(&rec, &w->records);
	w->next += str_count_words(rec.orders);
	log_info("%s: expanded to=<%s> as=\"%s\"", w->e->id, alias,
	    buf_text(targets));
}

static void
add_loop(struct writing *w, size_t i)
{
	char number[24];
	struct record rec = {
	    .kind = RECORD_OUTCOME,
	    .outcome = OUTCOME_FAILED,
	    .time_s = clock_wall_s(),
	    .suffix = id_suffix(w->e->id),
	    .attempt = w->progress->next_attempt,
	    .text = str_of(TRACE_DELIVERED),
	};

	rec.recipients.s = number;
	rec.recipients.len = (size_t)snprintf(number, sizeof(number), "%zu", i);
	record_format(&rec, &w->records);
	log_info("%s: refused recipients=%zu reason=\"%.*s\"", w->e->id, i,
	    (int)rec.text.len, rec.text.s);
}

static int
expand_one(struct map *map, struct queuefile *qf, size_t i, struct writing *out)
{
	const char *address = qf->envelope.recipients[i].address;
	char rewritten[ADDRESS_MAX + 1];
	struct buf targets = {0};
	int is_new, found, loop;

	is_new = rewrite_find(map, REWRITE_RECIPIENT, address, rewritten, NULL);
	if (is_new == -1)
		return -1;
	if (is_new == 1)
		address = rewritten;
	found = alias_expand(map, address, &targets, NULL);
	if (found == 0 && is_new == 1) {
		buf_add_str(&targets, rewritten);
		add_record(out, i, "", &targets);
	} else if (found == 1) {
		loop = is_loop(out->e->id, qf, address);
		if (loop == -1)
			found = -1;
		else if (loop == 1 || targets.len == 0)
			add_loop(out, i);
		else
			add_record(out, i, address, &targets);
	}
	buf_free(&targets);
	return found == -1 ? -1 : 0;
}

enum expanded
expand(struct worker *w, const struct entry *e, struct queuefile *qf,
    const struct progress *progress)
{
	struct writing out = {e, progress, {0}, progress->nrcpts};
	enum expanded result = EXPANDED_NOTHING;

	for (size_t i = 0; i < progress->nrcpts; i++) {
		if (!progress_may_expand(&progress->rcpts[i]))
			continue;
		if (expand_one(w->map, qf, i, &out) == -1) {
			result = EXPANDED_LATER;
			goto out;
		}
	}
	if (out.records.len == 0)
		goto out;
	result = EXPANDED_SOME;
	if (queuefile_append(qf->fd, &out.records) == -1) {
		log_warn("%s: journal aliases", e->id);
		result = EXPANDED_LATER;
	}
out:
	buf_free(&out.records);
	return result;
}
