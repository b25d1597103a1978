/* SPDX-License-Identifier: ISC */
/*
 * Out of incoming/.  The common case, one destination, writes nothing: the
 * message is read, looked up and renamed.
 *
 * Recipients that failed here are journalled as failed and travel with the
 * first group; the sender, which may publish reports, reports them.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/spool.h"

static int
journal_failures(const struct entry *e, struct queuefile *qf,
    const struct progress *progress, const struct decision *d)
{
	struct record rec = {.kind = RECORD_OUTCOME, .outcome = OUTCOME_FAILED};
	struct buf list = {0}, line = {0};
	int rc;

	rcptset_format(&d->failed, &list);
	rec.time_s = clock_wall_s();
	rec.suffix = id_suffix(e->id);
	rec.recipients = (struct str){buf_text(&list), list.len};
	rec.attempt = progress->next_attempt;
	rec.text = str_of(d->reason);
	record_format(&rec, &line);
	rc = queuefile_append(qf->fd, &line);
	if (rc == -1)
		log_warn("%s: journal a failure", e->id);
	else
		log_info("%s: refused recipients=%s reason=\"%s\"", e->id,
		    buf_text(&list), d->reason);
	buf_free(&line);
	buf_free(&list);
	return rc;
}

static void
log_routed(const struct entry *e, const struct group *g)
{
	log_info("%s: routed destination=\"%s\" recipients=%zu", e->id,
	    g->destination, rcptset_count(&g->recipients));
}

/* Dying before the move: what the journal says holds it the next time. */
static int
handoff_held(struct worker *w, struct entry *e, const char *name)
{
	char id[ID_SIZE];

	memcpy(id, e->id, sizeof(id));
	if (spool_hold(w->spool, e) == -1)
		return -1;
	log_info("%s: held reason=\"%s\"", id, name);
	return 0;
}

static int
handoff_one(
    struct worker *w, struct entry *e, int flush_fd, const struct group *g)
{
	unsigned shard = tag_shard(g->tag, e->id, g->shards);

	if (g->hold)
		return handoff_held(w, e, g->hold);
	if (spool_process(w->spool, e, flush_fd, g->prio, g->tag, shard) == -1)
		return -1;
	log_routed(e, g);
	return 0;
}

/* Nothing to deliver: to the sender all the same, who ends and reports it. */
static int
handoff_report(struct worker *w, struct entry *e, int flush_fd)
{
	char tag[TAG_LEN + 1];

	tag_make(REPORT_DESTINATION, tag);
	return spool_process(w->spool, e, flush_fd, PRIO_NORMAL, tag,
	    tag_shard(tag, e->id, SHARDS));
}

/* Recipients that are final but not all reported stay with part 0. */
static void
keep_with_first(struct group *first, const struct progress *progress,
    const struct rcptset *failed)
{
	for (size_t i = 0; i < progress->nrcpts; i++)
		if (progress->rcpts[i].mine &&
		    (progress->rcpts[i].final || rcptset_has(failed, i)))
			rcptset_add(&first->recipients, i);
}

static void
log_split(const struct entry *e, const struct decision *d)
{
	for (size_t i = 0; i < d->ngroups; i++) {
		const struct group *g = &d->groups[i];
		size_t n = rcptset_count(&g->recipients);

		if (g->hold)
			log_info(
			    "%s: routed as=%s.%zu hold=\"%s\" recipients=%zu",
			    e->id, e->id, i, g->hold, n);
		else
			log_info("%s: routed as=%s.%zu destination=\"%s\" "
				 "recipients=%zu",
			    e->id, e->id, i, g->destination, n);
	}
}

/* A part that is held comes by once more, to be held as what it is. */
static int
handoff_split(struct worker *w, struct entry *e, struct queuefile *qf,
    const struct progress *progress, const struct decision *d)
{
	struct split_part *parts = mem_alloc(d->ngroups * sizeof(*parts));
	struct buf *lists = mem_alloc(d->ngroups * sizeof(*lists));
	int rc, saved;

	keep_with_first(&d->groups[0], progress, &d->failed);
	for (size_t i = 0; i < d->ngroups; i++) {
		const struct group *g = &d->groups[i];

		rcptset_format(&g->recipients, &lists[i]);
		parts[i] = (struct split_part){
		    .recipients = buf_text(&lists[i]),
		    .prio = g->prio,
		};
		if (g->hold)
			continue;
		parts[i].tag = g->tag;
		parts[i].shard = tag_shard(g->tag, e->id, g->shards);
	}
	rc =
	    spool_split(w->spool, e, qf->fd, parts, d->ngroups, clock_wall_s());
	if (rc == 0)
		log_split(e, d);
	saved = errno;
	if (rc == -1)
		intake_recover(e->shard);
	for (size_t i = 0; i < d->ngroups; i++)
		buf_free(&lists[i]);
	free(lists);
	free(parts);
	errno = saved;
	return rc;
}

/* Do others stand in for a recipient?  They must be there after a power cut. */
static bool
was_expanded(const struct progress *progress)
{
	for (size_t i = 0; i < progress->nrcpts; i++)
		if (progress->rcpts[i].mine && progress->rcpts[i].via)
			return true;
	return false;
}

int
handoff(struct worker *w, struct entry *e, struct queuefile *qf,
    const struct progress *progress, const struct decision *d)
{
	int flush_fd = -1;

	if (was_expanded(progress))
		flush_fd = qf->fd;
	if (rcptset_count(&d->failed) > 0) {
		if (journal_failures(e, qf, progress, d) == -1)
			return -1;
		flush_fd = qf->fd;
	}
	switch (d->ngroups) {
	case 0:
		return handoff_report(w, e, flush_fd);
	case 1:
		return handoff_one(w, e, flush_fd, &d->groups[0]);
	default: /* flushes the journal itself */
		return handoff_split(w, e, qf, progress, d);
	}
}
