/* SPDX-License-Identifier: ISC */
#include "counters.h"

#include <err.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct counters *
counters_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *map;

	if (fd == -1 || ftruncate(fd, sizeof(struct counters)) == -1)
		err(1, "%s", path);
	map = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		err(1, "%s", path);
	close(fd);
	return map;
}

void
counters_add(struct counters *c, uint64_t octets, bool secured)
{
	struct timespec ts;
	uint64_t us;

	clock_gettime(CLOCK_REALTIME, &ts);
	us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	if (c->messages == 0)
		c->first_us = us;
	c->last_us = us;
	c->octets += octets;
	c->secured += secured;
	c->messages++;
}
