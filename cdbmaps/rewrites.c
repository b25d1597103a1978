/* SPDX-License-Identifier: ISC */
/*
 * One address in the place of another: "sender" or "recipient", what is
 * replaced, what replaces it.
 */
#include "cdbmaps.h"

#include <stdio.h>
#include <string.h>

#include "mail/rewrite.h"

static const char *
parse_kind(struct str word, enum rewrite *what_r)
{
	*what_r = str_eq(word, "sender") ? REWRITE_SENDER : REWRITE_RECIPIENT;
	return str_eq(word, "sender") || str_eq(word, "recipient")
	           ? NULL
	           : "sender or recipient";
}

/* A domain can only become a domain, or all of it one address. */
static const char *
check_target(struct str target, bool of_domain)
{
	struct str domain = target;
	struct address addr;
	const char *expected;

	if (target.s[0] == '@' && !of_domain)
		return "an address: only a whole domain becomes another one";
	if (target.s[0] == '@') {
		str_cut(&domain, '@');
		return domain_check(domain, false);
	}
	expected = address_parse(target, &addr);
	if (!expected && addr.domain.len == 0)
		expected = "an address with its domain";
	if (!expected && addr.utf8)
		expected = "an address in ASCII";
	return expected;
}

/* NULL, or what was expected in the word of that number. */
static const char *
parse_rewrite(
    const struct row *row, char key_r[ADDRESS_MAX + 3], size_t *word_r)
{
	static const char *const names[] = {
	    "what is replaced: an address, or @ and a domain",
	    "what replaces it: an address, or @ and a domain"};
	enum rewrite what;
	const char *expected = parse_kind(row->words[0].text, &what);

	for (*word_r = 0; !expected && ++*word_r < 3;) {
		if (*word_r >= row->nwords)
			expected = names[*word_r - 1];
		else if (*word_r == 1)
			expected = recipient_key(row->words[1].text, key_r + 1);
		else
			expected =
			    check_target(row->words[2].text, key_r[1] == '@');
		if (expected)
			return expected;
	}
	key_r[0] = (char)what;
	return !expected && row->nwords > 3 ? "nothing more" : expected;
}

void
on_rewrite(void *arg, const struct row *row)
{
	char key[ADDRESS_MAX + 3];
	const char *expected;
	size_t word;

	(void)arg;
	expected = parse_rewrite(row, key, &word);
	if (expected)
		row_mistake(row, word, 0, expected,
		    word > 0
			? NULL
			: (const char *const[]){"sender", "recipient", NULL});
	else if (!record_add('U', str_of(key), row->words[2].text, row))
		mistake(row_place(row, 1),
		    "expected each address once; %s is already at %s", key + 1,
		    record_place(record_find('U', str_of(key))));
}
