/* SPDX-License-Identifier: ISC */
/*
 * Where the recipients of one queue entry stand: the journal, read from the
 * point of view of one name.  Layer: mail.
 *
 * A name <id>.2.1 stands for the recipients that the split record of <id> put
 * into group 2 and that of <id>.2 into group 1; of several split records of one
 * name the last counts (the others belong to splits that a crash undid).
 * Records about the name itself and about the names it was split from count,
 * in order of writing.
 */
#ifndef MAIL_PROGRESS_H
#define MAIL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "mail/journal.h"

struct rcpt_progress {
	bool mine;      /* this name stands for the recipient */
	bool final;     /* delivered, failed, expired or discarded; stays so */
	bool failed;    /* failed or expired */
	bool reported;  /* a failure report about it is in the queue */
	bool delayed;   /* a delay report is in the queue */
	bool confirmed; /* a success report is in the queue */
	enum outcome outcome; /* the latest, when attempts or final */
	int64_t time_s;       /* of the latest outcome */
	char *host;           /* of the latest outcome; NULL: none */
	char *text;           /* its reply or reason; NULL: none */
	bool diverted;   /* unknown by its route: it goes by the fallback */
	bool expanded;   /* final, since others took its place */
	bool scattered;  /* more than one did: that is what its sender is told,
	                  * if he wants to know of success */
	const char *via; /* it took the place of this alias; NULL: it did not */
	size_t parent;   /* ...which is this recipient */
	/* as rules have ordered, NULL: they have not; point into ->kept */
	const char *route; /* as a table would say it */
	const char *where; /* FILE:LINE of the rule that says so */
	const char *profile;
	const char *hold; /* held under this name, and not released since */
	char prio;        /* a digit, 0: none */
	uint64_t headers; /* tells sets of added header fields apart, 0: none */
};

struct progress {
	struct rcpt_progress *rcpts;
	size_t nrcpts;
	unsigned attempts;     /* attempts that left some recipient deferred */
	unsigned next_attempt; /* the number for the next one, from 1 */
	int64_t first_attempt_s; /* 0: none yet */
	int64_t last_attempt_s;
	int64_t due_s; /* as journalled with the last deferral; 0: none */
	bool ruled;    /* the rules were asked: never again */
	bool copied;   /* a rule has ordered a copy */
	char **kept;   /* the orders' texts */
	size_t nkept;
};

/*
 * Read the journal for the name with this suffix ("" or ".2.1") of a message
 * with nrcpts recipients.  0, or -1 when a needed split record is missing, or
 * one that added a recipient which others are about: then the entry is damaged.
 */
int progress_read(
    struct str journal, struct str suffix, size_t nrcpts, struct progress *p_r);
void progress_free(struct progress *p);

/* May others take its place?  What a rule sends somewhere goes there, what it
 * holds stays as it is, and what took another's place does not change again. */
bool progress_may_expand(const struct rcpt_progress *p);

/* How many are mine and still to be delivered; mine, failed, not reported. */
size_t progress_pending(const struct progress *p);
size_t progress_unreported(const struct progress *p);

#endif
