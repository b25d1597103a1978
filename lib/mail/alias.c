/* SPDX-License-Identifier: ISC */
#include "mail/alias.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mail/pattern.h"
#include "mail/rewrite.h"

struct walk {
	struct map *map;
	char **seen; /* keys of what was met on the way */
	size_t nseen;
	size_t width;
	struct buf *out;
};

/* ---- one address ---- */

static int
has(struct map *m, char table, const char *key)
{
	return map_find(m, table, str_of(key), NULL, &(struct str){0});
}

/* What stands for the address itself: 1, 0 or -1. */
static int
find_alias(
    struct map *m, const char *key, struct str *where, struct str *targets)
{
	const char *domain = strrchr(key, '@');
	int found;

	found = map_find(m, 'A', str_of(key), where, targets);
	if (found != 0)
		return found;
	found = map_find(m, 'A', str_of(domain), where, targets);
	if (found != 1)
		return found;
	found = has(m, 'L', key);
	if (found == 0)
		found = has(m, 'R', key);
	return found == -1 ? -1 : !found;
}

static int
key_of(struct str text, char key_r[ADDRESS_MAX + 1])
{
	struct address addr;

	if (address_parse(text, &addr) != NULL || addr.domain.len == 0)
		return -1;
	return pattern_address(&addr, key_r);
}

/* ---- all of them ---- */

static bool
is_new(struct walk *w, const char *key)
{
	for (size_t i = 0; i < w->nseen; i++)
		if (strcmp(w->seen[i], key) == 0)
			return false;
	w->seen = mem_resize(w->seen, w->nseen + 1, sizeof(w->seen[0]));
	w->seen[w->nseen++] = mem_dup(key);
	return true;
}

static int
add(struct walk *w, struct str address)
{
	if (w->width++ == ALIAS_WIDTH_MAX)
		return -1;
	if (w->out->len > 0)
		buf_add_char(w->out, ' ');
	buf_add(w->out, address.s, address.len);
	return 0;
}

/* "@domain" among the targets of a catch-all: the same local part there. */
static struct str
in_domain(struct str target, const char *key, struct buf *space)
{
	if (target.s[0] != '@')
		return target;
	buf_clear(space);
	buf_add(space, key, strrchr(key, '@') - key);
	buf_add(space, target.s, target.len);
	return (struct str){space->data, space->len};
}

static int follow(struct walk *w, struct str address, unsigned depth);

static int
follow_targets(
    struct walk *w, const char *key, struct str targets, unsigned depth)
{
	struct buf space = {0};
	char target_key[ADDRESS_MAX + 1];
	struct str target;
	int result = 0;

	while (result == 0 && (target = str_word(&targets)).len > 0) {
		target = in_domain(target, key, &space);
		if (key_of(target, target_key) == 0 &&
		    strcmp(target_key, key) == 0)
			result = add(w, target);
		else
			result = follow(w, target, depth + 1);
	}
	buf_free(&space);
	return result;
}

static int
follow(struct walk *w, struct str address, unsigned depth)
{
	char key[ADDRESS_MAX + 1];
	struct str targets;
	int found;

	if (depth > ALIAS_DEPTH_MAX)
		return -1;
	if (key_of(address, key) == -1 || !is_new(w, key))
		return 0;
	found = find_alias(w->map, key, NULL, &targets);
	if (found == 0)
		return add(w, address);
	return found == -1 ? -1 : follow_targets(w, key, targets, depth);
}

int
alias_expand(
    struct map *m, const char *address, struct buf *out, char where_r[256])
{
	struct walk w = {.map = m, .out = out};
	char key[ADDRESS_MAX + 1];
	struct str where, targets;
	int result;

	if (key_of(str_of(address), key) == -1)
		return 0;
	result = find_alias(m, key, &where, &targets);
	if (result != 1)
		return result;
	if (where_r)
		str_copy(where_r, 256, where);
	is_new(&w, key);
	result = follow_targets(&w, key, targets, 0) == 0 ? 1 : -1;
	if (result == -1)
		log_warnx("alias %s at %.*s: cannot be followed", address,
		    (int)where.len, where.s);
	for (size_t i = 0; i < w.nseen; i++)
		free(w.seen[i]);
	free(w.seen);
	return result;
}

int
alias_replaces(struct map *m, const char *address)
{
	char text[ADDRESS_MAX + 1];
	struct str targets;
	int found = rewrite_find(m, REWRITE_RECIPIENT, address, text, NULL);

	if (found != 0 || key_of(str_of(address), text) == -1)
		return found;
	return find_alias(m, text, NULL, &targets);
}
