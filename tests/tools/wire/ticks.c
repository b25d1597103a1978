/* SPDX-License-Identifier: ISC */
#include "ticks.h"

#include <time.h>

long long
ticks_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}
