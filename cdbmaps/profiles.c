/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "mail/profile.h"

#define CERTIFICATE     "cert:"
#define CERTIFICATE_MAX (1 << 20) /* bytes of a file */

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

/* ---- certificates, whose digests the map has ---- */

/* "cert:host.pem", beside the table: its digest as pin_format() writes it, or
 * NULL and the mistake is noted. */
static char *
digest_of(const struct row *row, size_t i)
{
	struct str name = row->words[i].text;
	struct buf pem = {0}, text = {0};
	uint8_t pin[PIN_SIZE];
	char *path;
	int fd;

	name.s += strlen(CERTIFICATE);
	name.len -= strlen(CERTIFICATE);
	path = name.len > 0 ? source_beside(row->source, name) : mem_dup("");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1 || fd_slurp(fd, &pem, CERTIFICATE_MAX) == -1)
		mistake(row_place(row, i),
		    "expected a file that can be read: %s: %s", path,
		    strerror(errno));
	else if (pin_of_certificate((struct str){pem.data, pem.len}, pin) == -1)
		row_mistake(
		    row, i, 0, "a file with a certificate in PEM", NULL);
	else
		pin_format(pin, &text);
	fd_close(&fd);
	buf_free(&pem);
	free(path);
	return text.data;
}

/* The row with digests in place of certificates; -1: a mistake is noted. */
static int
read_certificates(const struct row *row, struct row *copy_r)
{
	struct word *w;
	char *digest;

	*copy_r = *row;
	copy_r->words = mem_resize(NULL, row->nwords, sizeof(row->words[0]));
	memcpy(copy_r->words, row->words, row->nwords * sizeof(row->words[0]));
	for (size_t i = 1; i < row->nwords; i++) {
		w = &copy_r->words[i];
		if (!str_starts_nocase(w->text, CERTIFICATE))
			continue;
		digest = digest_of(row, i);
		if (digest == NULL)
			return -1;
		w->text = str_of(digest);
	}
	return 0;
}

/* The words that were put in are those that are not of the source. */
static void
free_copy(const struct row *row, struct row *copy)
{
	for (size_t i = 1; i < row->nwords; i++)
		if (copy->words[i].text.s != row->words[i].text.s)
			free((char *)copy->words[i].text.s);
	free(copy->words);
}

/* A mistake in a row with digests, told of the row as it was written. */
static void
tell_mistake(const struct row *row, const struct row *copy, size_t from,
    size_t at, const char *expected, const char *const known[])
{
	while (from + 1 < copy->nwords && at > copy->words[from].text.len)
		at -= copy->words[from++].text.len + 1;
	if (copy->words[from].text.s != row->words[from].text.s && at > 0)
		at = row->words[from].text.len;
	row_mistake(row, from, at, expected, known);
}

/* ---- keys ---- */

/*
 * Each key by itself, so that every mistake is found and not only the first.
 * What belongs to a key ends where the next one begins.
 */
static bool
check_keys(const struct row *row, const struct row *copy)
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
		    profile_parse(row_join(copy, i, end, &text), &scratch, &at);
		if (!expected)
			continue;
		tell_mistake(row, copy, i, at, expected, profile_keys);
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
parse_keys(const struct row *row, const struct row *copy, struct profile *p)
{
	struct buf text = {0};
	const char *expected;
	size_t at;

	expected = profile_parse(row_join(copy, 1, row->nwords, &text), p, &at);
	buf_free(&text);
	if (expected) {
		tell_mistake(row, copy, 1, at, expected, NULL);
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
	struct row copy;

	if (expected) {
		row_mistake(row, 0, 0, expected, NULL);
		return;
	}
	if (read_certificates(row, &copy) == 0 && check_keys(row, &copy) &&
	    check_auth(row))
		parse_keys(row, &copy, p);
	free_copy(row, &copy);
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
