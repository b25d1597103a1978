/* SPDX-License-Identifier: ISC */
/*
 * Fuzz the written form of a route: what is taken has a canonical text, which
 * is taken too and is its own, with its fallback; every hop points into it.
 */
#include "mail/route.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_hops(const struct route *r)
{
	const struct hop *order[HOPS_MAX];

	route_order(r, order);
	for (size_t i = 0; i < r->nhops; i++) {
		if (order[i]->host.s < r->text ||
		    order[i]->host.s + order[i]->host.len >
			r->text + strlen(r->text))
			abort();
		if (i > 0 && order[i - 1]->weight > order[i]->weight)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	static struct route r, again;
	char key[ADDRESS_MAX + 1];
	struct buf compiled = {0};
	size_t at = 0;

	if (route_pattern(text, key) == NULL && strlen(key) > ADDRESS_MAX)
		abort();
	if (route_parse(text, &r, &at) != NULL) {
		if (at > size)
			abort();
		return 0;
	}
	check_hops(&r);
	route_format(&r, &compiled);
	if (route_parse((struct str){compiled.data, compiled.len}, &again,
		&at) != NULL ||
	    strcmp(r.text, again.text) != 0 ||
	    strcmp(r.fallback, again.fallback) != 0)
		abort();
	buf_free(&compiled);
	return 0;
}
