/* SPDX-License-Identifier: ISC */
/*
 * What operators have paused (mail/pause.h), as this worker knows it.
 *
 * What waits for a paused destination stays where it is: in processed/, where
 * what becomes due in deferred/ joins it.  It is not claimed, uses up no retry
 * and is neither warned of nor given up.  When the pause ends the destination is
 * ready like any other, and its concurrency limit spreads what has gathered.
 */
#ifndef SENDER_PAUSED_H
#define SENDER_PAUSED_H

#include <stdbool.h>

struct destination;

/* Once a worker, when control/ is watched. */
void paused_start(void);

/* Read the orders anew: some were given or lifted. */
void paused_read(void);

/* Is it paused, as far as its profile is known? */
bool paused_covers(const struct destination *d);

#endif
