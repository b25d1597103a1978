/* SPDX-License-Identifier: ISC */
/*
 * Private to the engine.  A message's way: intake.c -> rule.c (-> copy.c) ->
 * expand.c -> decide.c (-> hops.c) -> handoff.c.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/entry.h"
#include "mail/journal.h"
#include "mail/progress.h"
#include "mail/queuefile.h"
#include "mail/draft.h"
#include "mail/route.h"
#include "mail/rule.h"
#include "proc/parent.h"

/* ---- intake.c: arrivals in incoming/, one after the other ---- */

void intake_start(struct worker *w);
/* A new map: what could not be routed is tried again. */
void intake_retry(void);

/* Finish or undo what a split has left behind; again later when that fails. */
void intake_recover(unsigned shard);

/* ---- decide.c: where each recipient goes ---- */

/* The recipients that share a destination, one entry of processed/; or that are
 * held under one name, one entry of held/. */
struct group {
	struct rcptset recipients;
	char prio;
	unsigned shards;  /* that the destination's messages are dealt over */
	const char *hold; /* the name; NULL: they go on */
	uint64_t headers; /* of the header fields that rules add, 0: none */
	char tag[TAG_LEN + 1];
	char destination[DESTINATION_SIZE]; /* for the log */
};

/* The tag of an entry that has nothing to deliver, only to report. */
#define REPORT_DESTINATION "report"

struct decision {
	struct group *groups; /* those that go on first */
	size_t ngroups;
	struct rcptset failed; /* refused here and now */
	const char *reason;    /* why they failed: "5.4.6 ..." */
};

enum verdict {
	VERDICT_GO,    /* hand it off as decided */
	VERDICT_LATER, /* the map is damaged: leave it in incoming/ */
	VERDICT_DAMAGED,
};

/* A part of the file could not be read, errno says why: logged unless it is
 * damage. */
enum verdict verdict_unread(const struct entry *e);

/* Decide for every recipient that the name stands for and that is not final.
 * decision_free() in any case. */
enum verdict decide(struct worker *w, const struct entry *e,
    struct queuefile *qf, const struct progress *progress,
    struct decision *d_r);
void decision_free(struct decision *d);

/* ---- expand.c: aliases ---- */

enum expanded {
	EXPANDED_NOTHING,
	EXPANDED_SOME,  /* the journal has grown: read it again */
	EXPANDED_LATER, /* the map is damaged, or the file cannot be read or
	                 * written */
};

/* Journal whom the aliases among the recipients stand for. */
enum expanded expand(struct worker *w, const struct entry *e,
    struct queuefile *qf, const struct progress *progress);
/* ---- rule.c: what an operator has ordered for such messages ---- */

/*
 * Ask the rules, if they were not asked before, and do what they have ordered
 * but for what decide() takes from *progress: VERDICT_GO to go on.  What is
 * journalled is added to *journal, which holds the journal as it was read.
 */
enum verdict rule_entry(struct worker *w, struct entry *e, struct queuefile *qf,
    struct buf *journal, struct progress *progress);

/* ---- copy.c: copies that rules order ---- */

struct copies {
	struct commit *list;
	int *fds; /* open until they are durable, see draft_complete() */
	size_t n;
};

/* Write one, not yet durable: 0, or -1 and errno. */
int copies_make(struct worker *w, const struct entry *e, struct queuefile *qf,
    const struct rule *r, const struct action *a, const struct rcptset *to,
    struct copies *copies);
/* Make them durable: 0, or -1 and errno. */
int copies_flush(struct worker *w, struct copies *copies);
/* Let those that the journal names be seen, if they are not: 0, or -1 and
 * errno. */
int copies_publish(struct worker *w, const struct entry *e, struct str journal);
void copies_free(struct copies *copies);

/* ---- handoff.c: out of incoming/ ---- */

/* Move the entry on as decided: 0, or -1 when it is left where it is or an
 * operator took it. */
int handoff(struct worker *w, struct entry *e, struct queuefile *qf,
    const struct progress *progress, const struct decision *d);

#endif
