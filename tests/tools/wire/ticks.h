/* SPDX-License-Identifier: ISC */
/* The clock that the tools' delays are measured with. */
#ifndef WIRE_TICKS_H
#define WIRE_TICKS_H

/* Milliseconds of CLOCK_MONOTONIC. */
long long ticks_ms(void);

#endif
