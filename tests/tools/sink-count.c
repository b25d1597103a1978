/* SPDX-License-Identifier: ISC */
/*
 * sink-count: read the counters of a running smtp-sink -c FILE.
 *
 *	sink-count show FILE
 *	sink-count reset FILE
 *	sink-count wait FILE MESSAGES SECONDS
 *
 * show and wait print "messages octets connections first last secured
 * handshakes resumed": the times in seconds of CLOCK_REALTIME; then of the
 * messages those that came in TLS, and how many handshakes there were, and were
 * resumptions.  wait returns 1 when the time was up first.
 */
#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wire/counters.h"

static void
show(const struct counters *c)
{
	uint64_t first = c->first_us, last = c->last_us;

	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 ".%06u %" PRIu64
	       ".%06u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
	    c->messages, c->octets, c->connections, first / 1000000,
	    (unsigned)(first % 1000000), last / 1000000,
	    (unsigned)(last % 1000000), (uint64_t)c->secured,
	    (uint64_t)c->handshakes, (uint64_t)c->resumed);
}

static void
reset(struct counters *c)
{
	c->messages = c->octets = c->connections = 0;
	c->first_us = c->last_us = 0;
	c->secured = c->handshakes = c->resumed = 0;
}

/* Looking every 2 ms costs a measurement less than a wake-up per message. */
static bool
wait_for(const struct counters *c, uint64_t messages, double seconds)
{
	const struct timespec tick = {.tv_nsec = 2000000};
	long left = (long)(seconds * 500);

	while (c->messages < messages && left-- > 0)
		nanosleep(&tick, NULL);
	return c->messages >= messages;
}

int
main(int argc, char *argv[])
{
	const char *what = argc > 2 ? argv[1] : "";
	bool ok = true;
	struct counters *c;

	if (strcmp(what, "show") != 0 && strcmp(what, "reset") != 0 &&
	    (strcmp(what, "wait") != 0 || argc != 5))
		errx(2, "usage: sink-count show|reset FILE, or "
			"wait FILE MESSAGES SECONDS");
	c = counters_map(argv[2]);
	if (strcmp(what, "reset") == 0) {
		reset(c);
		return 0;
	}
	if (strcmp(what, "wait") == 0)
		ok = wait_for(c, strtoull(argv[3], NULL, 10), atof(argv[4]));
	show(c);
	return ok ? 0 : 1;
}
