/* SPDX-License-Identifier: ISC */
/*
 * Delivery status notifications of our own: composed, durable in incoming/,
 * noted in the journal.  Their id is derived from what they report, so that a
 * report repeated after a crash is seen as one.
 */
#ifndef SENDER_BOUNCE_H
#define SENDER_BOUNCE_H

#include <stdbool.h>

#include "mail/journal.h"

struct job;

/* Is there a recipient that this kind of report is due for? */
bool bounce_due(const struct job *job, enum report kind);

/*
 * Report on those recipients of the job that this kind of report is due for:
 * false when there is none.  Else on_done follows, never from within this call,
 * with 0 once the report is durable and job->owed says so, or an errno when
 * there is none.
 */
bool bounce_report(struct job *job, enum report kind,
    void (*on_done)(struct job *job, int status));

#endif
