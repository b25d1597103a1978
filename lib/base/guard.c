/* SPDX-License-Identifier: ISC */
#include "base/guard.h"

#include <errno.h>
#include <sys/mman.h>

static struct guard *guards;

/* Only what a signal handler may do: mmap(2) is one system call. */
static void
on_bus_error(int number, siginfo_t *info, void *context)
{
	const char *at = info->si_code > 0 ? info->si_addr : NULL;
	int kept = errno;

	(void)context;
	for (struct guard *g = guards; g != NULL; g = g->next) {
		if (at < g->mem || at >= g->mem + g->len)
			continue;
		if (mmap(g->mem, g->len, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			0) == MAP_FAILED)
			break;
		g->lost = 1;
		errno = kept;
		return;
	}
	signal(number, SIG_DFL);
	raise(number); /* it kills when we return */
}

void
guard_begin(struct guard *g, const void *mem, size_t len)
{
	struct sigaction action = {
	    .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_RESTART};

	*g = (struct guard){.mem = (char *)mem, .len = len, .next = guards};
	guards = g;
	sigaction(SIGBUS, &action, NULL);
}

void
guard_end(struct guard *g)
{
	struct guard **at = &guards;

	while (*at != NULL && *at != g)
		at = &(*at)->next;
	if (*at == g)
		*at = g->next;
	g->next = NULL;
}

bool
guard_lost(const struct guard *g)
{
	return g->lost != 0;
}
