/* SPDX-License-Identifier: ISC */
/*
 * Who exists in the local domains that list their recipients.
 */
#include "cdbmaps.h"

#include <stdio.h>
#include <string.h>

#include "mail/pattern.h"
#include "mail/route.h"

/* "user@domain", or "@domain" for everybody else in it; its key. */
const char *
recipient_key(struct str text, char key_r[ADDRESS_MAX + 2])
{
	struct str domain = text;
	char key[ADDRESS_MAX + 1] = "";
	const char *expected;

	if (text.len == 0 || !memchr(text.s, '@', text.len))
		return "an address, or @ and a domain for all others in it";
	if (text.s[0] == '@')
		str_cut(&domain, '@');
	if (text.s[0] == '@' && domain.len > 0 && strchr(".*", domain.s[0]))
		return "a domain after \"@\": it holds for no other one";
	expected = route_pattern(domain, key);
	snprintf(
	    key_r, ADDRESS_MAX + 2, "%s%s", text.s[0] == '@' ? "@" : "", key);
	return expected;
}

static void
add_recipient(const struct row *row, size_t i)
{
	char key[ADDRESS_MAX + 2];
	const char *expected = recipient_key(row->words[i].text, key);
	const char *domain;

	if (expected) {
		row_mistake(row, i, 0, expected, NULL);
		return;
	}
	domain = strrchr(key, '@') + 1;
	if (!record_find('C', str_of(domain)))
		mistake(row_place(row, i),
		    "expected a recipient of a local domain with "
		    "recipients=listed, which %s is not",
		    domain);
	else if (!record_add('L', str_of(key), str_of(""), row))
		mistake(row_place(row, i),
		    "expected each recipient once; %s is already at %s", key,
		    record_place(record_find('L', str_of(key))));
}

void
on_recipients(void *arg, const struct row *row)
{
	(void)arg;
	for (size_t i = 0; i < row->nwords; i++)
		add_recipient(row, i);
}
