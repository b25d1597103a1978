/* SPDX-License-Identifier: ISC */
/*
 * The duplicate window: how long after a delivery a power cut can still make
 * us send it again.  Removals, marks and deferrals are flushed at the latest
 * that long after the first of them.
 */
#ifndef SENDER_FLUSH_H
#define SENDER_FLUSH_H

#include <stdbool.h>

void flush_start(void);

/* Something was removed, moved or noted. */
void flush_dirty(void);

/* Flush now what is dirty; flush_clean() is true when it is done. */
void flush_now(void);
bool flush_clean(void);

#endif
