/* SPDX-License-Identifier: ISC */
/* Lines of a witness's log: EVENT ID TIME, and what else there is to say. */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include <stdio.h>

/* To this log, or to none when it is NULL. */
void __attribute__((format(printf, 4, 5)))
record(FILE *log, const char *event, const char *id, const char *fmt, ...);

#endif
