/* SPDX-License-Identifier: ISC */
/*
 * Arrivals in incoming/.  A name that arrives is worked on at once; a backlog,
 * at the start or after an overflow of the watch, is read in slices so that
 * arrivals and orders get their turn.
 */
#include "engine.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "mail/spool.h"
#include "proc/loop.h"
#include "proc/shards.h"
#include "proc/watch.h"

#define SLICE        1000
#define RETRY_MIN_MS 1000 /* twice as much each time, while it does not help */
#define RETRY_MAX_MS 10000

static struct {
	struct worker *w;
	struct watch *watch;
	struct loop_timer *retry;
	int64_t retry_ms;     /* the latest; 0: all went well since */
	bool retrying;        /* the timer is running */
	bool recover[SHARDS]; /* parts of splits are left */
	bool rescan[SHARDS];
	bool scanning; /* a slice is due in the next turn */
} intake;

/* ---- one entry ---- */

static void
retry_later(void)
{
	if (intake.retrying)
		return;
	intake.retry_ms =
	    intake.retry_ms == 0 ? RETRY_MIN_MS : 2 * intake.retry_ms;
	if (intake.retry_ms > RETRY_MAX_MS)
		intake.retry_ms = RETRY_MAX_MS;
	intake.retrying = true;
	loop_timer_set(intake.retry, intake.retry_ms);
}

void
intake_recover(unsigned shard)
{
	intake.recover[shard] =
	    spool_recover_splits(intake.w->spool, shard) == -1;
	if (intake.recover[shard])
		retry_later();
}

/* What has happened to it: 0, or -1 when it is seen to. */
static int
read_journal(struct entry *e, struct queuefile *qf, struct buf *journal,
    struct progress *progress)
{
	struct buf store = {0};
	struct str read;
	int rc = queuefile_journal(qf, &store, &read);

	if (rc == -1 && errno == EBADMSG) {
		spool_corrupt(intake.w->spool, e, "journal");
		goto out;
	}
	if (rc == -1) {
		log_warn("%s: read the journal", e->id);
		retry_later();
		goto out;
	}
	if (qf->torn)
		log_warnx("%s: skipped a torn record", e->id);
	buf_add(journal, read.s, read.len);
	rc = progress_read(
	    read, id_suffix(e->id), qf->envelope.nrecipients, progress);
	if (rc == -1)
		spool_corrupt(intake.w->spool, e, "no record of its split");
out:
	buf_free(&store);
	return rc;
}

static void
obey(enum verdict verdict, struct entry *e, struct queuefile *qf,
    const struct progress *progress, const struct decision *d)
{
	switch (verdict) {
	case VERDICT_GO:
		if (handoff(intake.w, e, qf, progress, d) == -1 &&
		    errno != ENOENT)
			retry_later();
		break;
	case VERDICT_LATER:
		retry_later();
		break;
	case VERDICT_DAMAGED:
		spool_corrupt(intake.w->spool, e, "content does not match");
		break;
	}
}

/* Routed, or left where it is to be tried again.  True: its recipients have
 * changed, and it is to be read anew. */
static bool
route_open_file(struct entry *e, struct queuefile *qf)
{
	struct progress progress = {0};
	struct decision d = {0};
	enum verdict verdict;
	enum expanded expanded = EXPANDED_NOTHING;
	struct buf journal = {0}; /* grows by what rules order */

	if (read_journal(e, qf, &journal, &progress) == -1)
		goto out;
	verdict = rule_entry(intake.w, e, qf, &journal, &progress);
	if (verdict == VERDICT_GO)
		expanded = expand(intake.w, e, qf, &progress);
	if (expanded == EXPANDED_SOME)
		goto out;
	if (expanded == EXPANDED_LATER)
		verdict = VERDICT_LATER;
	if (verdict == VERDICT_GO)
		verdict = decide(intake.w, e, qf, &progress, &d);
	obey(verdict, e, qf, &progress, &d);
out:
	decision_free(&d);
	progress_free(&progress);
	buf_free(&journal);
	return expanded == EXPANDED_SOME;
}

/* The life of an entry in this room: one call each. */
static void
route_entry(struct entry *e)
{
	struct queuefile qf = {.fd = -1};
	bool again = true;
	int fd;

	if (parent_suspects(e->id)) {
		if (spool_hold_suspect(intake.w->spool, e) == 0)
			parent_forget(e->id); /* released, it has a new trial */
		return;
	}
	parent_note(e->id);
	fd = spool_open_entry(intake.w->spool, e);
	while (again) {
		again = false;
		if (fd != -1 && queuefile_open(fd, &qf) == 0)
			again = route_open_file(e, &qf);
		else if (errno == EBADMSG)
			spool_corrupt(
			    intake.w->spool, e, "preamble or envelope");
		else if (errno == EACCES)
			spool_corrupt(intake.w->spool, e, "not ours to read");
		else if (errno != ENOENT) {
			log_warn("%s: read", e->id);
			retry_later();
		}
		queuefile_free(&qf);
	}
	fd_close(&fd);
	parent_note(NULL);
}

/* ---- arrivals ---- */

static void
on_name(void *arg, int shard, const char *name)
{
	struct entry e;

	(void)arg;
	if (spool_failed(intake.w->spool))
		return;
	if (entry_parse(STATE_INCOMING, (unsigned)shard, name, &e) == 0)
		route_entry(&e);
	else
		intake.rescan[shard] = true; /* the listing mends the name */
}

struct slice {
	unsigned left;
};

static int
on_listed(void *arg, const struct entry *listed)
{
	struct slice *slice = arg;
	struct entry e = *listed;

	route_entry(&e);
	return --slice->left == 0 ? 1 : 0;
}

/* One slice of one shard; the rest in the next turn. */
static void
scan_some(void *arg)
{
	struct slice slice = {SLICE};

	(void)arg;
	intake.scanning = false;
	for (unsigned s = 0; s < SHARDS; s++) {
		if (!intake.rescan[s] || spool_failed(intake.w->spool))
			continue;
		switch (spool_list(intake.w->spool, STATE_INCOMING, s, true,
		    on_listed, &slice)) {
		case 0:
			intake.rescan[s] = false;
			spool_clean_slot(intake.w->spool, s);
			break;
		case 1: /* more of it later */
			intake.scanning = true;
			loop_soon(scan_some, NULL);
			return;
		default:
			log_warn("incoming/%u: read", s);
			retry_later();
		}
	}
	if (!intake.retrying)
		intake.retry_ms = 0; /* all of it was read, and went well */
}

static void
scan_soon(void)
{
	if (intake.scanning)
		return;
	intake.scanning = true;
	loop_soon(scan_some, NULL);
}

static void
on_rescan(void *arg, int shard)
{
	(void)arg;
	intake.rescan[shard] = true;
	scan_soon();
}

void
intake_retry(void)
{
	for (unsigned s = 0; s < SHARDS; s++) {
		if (intake.recover[s])
			intake_recover(s);
		intake.rescan[s] = shards_mine(s);
	}
	scan_soon();
}

static void
on_retry(void *arg)
{
	(void)arg;
	intake.retrying = false;
	intake_retry();
}

/* Watch first, read then: no arrival falls between. */
static void
on_shard(void *arg, unsigned shard)
{
	struct spool *sp = intake.w->spool;

	(void)arg;
	intake_recover(shard);
	if (watch_add(intake.watch, sp->incoming[shard], (int)shard) == -1)
		fatalx("engine: cannot watch incoming/%u", shard);
	on_rescan(NULL, (int)shard);
}

void
intake_start(struct worker *w)
{
	intake.w = w;
	intake.watch = watch_new(on_name, on_rescan, NULL);
	intake.retry = loop_timer_new(on_retry, NULL);
	shards_start(w, on_shard, NULL);
}
