/* SPDX-License-Identifier: ISC */
#include "record.h"

#include <stdarg.h>
#include <time.h>

void
record(FILE *log, const char *event, const char *id, const char *fmt, ...)
{
	enum { DETAIL_MAX = 4096 };
	struct timespec ts;
	char detail[DETAIL_MAX];
	va_list ap;

	if (log == NULL)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	fprintf(log, "%s %s %lld.%06ld %s\n", event, id, (long long)ts.tv_sec,
	    ts.tv_nsec / 1000, detail);
}
