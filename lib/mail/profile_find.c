/* SPDX-License-Identifier: ISC */
/*
 * Profiles as they stand in the map.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "mail/profile.h"

/* The last one that was read: most mail goes by one profile. */
struct last {
	const char *value; /* in the map */
	struct profile profile;
};

static int
read_profile(
    const char *name, struct str where, struct str value, struct profile *p_r)
{
	const char *expected;
	size_t at;

	profile_default(p_r);
	if (str_copy(p_r->name, sizeof(p_r->name), str_of(name)) == -1)
		return 0;
	expected = profile_parse(value, p_r, &at);
	if (expected)
		log_warnx("map: profile %s: expected %s (%.*s)", name, expected,
		    (int)where.len, where.s);
	return expected ? -1 : 1;
}

int
profile_find(struct map *m, const char *name, struct profile *p_r)
{
	void **kept = map_keep(m, MAP_KEEPS_PROFILE, free);
	struct last *last = *kept;
	struct str where, value;
	int found;

	found = map_find(m, 'P', str_of(name), &where, &value);
	if (found != 1)
		return found;
	if (!last)
		last = *kept = mem_alloc(sizeof(*last));
	if (last->value != value.s) {
		last->value = NULL;
		found = read_profile(name, where, value, &last->profile);
		if (found != 1)
			return found;
		last->value = value.s;
	}
	*p_r = last->profile;
	return 1;
}

uint32_t
profile_longest_delay(struct map *m)
{
	struct str value;
	uint64_t seconds;

	if (map_find(m, 'P', str_of(""), NULL, &value) == 1 &&
	    str_number(value, RETRY_MAX_S, &seconds) == 0)
		return (uint32_t)seconds;
	return RETRY_MAX_S;
}
