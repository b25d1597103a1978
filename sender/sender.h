/* SPDX-License-Identifier: ISC */
/*
 * What all files of this room share: the worker that they are part of.
 *
 * Path of a message:
 *	calendar.c or the engine -> backlog.c -> destination.c -> job.c ->
 *	connect.c -> dialogue.c -> outcome.c -> (bounce.c) -> gone, or calendar.c
 */
#ifndef SENDER_SENDER_H
#define SENDER_SENDER_H

#include <stdbool.h>

#include "proc/parent.h"

struct sender {
	struct worker *worker;
	struct spool *spool;
	const struct settings *set;
	bool stopping; /* finish what is begun, begin nothing */
};

extern struct sender sender;

/* May a new attempt begin?  Not while stopping, and not while the spool cannot
 * take the marks of what was sent. */
bool sender_may_begin(void);

/* We lack memory, descriptors or space: begin nothing for a second. */
void sender_pause(void);

#endif
