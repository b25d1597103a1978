/* SPDX-License-Identifier: ISC */
#include "mail/rewrite.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "mail/pattern.h"

/* "@domain" keeps the local part as it was written. */
static int
replace(struct str target, struct str local, char out_r[ADDRESS_MAX + 1])
{
	int n;

	if (target.len == 0 || target.s[0] != '@')
		local.len = 0;
	n = snprintf(out_r, ADDRESS_MAX + 1, "%.*s%.*s", (int)local.len,
	    local.s, (int)target.len, target.s);
	return n > ADDRESS_MAX ? -1 : 1;
}

int
rewrite_find(struct map *m, enum rewrite what, const char *address,
    char out_r[ADDRESS_MAX + 1], char where_r[256])
{
	char key[ADDRESS_MAX + 2];
	struct address addr;
	struct str where, target;
	int found;

	if (address_parse(str_of(address), &addr) != NULL ||
	    addr.domain.len == 0 || pattern_address(&addr, key + 1) == -1)
		return 0;
	key[0] = (char)what;
	found = map_find(m, 'U', str_of(key), &where, &target);
	if (found == 0) {
		char *domain = strrchr(key, '@') - 1;

		*domain = (char)what;
		found = map_find(m, 'U', str_of(domain), &where, &target);
	}
	if (found != 1)
		return found;
	if (where_r)
		str_copy(where_r, 256, where);
	if (replace(target, addr.local, out_r) == 1)
		return 1;
	log_warnx("rewriting %s by %.*s: the new address is too long", address,
	    (int)where.len, where.s);
	return -1;
}
