/* SPDX-License-Identifier: ISC */
/*
 * What waits for a destination that cannot be reached is not forgotten: when a
 * probe has failed, the messages that are older than their profile's lifetime
 * (or than all their retries would have taken) are given up, with the probe as
 * their attempt, and the senders of those that are late are warned.  Nothing
 * else happens to them: waiting uses up no retry.
 */
#ifndef SENDER_OVERDUE_H
#define SENDER_OVERDUE_H

struct destination;

/* The destination could not be reached, for this reason. */
void overdue_review(struct destination *d, const char *reason);

#endif
