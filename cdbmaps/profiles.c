/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include "mail/profile.h"

static struct profile base; /* "default", as written */
static uint32_t longest_s;  /* retry delay of all */
static bool base_known;
static const char **names; /* ended by NULL */
static size_t nnames;

static void
add_name(const char *name)
{
	names = mem_resize(names, nnames + 2, sizeof(names[0]));
	names[nnames++] = name;
	names[nnames] = NULL;
}

const char *const *
profiles_known(void)
{
	return names;
}

static void
know_base(void)
{
	if (base_known)
		return;
	profile_default(&base);
	base_known = true;
}

static bool
is_key(struct str word)
{
	for (const char *const *key = profile_keys; *key; key++)
		if (str_eq(word, *key))
			return true;
	return false;
}

/*
 * Each key by itself, so that every mistake is found and not only the first.
 * What belongs to a key ends where the next one begins.
 */
static bool
check_keys(const struct row *row)
{
	struct profile scratch = base;
	struct buf text = {0};
	const char *expected;
	bool good = true;
	size_t at, end;

	for (size_t i = 1; i < row->nwords; i = end) {
		end = i + 1;
		while (end < row->nwords && !is_key(row->words[end].text))
			end++;
		expected =
		    profile_parse(row_join(row, i, end, &text), &scratch, &at);
		if (!expected)
			continue;
		row_mistake(row, i, at, expected, profile_keys);
		good = false;
	}
	buf_free(&text);
	return good;
}

static bool
check_auth(const struct row *row)
{
	for (size_t i = 1; i + 1 < row->nwords; i++) {
		struct str name = row->words[i + 1].text;

		if (!str_eq(row->words[i].text, "auth") ||
		    str_eq(name, "none") || credential_known(name))
			continue;
		row_mistake(row, i + 1, 0, "a name in credentials", NULL);
		return false;
	}
	return true;
}

/* All keys together: none twice, and an end to it. */
static int
parse_keys(const struct row *row, struct profile *p)
{
	struct buf text = {0};
	const char *expected;
	size_t at;

	expected = profile_parse(row_join(row, 1, row->nwords, &text), p, &at);
	buf_free(&text);
	if (expected) {
		row_mistake(row, 1, at, expected, NULL);
		return -1;
	}
	expected = profile_check(p);
	if (expected) {
		mistake(row_place(row, 0), "expected %s", expected);
		return -1;
	}
	return 0;
}

static void
note_delays(const struct profile *p)
{
	for (size_t i = 0; i < p->nretry; i++)
		if (p->retry_s[i] > longest_s)
			longest_s = p->retry_s[i];
}

/* A profile with mistakes is added too, so that routes may name it. */
static void
add_profile(const struct row *row, struct profile *p)
{
	struct str name = row->words[0].text;
	const char *expected = profile_name_check(name);
	struct buf text = {0};
	const struct record *r;

	if (expected) {
		row_mistake(row, 0, 0, expected, NULL);
		return;
	}
	if (check_keys(row) && check_auth(row))
		parse_keys(row, p);
	note_delays(p);
	profile_format(p, &text);
	if (record_add('P', name, str_of(text.data), row)) {
		add_name(mem_ndup(name.s, name.len));
	} else {
		r = record_find('P', name);
		mistake(row_place(row, 0),
		    "expected each profile once; %.*s is already at %s",
		    (int)name.len, name.s, record_place(r));
	}
	buf_free(&text);
}

void
on_profile_default(void *arg, const struct row *row)
{
	(void)arg;
	know_base();
	if (str_eq(row->words[0].text, base.name))
		add_profile(row, &base);
}

void
on_profile(void *arg, const struct row *row)
{
	struct profile p;

	(void)arg;
	know_base();
	p = base;
	if (!str_eq(row->words[0].text, base.name))
		add_profile(row, &p);
}

void
profiles_finish(void)
{
	struct buf text = {0};

	know_base();
	profile_format(&base, &text);
	if (record_add('P', str_of(base.name), str_of(text.data), NULL))
		add_name(base.name);
	note_delays(&base);
	buf_clear(&text);
	buf_addf(&text, "%u", longest_s);
	record_add('P', str_of(""), str_of(buf_text(&text)), NULL);
	buf_free(&text);
}
