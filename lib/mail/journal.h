/* SPDX-License-Identifier: ISC */
/*
 * The journal at the end of a queue file: what has happened to the message
 * since it was accepted.  Layer: mail.
 *
 *	"\n" crc32c(8 hex) " " time " " kind " " suffix " " fields... "\n"
 *
 * A record begins and ends with a newline and is one O_APPEND write; a line
 * whose CRC does not match is skipped wherever it stands.  All splits of a
 * message share one file (they are hard links), so a record names the split
 * it is about by its suffix: "-" for the whole message, ".2" for <id>.2.
 */
#ifndef MAIL_JOURNAL_H
#define MAIL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum record_kind {
	RECORD_SPLIT,   /* recipients were dealt to <suffix>.0, .1, ... */
	RECORD_OUTCOME, /* one attempt's outcome for some recipients */
	RECORD_DSN,     /* a report about some recipients is in the queue */
	RECORD_HOLD,    /* taken out of the flow: who, why */
	RECORD_RELEASE, /* put back: who */
	RECORD_REQUEUE, /* sent to be routed anew: who */
};

enum outcome {
	OUTCOME_DELIVERED, /* the next hop took it: final */
	OUTCOME_DEFERRED,  /* to be tried again at `due` */
	OUTCOME_FAILED,    /* refused for good: final, report it */
	OUTCOME_EXPIRED,   /* given up after too long: final, report it */
	OUTCOME_DISCARDED, /* given up, no report wanted: final */
};

enum report { REPORT_FAILURE, REPORT_DELAY, REPORT_SUCCESS };

/* Recipients by number, as sorted ranges "0-3,7". */
struct record {
	enum record_kind kind;
	int64_t time_s;
	struct str suffix;     /* "" or ".2.1" (written as "-" when empty) */
	struct str recipients; /* "0-3,7"; SPLIT: one such list a group, "/" */
	enum outcome outcome;  /* OUTCOME */
	enum report report;    /* DSN */
	int64_t due_s;         /* OUTCOME deferred: next attempt */
	struct str host;       /* OUTCOME: "mx.example[192.0.2.1]:25", or "" */
	struct str text;       /* OUTCOME: the reply or reason; HOLD: why */
	struct str who; /* HOLD, RELEASE, REQUEUE; DSN: the report's id */
};

/* Append the record in its written form.  Control bytes, "%" and blanks inside
 * fields are written as %XX, text is cut at 1000 bytes. */
void record_format(const struct record *rec, struct buf *out);

/*
 * Take the next intact record off *rest.  Returns false at the end.  The
 * fields are decoded into `store`, which the next call overwrites.
 */
bool record_next(struct str *rest, struct buf *store, struct record *rec_r);

/* Sets of recipient numbers. */
struct rcptset {
	uint8_t *bits;
	size_t n; /* numbers 0 to n-1 */
};
void rcptset_init(struct rcptset *set, size_t n, bool full);
void rcptset_free(struct rcptset *set);
bool rcptset_has(const struct rcptset *set, size_t i);
void rcptset_add(struct rcptset *set, size_t i);
void rcptset_remove(struct rcptset *set, size_t i);
size_t rcptset_count(const struct rcptset *set);
void rcptset_format(const struct rcptset *set, struct buf *out);
/* Add the numbers of a list: 0, or -1 when it is malformed or out of range
 * (then the set is as it was). */
int rcptset_add_list(struct rcptset *set, struct str list);

#endif
