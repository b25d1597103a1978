/* SPDX-License-Identifier: ISC */
/*
 * A compiled map for a unit test, written record by record as cdbmaps would:
 * {"R*", "routes:1\tmx"}.  The generation is added unless it is 0.
 */
#ifndef MAPFILE_H
#define MAPFILE_H

#include <stdio.h>

#include "base/cdbfile.h"
#include "mail/map.h"
#include "tap.h"

struct mapfile_record {
	const char *key, *value;
};

static inline void
mapfile_write(int dir, unsigned generation, const struct mapfile_record *list)
{
	struct cdbwriter *w = cdbwriter_begin(dir, MAP_FILE);
	char g[64];

	if (!w)
		bail_out("cannot write a map");
	snprintf(g, sizeof(g), "%s\t%u", MAP_FORMAT, generation);
	if (generation > 0)
		cdbwriter_add(w, str_of("G"), str_of(g));
	for (; list->key; list++)
		cdbwriter_add(w, str_of(list->key), str_of(list->value));
	if (cdbwriter_commit(&w) == -1)
		bail_out("cannot put a map in place");
}

#endif
