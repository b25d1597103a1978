/* SPDX-License-Identifier: ISC */
/*
 * Fuzz the written form of a profile: what is taken is formatted and read back
 * the same, and its calendar ends.
 */
#include "mail/profile.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_calendar(const struct profile *p)
{
	int64_t now = 1000, due;
	unsigned attempts = 1;

	for (; attempts < 100; attempts++) {
		due = profile_next_due(p, attempts, 1000, now);
		if (due == -1)
			return;
		if (due <= now)
			abort();
		now = due;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct profile p, again;
	struct buf b = {0};
	size_t at;

	profile_default(&p);
	if (profile_parse(text, &p, &at) != NULL) {
		if (at > size)
			abort();
		return 0;
	}
	profile_format(&p, &b);
	profile_default(&again);
	if (profile_parse(str_of(buf_text(&b)), &again, &at) != NULL)
		abort();
	buf_free(&b);
	if (p.nretry != again.nretry || p.retries_max != again.retries_max ||
	    p.lifetime_s != again.lifetime_s || p.prio != again.prio ||
	    memcmp(p.retry_s, again.retry_s, p.nretry * sizeof(p.retry_s[0])) !=
		0)
		abort();
	check_calendar(&p);
	return 0;
}
