/* SPDX-License-Identifier: ISC */
/*
 * Fuzz a table as it is written: lines, continuations, comments, sections; and
 * of each row the pattern, the route, the recipient, the networks and the
 * settings.
 */
#include "cdbmaps/cdbmaps.h"

#include <stdlib.h>
#include <string.h>

#include "mail/network.h"
#include "mail/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_row(void *arg, const struct row *row)
{
	char key[ADDRESS_MAX + 2];
	char name[CIDR_TEXT_SIZE];
	struct settings *set = arg;
	const struct setting *f = setting_find(row->words[0].text);
	struct place place;
	struct cidr net;

	if (row->nwords == 0)
		abort();
	for (size_t i = 0; i <= row->nwords; i++) {
		place = row_place(row, i);
		if (place.at > row->source->text.len)
			abort();
		if (i < row->nwords &&
		    cidr_parse(row->words[i].text, &net) == NULL)
			cidr_format(&net, name);
	}
	recipient_key(row->words[0].text, key);
	if (f && row->nwords > 1)
		setting_store(f, row->words[1].text, set);
	route_pattern(row->words[0].text, key);
	route_of_row(row, 1);
}

/* Files that it names are none of our business. */
static bool
includes(struct str text)
{
	return text.len > 0 && memmem(text.s, text.len, "include", 7) != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct settings set;
	struct source source = {
	    .path = "table",
	    .name = "table",
	    .text = {(const char *)data, size},
	    .document = size > 0 && data[0] == '=',
	};

	if (includes(source.text))
		return -1;
	memset(&set, 0, sizeof(set));
	for (enum table t = 0; t < TABLES; t++)
		read_rows(&source, t, on_row, &set);
	return 0;
}
