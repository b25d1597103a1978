/* SPDX-License-Identifier: ISC */
/*
 * Fuzz rules: the first line is a rule, the rest a header that it is asked
 * about.  A mistake lies within the text; what is taken can be asked.
 */
#include "mail/rule.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct recipient people[] = {{.address = "kim@a.example"}};

static bool
needs_map(const struct rule *r)
{
	for (size_t i = 0; i < r->nconditions; i++)
		if (r->conditions[i].kind == CONDITION_INBOUND ||
		    r->conditions[i].kind == CONDITION_OUTBOUND)
			return true;
	return false;
}

static void
check_slices(const struct rule *r, size_t size)
{
	for (size_t i = 0; i < r->nactions; i++)
		if (r->actions[i].written.s < r->text ||
		    r->actions[i].written.s + r->actions[i].written.len >
			r->text + size)
			abort();
	if (r->nactions == 0 || r->name.len == 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size}, line;
	struct envelope env = {
	    .sender = "jo@b.example",
	    .recipients = people,
	    .nrecipients = 1,
	    .client = "192.0.2.1",
	};
	struct rule_subject s = {.envelope = &env, .size = size};
	const struct condition *failing;
	const char *const *known;
	struct rule r;
	size_t at;

	line = str_cut(&rest, '\n');
	s.header = rest;
	if (rule_parse(line, &r, &at, &known) != NULL) {
		if (at > line.len)
			abort();
	} else {
		check_slices(&r, line.len);
		rule_match_message(&r, &s, &failing);
		if (!needs_map(&r))
			rule_match_recipient(&r, &s, 0, &failing);
	}
	rule_free(&r);
	return 0;
}
