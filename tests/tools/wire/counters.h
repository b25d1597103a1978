/* SPDX-License-Identifier: ISC */
/*
 * What the sink has taken so far, in a file that others map and read while
 * the sink runs.
 */
#ifndef WIRE_COUNTERS_H
#define WIRE_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct counters {
	_Atomic uint64_t messages, octets, connections;
	_Atomic uint64_t secured; /* messages that came in TLS */
	_Atomic uint64_t handshakes, resumed;
	/* CLOCK_REALTIME in microseconds, of the first and the last message */
	_Atomic uint64_t first_us, last_us;
};

/* Make the file when there is none; a failure ends the program. */
struct counters *counters_map(const char *path);

void counters_add(struct counters *c, uint64_t octets, bool secured);

#endif
