/* SPDX-License-Identifier: ISC */
/*
 * A job whose route is a maildir: one delivery for each recipient, by the
 * process of maildir.h.  It takes one of its destination's connections while
 * it lasts.
 */
#ifndef SENDER_LOCAL_H
#define SENDER_LOCAL_H

struct destination;
struct job;

#define LOCAL_JOBS \
	100 /* of one maildir route at once; they are flushed
                          together */

void local_deliver(struct destination *d, struct job *job);

/* Jobs under way. */
unsigned local_count(void);

#endif
