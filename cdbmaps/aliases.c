/* SPDX-License-Identifier: ISC */
/*
 * Aliases: rows of an address and whom it stands for; then, with all of them in
 * sight, that none stands for itself by way of others, nor for too many.
 */
#include "cdbmaps.h"

#include <stdlib.h>
#include <string.h>

#include "mail/alias.h"
#include "mail/pattern.h"
#include "mail/route.h"

/* ---- rows ---- */

/* A target: an address, or for a catch-all "@domain" too. */
static const char *
check_target(struct str text, bool catch_all)
{
	struct str domain = text;
	struct address addr;
	const char *expected;

	if (catch_all && text.s[0] == '@') {
		str_cut(&domain, '@');
		return domain_check(domain, false);
	}
	expected = address_parse(text, &addr);
	if (!expected && addr.domain.len == 0)
		expected = "an address with its domain";
	if (!expected && addr.utf8)
		expected = "an address in ASCII";
	return expected;
}

static int
check_targets(const struct row *row)
{
	bool catch_all = row->words[0].text.s[0] == '@';
	const char *expected;
	int status = 0;

	if (row->nwords == 1) {
		row_mistake(row, 1, 0, "addresses", NULL);
		return -1;
	}
	for (size_t i = 1; i < row->nwords; i++) {
		expected = check_target(row->words[i].text, catch_all);
		if (!expected)
			continue;
		row_mistake(row, i, 0, expected, NULL);
		status = -1;
	}
	return status;
}

void
on_alias(void *arg, const struct row *row)
{
	static struct buf targets;
	char key[ADDRESS_MAX + 2];
	const char *expected = recipient_key(row->words[0].text, key);

	(void)arg;
	if (expected) {
		row_mistake(row, 0, 0, expected, NULL);
		return;
	}
	if (check_targets(row) == -1)
		return;
	if (!record_add(
		'A', str_of(key), row_join(row, 1, row->nwords, &targets), row))
		mistake(row_place(row, 0),
		    "expected each alias once; %s is already at %s", key,
		    record_place(record_find('A', str_of(key))));
}

/* ---- what they stand for, all levels ---- */

/* For each record, by its number. */
struct reach {
	uint32_t width; /* 0: not known yet */
	uint8_t depth;
	bool open; /* it is on the way that is being followed */
};

static struct reach *reaches;
static const struct record *way[ALIAS_DEPTH_MAX + 2];
static unsigned way_len;

static size_t
number_of(const struct record *r)
{
	return r - record_get(0);
}

static struct place
place_of(const struct record *r)
{
	return (struct place){source_get(r->source), r->at};
}

/* The alias that answers for an address, as alias.c finds it, or NULL. */
static const struct record *
alias_of(struct str address, bool *itself_r, const struct record *from)
{
	char key[ADDRESS_MAX + 1];
	const struct record *r;
	struct address addr;

	*itself_r = false;
	if (address.s[0] == '@')
		return record_find('A', address);
	if (address_parse(address, &addr) != NULL ||
	    pattern_address(&addr, key) == -1)
		return NULL;
	r = record_find('A', str_of(key));
	if (!r && !record_find('L', str_of(key)) &&
	    !record_find('R', str_of(key)))
		r = record_find('A', str_of(strrchr(key, '@')));
	*itself_r = r == from;
	return r;
}

static void
report_cycle(const struct record *again)
{
	struct buf text = {0};
	struct str key;
	unsigned i = 0;

	while (way[i] != again)
		i++;
	for (; i < way_len; i++) {
		key = record_key(way[i]);
		buf_addf(&text, "%.*s -> ", (int)key.len - 1, key.s + 1);
	}
	key = record_key(again);
	mistake(place_of(again), "expected no cycle: %s%.*s", buf_text(&text),
	    (int)key.len - 1, key.s + 1);
	buf_free(&text);
}

static void follow(const struct record *r);

/* Takes one target into account. */
static void
follow_target(const struct record *from, struct reach *sum, struct str target)
{
	const struct record *r;
	bool itself;

	r = alias_of(target, &itself, from);
	if (!r || itself) { /* an alias that names itself keeps a copy */
		sum->width++;
		return;
	}
	if (reaches[number_of(r)].open) {
		report_cycle(r);
		return;
	}
	follow(r);
	sum->width += reaches[number_of(r)].width;
	if (sum->width > ALIAS_WIDTH_MAX)
		sum->width = ALIAS_WIDTH_MAX + 1;
	if (reaches[number_of(r)].depth >= sum->depth)
		sum->depth = reaches[number_of(r)].depth + 1;
}

static void
follow(const struct record *r)
{
	struct reach *mine = &reaches[number_of(r)], sum = {.depth = 1};
	struct str targets = record_value(r), target;

	if (mine->width > 0)
		return;
	if (way_len > ALIAS_DEPTH_MAX) {
		*mine = (struct reach){.width = 1, .depth = way_len};
		return;
	}
	mine->open = true;
	way[way_len++] = r;
	while ((target = str_word(&targets)).len > 0)
		follow_target(r, &sum, target);
	way_len--;
	if (sum.width > ALIAS_WIDTH_MAX)
		mistake(place_of(r),
		    "expected an alias of at most %d addresses, with those it "
		    "names by other aliases",
		    ALIAS_WIDTH_MAX);
	if (sum.depth > ALIAS_DEPTH_MAX)
		mistake(place_of(r),
		    "expected at most %d aliases that name each other",
		    ALIAS_DEPTH_MAX);
	if (sum.depth > ALIAS_DEPTH_MAX || sum.width > ALIAS_WIDTH_MAX)
		sum = (struct reach){.depth = 1}; /* said once */
	*mine = sum;
	mine->width += mine->width == 0;
}

void
aliases_finish(void)
{
	const struct record *r;
	size_t n = 0;

	while (record_get(n))
		n++;
	reaches = mem_alloc((n + 1) * sizeof(*reaches));
	for (size_t i = 0; i < n; i++) {
		r = record_get(i);
		if (record_key(r).s[0] == 'A')
			follow(r);
	}
	free(reaches);
}
