/* SPDX-License-Identifier: ISC */
/*
 * The only source of time.  Layer: base.
 *
 * Wall time is what people read and what due times are written in; the steady
 * clock, which never jumps, is what waits are measured with.
 *
 * A test can turn the wall clock: STAGEPOST_CLOCK names a file holding a
 * number of seconds, perhaps with a minus, which is added to the wall time.
 * The file is opened once and read again every 50 ms at most; clock_refresh()
 * reads it now.  So write into it; a file renamed over it goes unseen.  It is
 * ignored when the process started with another effective user or group than
 * its real one.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Read the environment; call once before any confinement. */
void clock_init(void);
void clock_refresh(void);

int64_t clock_wall_s(void);
int64_t clock_wall_us(void);
int64_t clock_steady_ms(void);

/* How often who waits for a wall time is to look at it, since it may be set:
 * each second, and more often where a test turns it. */
int64_t clock_look_ms(void);

/*
 * Has the system's wall clock kept in step with the time that passed since
 * clock_init()?  False once it was set by more than an hour: ages and lifetimes
 * that are reckoned by it are not to be believed then.  What a test turns does
 * not count.
 */
bool clock_trusted(void);

/*
 * Somebody saw the system's time last at `seen_s`.  When the wall clock says
 * that this is more than a day ago, or more than an hour to come, it may be wrong
 * and be set right later: it is not trusted for an hour from now.  Returns
 * whether that is so.
 */
bool clock_doubt(int64_t seen_s);

/* Add to the wall time in this process, for unit tests. */
void clock_turn(int64_t seconds);

/* RFC 5322, 3.3: "Sat, 21 Nov 2026 06:01:02 +0000", always UTC. */
#define CLOCK_DATE_SIZE 40
void clock_date(int64_t wall_s, char out[CLOCK_DATE_SIZE]);
/* RFC 3339: "2026-11-21T06:01:02Z". */
void clock_stamp(int64_t wall_s, char out[CLOCK_DATE_SIZE]);

#endif
