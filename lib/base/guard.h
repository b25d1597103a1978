/* SPDX-License-Identifier: ISC */
/*
 * Mapped files that somebody may shorten.  Layer: base.
 *
 * Reading behind the end of such a file, or where its disk fails, is a SIGBUS.
 * In a guarded mapping it makes all of it zeros, and the guard says that it is
 * lost; whoever has read asks afterwards.  Anywhere else it kills, as before.
 */
#ifndef BASE_GUARD_H
#define BASE_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct guard {
	char *mem;
	size_t len;
	volatile sig_atomic_t lost;
	struct guard *next;
};

/* Guard this mapping; the guard stays where it is until its end. */
void guard_begin(struct guard *g, const void *mem, size_t len);
/* Before it is unmapped.  Twice is fine. */
void guard_end(struct guard *g);

bool guard_lost(const struct guard *g);

#endif
