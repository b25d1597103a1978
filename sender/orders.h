/* SPDX-License-Identifier: ISC */
/*
 * Orders that operators left for entries which were being sent (hold, delete,
 * requeue; mail/control.h): obeyed after the attempt, or before the next one
 * when they came too late for this one.  An order to flush lifts suspensions
 * at once.
 */
#ifndef SENDER_ORDERS_H
#define SENDER_ORDERS_H

#include <stdbool.h>

struct job;

/* Once a worker: read the orders that are there, and watch for more. */
void orders_start(void);

/* Is there an order for the entry? */
bool orders_has(const char *id);

/*
 * Carry out the order for a claimed job: 0, the entry has gone its way and the
 * order is removed; or -1 and errno, nothing has changed.
 */
int orders_obey(struct job *job);

/* The entry has left the queue: an order for it has no object any more. */
void orders_forget(const char *id);

#endif
