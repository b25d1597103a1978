/* SPDX-License-Identifier: ISC */
#include "mail/recipient.h"

#include <string.h>

#include "mail/pattern.h"
#include "mail/rewrite.h"

struct check {
	struct map *map;
	char key[ADDRESS_MAX + 1];
	const char *at; /* in the key: "@domain" */
	struct str where;
};

static int
probe(struct check *c, char table, const char *key)
{
	struct str value;

	return map_find(c->map, table, str_of(key), &c->where, &value);
}

/* 1, 0 or -1 */
static int
is_listed(struct check *c)
{
	int found = probe(c, 'L', c->key);

	if (found == 0)
		found = probe(c, 'L', c->at);
	if (found == 0)
		found = probe(c, 'R', c->key);
	if (found == 0)
		found = probe(c, 'A', c->key);
	if (found == 0)
		found = probe(c, 'A', c->at);
	return found;
}

static bool
is_postmaster(const struct check *c)
{
	return strncmp(c->key, "postmaster@", strlen("postmaster@")) == 0;
}

static enum recipient_answer
check(struct check *c)
{
	int found = probe(c, 'C', c->at + 1);
	struct str domain_where = c->where;

	if (found != 1)
		return found == 0 ? RECIPIENT_UNCHECKED : RECIPIENT_TEMPFAIL;
	if (is_postmaster(c))
		return RECIPIENT_KNOWN;
	found = is_listed(c);
	if (found == -1)
		return RECIPIENT_TEMPFAIL;
	if (found == 0)
		c->where = domain_where;
	return found == 1 ? RECIPIENT_KNOWN : RECIPIENT_UNKNOWN;
}

enum recipient_answer
recipient_check(struct map *m, const char *address, char where_r[256])
{
	char rewritten[ADDRESS_MAX + 1];
	struct check c = {.map = m};
	struct address addr;
	enum recipient_answer answer;

	if (where_r)
		where_r[0] = '\0';
	switch (rewrite_find(m, REWRITE_RECIPIENT, address, rewritten, NULL)) {
	case 1:
		address = rewritten;
		break;
	case -1:
		return RECIPIENT_TEMPFAIL;
	}
	if (address_parse(str_of(address), &addr) != NULL ||
	    addr.domain.len == 0 || pattern_address(&addr, c.key) == -1)
		return RECIPIENT_UNCHECKED;
	c.at = strrchr(c.key, '@');
	answer = check(&c);
	if (where_r && answer != RECIPIENT_UNCHECKED)
		str_copy(where_r, 256, c.where);
	return answer;
}
