/* SPDX-License-Identifier: ISC */
/*
 * The journal at the end of a queue file: what has happened to the message
 * since it was accepted.  Layer: mail.
 *
 *	"\n" crc32c(8 hex) " " time " " kind " " suffix " " fields... "\n"
 *
 * A record begins and ends with a newline and is one O_APPEND write; a line
 * whose CRC does not match is skipped wherever it stands, if it can have been
 * torn: journal_check().  All splits of a message share one file (they are hard
 * links), so a record names the split it is about by its suffix: "-" for the
 * whole message, ".2" for <id>.2.
 */
#ifndef MAIL_JOURNAL_H
#define MAIL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/rcptset.h"

enum record_kind {
	RECORD_SPLIT,    /* recipients were dealt to <suffix>.0, .1, ... */
	RECORD_OUTCOME,  /* one attempt's outcome for some recipients */
	RECORD_DSN,      /* a report about some recipients is in the queue */
	RECORD_HOLD,     /* taken out of the flow: who, why */
	RECORD_RELEASE,  /* put back: who */
	RECORD_REQUEUE,  /* sent to be routed anew: who */
	RECORD_RULED,    /* the rules were asked, once and for all */
	RECORD_EXPANDED, /* others took the place of a recipient: expansion.h */
	RECORD_DIVERTED, /* unknown there: they go by the fallback route */
};

enum outcome {
	OUTCOME_DELIVERED, /* the next hop took it: final */
	OUTCOME_DEFERRED,  /* to be tried again at `due` */
	OUTCOME_FAILED,    /* refused for good: final, report it */
	OUTCOME_EXPIRED,   /* given up after too long: final, report it */
	OUTCOME_DISCARDED, /* given up, no report wanted: final */
};

enum report { REPORT_FAILURE, REPORT_DELAY, REPORT_SUCCESS };

/*
 * Recipients by number, from 0, as sorted ranges "0-3,7".  An attempt has a
 * number of its own, one above the highest so far (progress.h): its outcome
 * may take several records, one for each reply, and still counts once.
 */
struct record {
	enum record_kind kind;
	int64_t time_s;
	struct str suffix;     /* "" or ".2.1" (written as "-" when empty) */
	struct str recipients; /* "0-3,7"; SPLIT: one such list a group, "/" */
	unsigned attempt;      /* OUTCOME: number of the attempt, from 1 */
	uint64_t first;        /* EXPANDED: number of the first address */
	enum outcome outcome;  /* OUTCOME */
	enum report report;    /* DSN */
	int64_t due_s;         /* OUTCOME deferred: next attempt */
	struct str host;       /* OUTCOME, DIVERTED: "mx.example[192.0.2.1]:25",
	                        * or "" */
	struct str text;       /* OUTCOME, DIVERTED: the reply or reason; HOLD:
	                        * why */
	struct str who;        /* HOLD, RELEASE, REQUEUE; DSN: the report's id;
	                      * EXPANDED: the alias */
	uint64_t generation;   /* RULED: of the map whose rules they were */
	struct str orders;     /* RULED: what they said, see ruling.h; EXPANDED:
	                      * addresses, a blank between */
};

/*
 * Append the record in its written form.  Control bytes, "%" and blanks inside
 * fields are written as %XX, an empty field as "-"; text is cut at 1000 bytes,
 * host and who at 300.
 *
 *	split RECIPIENTS/RECIPIENTS...
 *	outcome WHAT ATTEMPT DUE RECIPIENTS HOST TEXT
 *	dsn KIND RECIPIENTS ID
 *	hold WHO WHY
 *	release WHO
 *	requeue WHO
 *	ruled GENERATION ORDERS
 *	expanded FIRST RECIPIENT ALIAS ADDRESSES
 *	diverted RECIPIENTS HOST TEXT
 */
void record_format(const struct record *rec, struct buf *out);

/*
 * Take the next intact record off *rest.  Returns false at the end.  The
 * fields are decoded into `store`, which the next call overwrites.
 */
bool record_next(struct str *rest, struct buf *store, struct record *rec_r);

/*
 * How whole is it?  A line that is no intact record is torn when a crash or a
 * full disk can have left it: it has no newline of its own before that of the
 * next record, or a hole of NULs.  What it said was never relied on.  Any other
 * is damage: what it said is lost, and others may rest on it.
 */
enum journal_health { JOURNAL_WHOLE, JOURNAL_TORN, JOURNAL_DAMAGED };
enum journal_health journal_check(struct str journal);

/* "hold", "deferred", "failure": as they are written. */
const char *record_name(enum record_kind kind);
const char *outcome_name(enum outcome outcome);
const char *report_name(enum report report);

#endif
