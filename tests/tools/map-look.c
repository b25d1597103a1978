/* SPDX-License-Identifier: ISC */
/*
 * map-look: how long a look-up takes in a compiled map.
 *
 *	map-look SPOOL route|alias BEFORE BEHIND N
 *
 * Addresses are made of numbers below N, spread over all of them, and of what
 * stands before and behind.  Prints the microseconds of processor time that one takes, the
 * least of several rounds, and how many of one round were found.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mail/alias.h"
#include "mail/map.h"
#include "mail/route.h"

enum { ROUNDS = 7, LOOKS = 20000 };

static double
processor_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static bool
look_route(struct map *m, const char *address)
{
	static struct route r;
	struct route_query query = {
	    .recipient = address, .sender = "x@y.example"};

	return route_find(m, &query, &r) == ROUTE_FOUND && r.pattern[0] != '*';
}

static bool
look_alias(struct map *m, const char *address)
{
	static struct buf out;

	buf_clear(&out);
	return alias_expand(m, address, &out, NULL) == 1;
}

int
main(int argc, char *argv[])
{
	static char addresses[LOOKS][128];
	bool (*look)(struct map * m, const char *address);
	double least = 1e9, before;
	unsigned found = 0;
	struct map *m;
	long n;
	int dir;

	if (argc != 6 || (n = atol(argv[5])) <= 0)
		errx(2, "usage: map-look SPOOL route|alias BEFORE BEHIND N");
	look = strcmp(argv[2], "route") == 0 ? look_route : look_alias;
	if (chdir(argv[1]) == -1 || (dir = open("map", O_RDONLY)) == -1 ||
	    (m = map_open(dir)) == NULL)
		errx(1, "no map in %s", argv[1]);
	for (long i = 0; i < LOOKS; i++) /* a prime: all of them differ */
		snprintf(addresses[i], sizeof(addresses[i]), "%s%ld%s", argv[3],
		    i * 7919 % n, argv[4]);
	for (int round = 0; round < ROUNDS; round++) {
		found = 0;
		before = processor_us();
		for (int i = 0; i < LOOKS; i++)
			found += look(m, addresses[i]);
		before = (processor_us() - before) / LOOKS;
		if (before < least)
			least = before;
	}
	printf("%.2f us found=%u of %d\n", least, found, LOOKS);
	map_close(&m);
	return 0;
}
