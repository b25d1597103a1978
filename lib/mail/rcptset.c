/* SPDX-License-Identifier: ISC */
#include "mail/rcptset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
rcptset_init(struct rcptset *set, size_t n, bool full)
{
	set->n = n;
	set->bits = mem_alloc(n / 8 + 1);
	for (size_t i = 0; full && i < n; i++)
		rcptset_add(set, i);
}

void
rcptset_free(struct rcptset *set)
{
	free(set->bits);
	*set = (struct rcptset){0};
}

bool
rcptset_has(const struct rcptset *set, size_t i)
{
	return i < set->n && set->bits[i / 8] >> i % 8 & 1;
}

void
rcptset_add(struct rcptset *set, size_t i)
{
	assert(i < set->n);
	set->bits[i / 8] |= 1u << i % 8;
}

void
rcptset_remove(struct rcptset *set, size_t i)
{
	assert(i < set->n);
	set->bits[i / 8] &= ~(1u << i % 8);
}

size_t
rcptset_count(const struct rcptset *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->n; i++)
		count += rcptset_has(set, i);
	return count;
}

void
rcptset_format(const struct rcptset *set, struct buf *out)
{
	const char *separator = "";
	size_t first, last;

	for (first = 0; first < set->n; first = last + 1) {
		last = first;
		if (!rcptset_has(set, first))
			continue;
		while (rcptset_has(set, last + 1))
			last++;
		buf_addf(out, "%s%zu", separator, first);
		if (last > first)
			buf_addf(out, "-%zu", last);
		separator = ",";
	}
}

/* Cut the next range off a list: 0, or -1 when it is malformed or does not
 * lie between `from` and n-1. */
static int
range_cut(
    struct str *list, size_t from, size_t n, size_t *first_r, size_t *last_r)
{
	struct str range, word;
	uint64_t first, last;
	bool single;

	if (from >= n)
		return -1;
	range = str_cut(list, ',');
	single = range.len == 0 || !memchr(range.s, '-', range.len);
	word = str_cut(&range, '-');
	if (str_number(word, n - 1, &first) == -1 || first < from)
		return -1;
	last = first;
	if (!single && (str_number(range, n - 1, &last) == -1 || last <= first))
		return -1;
	*first_r = first;
	*last_r = last;
	return 0;
}

/* Sorted and disjoint ranges only, so that no list costs more than n steps. */
bool
rcptlist_check(struct str list, size_t n)
{
	size_t from = 0, first, last;

	if (list.len == 0 || list.s[list.len - 1] == ',')
		return false;
	while (list.len > 0) {
		if (range_cut(&list, from, n, &first, &last) == -1)
			return false;
		from = last + 1;
	}
	return true;
}

bool
rcptlist_next(struct str *list, size_t *first_r, size_t *last_r)
{
	return list->len > 0 &&
	       range_cut(list, 0, SIZE_MAX, first_r, last_r) == 0;
}

int
rcptset_add_list(struct rcptset *set, struct str list)
{
	size_t first, last;

	if (!rcptlist_check(list, set->n))
		return -1;
	while (rcptlist_next(&list, &first, &last))
		for (; first <= last; first++)
			rcptset_add(set, first);
	return 0;
}
