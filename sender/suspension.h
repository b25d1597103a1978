/* SPDX-License-Identifier: ISC */
/*
 * Suspension: a destination none of whose hosts can be reached is left alone
 * as a whole, by all workers, for longer each time it fails; then one message
 * of one worker probes it.
 *
 * What a worker has seen stands in its struct destination.  Where several
 * workers serve one destination they share what they have seen by an outage
 * (proc/outage.h), which each looks at when it is to connect and once a second
 * while it waits.
 */
#ifndef SENDER_SUSPENSION_H
#define SENDER_SUSPENSION_H

#include <stdbool.h>

struct destination;

/* None of its hosts could be reached, for this reason: wait, at most as long as
 * the profile's first retry delay. */
void suspension_begin(struct destination *d, const char *reason);

/* It was reached. */
void suspension_end(struct destination *d);

/* An operator says: try now. */
void suspension_lift(struct destination *d);

/* Its route is known now: has another worker suspended it? */
void suspension_learn(struct destination *d);

/* May we connect?  If not it is suspended now. */
bool suspension_allows(struct destination *d);

/* It is forgotten: so is our right to probe it. */
void suspension_forget(struct destination *d);

#endif
