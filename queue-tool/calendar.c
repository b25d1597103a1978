/* SPDX-License-Identifier: ISC */
/*
 * When an entry will be tried, by its profile, if every attempt is deferred as
 * soon as it is made.
 */
#include "queue_tool.h"

#include <inttypes.h>

#include "base/clock.h"

void
calendar_make(const struct profile *p, unsigned attempts, int64_t arrival_s,
    int64_t first_s, struct calendar *c_r)
{
	int64_t at_s = first_s;

	*c_r = (struct calendar){.done = attempts, .first_s = first_s};
	while (at_s != -1) {
		if (c_r->n < CALENDAR_LINES)
			c_r->at_s[c_r->n] = at_s;
		c_r->n++;
		c_r->last_s = at_s;
		at_s = profile_next_due(p, ++attempts, arrival_s, at_s);
	}
}

bool
calendar_of(const struct view *v, const struct profile *p, struct calendar *c_r)
{
	int64_t next_s = clock_wall_s();

	if (v->entry.state == STATE_HELD || v->entry.state == STATE_CORRUPT ||
	    progress_pending(&v->progress) == 0)
		return false;
	if (v->entry.state == STATE_DEFERRED && v->entry.due_s > next_s)
		next_s = v->entry.due_s;
	calendar_make(
	    p, v->progress.attempts, v->qf.envelope.arrival_s, next_s, c_r);
	return true;
}

/* "87h00m": what people add up retries in. */
static void
print_hours(int64_t s)
{
	printf("%" PRId64 "h%02" PRId64 "m", s / 3600, s % 3600 / 60);
}

void
calendar_print(const struct calendar *c, const char *indent, bool discard)
{
	char stamp[CLOCK_DATE_SIZE];

	for (size_t i = 0; i < c->n && i < CALENDAR_LINES; i++) {
		clock_stamp(c->at_s[i], stamp);
		printf("%sattempt %-4zu %s", indent, c->done + i + 1, stamp);
		if (i > 0) {
			printf(" after ");
			print_hours(c->at_s[i] - c->at_s[i - 1]);
		}
		putchar('\n');
	}
	if (c->n > CALENDAR_LINES)
		printf("%s... and %zu more\n", indent, c->n - CALENDAR_LINES);
	clock_stamp(c->last_s, stamp);
	printf("%sthen %s %s, %zu %s over ", indent,
	    discard ? "discarded" : "given up", stamp, c->n - 1,
	    c->n == 2 ? "retry" : "retries");
	print_hours(c->last_s - c->first_s);
	putchar('\n');
}
