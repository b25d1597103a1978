/* SPDX-License-Identifier: ISC */
#include "mail/pattern.h"

#include <stdio.h>
#include <string.h>

#define LOCAL_MAX 64

/* ---- keys ---- */

/* An address literal is kept as it is, in lower case. */
int
pattern_domain(struct str domain, char *key_r, size_t size)
{
	if (domain.len == 0 || domain.s[0] != '[')
		return domain_canonical(domain, key_r, size);
	if (str_copy(key_r, size, domain) == -1)
		return -1;
	str_lower(key_r, domain.len);
	return 0;
}

/* RFC 5321, 4.1.2: "joe"@a.example and joe@a.example are one mailbox. */
static size_t
unquote(struct str local, char out[ADDRESS_MAX + 1])
{
	size_t n = 0;

	if (local.len < 2 || local.s[0] != '"') {
		str_copy(out, ADDRESS_MAX + 1, local);
		return local.len;
	}
	for (size_t i = 1; i < local.len - 1; i++) {
		if (local.s[i] == '\\' && i < local.len - 2)
			i++;
		out[n++] = local.s[i];
	}
	return n;
}

int
pattern_address(const struct address *addr, char key_r[ADDRESS_MAX + 1])
{
	size_t n;

	if (addr->whole.len > ADDRESS_MAX)
		return -1;
	n = unquote(addr->local, key_r);
	str_lower(key_r, n);
	key_r[n++] = '@';
	return pattern_domain(addr->domain, key_r + n, ADDRESS_MAX + 1 - n);
}

/* ---- address patterns ---- */

/* In quotes a "*" is itself. */
bool
pattern_is_glob(struct str text)
{
	struct str local, domain = text;

	if (text.len == 0 || text.s[0] == '"' || text.s[0] == '/' ||
	    !memchr(text.s, '@', text.len))
		return false;
	local = str_cut(&domain, '@');
	return (local.len > 0 && memchr(local.s, '*', local.len)) ||
	       str_eq(domain, "*") || (domain.len > 0 && domain.s[0] == '.');
}

static const char *
glob_domain(struct str text, char domain_r[ADDRESS_MAX + 1])
{
	struct str domain = text;
	const char *expected;

	if (str_eq(text, "*")) {
		str_copy(domain_r, ADDRESS_MAX + 1, text);
		return NULL;
	}
	if (text.len > 0 && text.s[0] == '.') {
		*domain_r++ = '.';
		str_cut(&domain, '.');
	}
	expected = domain_check(domain, true);
	if (!expected && domain_canonical(domain, domain_r, DOMAIN_MAX) == -1)
		expected = "a domain of at most 254 characters";
	return expected;
}

/* A "*" is a character of local parts as well. */
static const char *
check_local(struct str local)
{
	char mailbox[LOCAL_MAX + 3];
	struct address addr;

	if (local.len > LOCAL_MAX)
		return "a local part of at most 64 characters";
	snprintf(mailbox, sizeof(mailbox), "%.*s@x", (int)local.len, local.s);
	return address_parse(str_of(mailbox), &addr);
}

const char *
pattern_glob(struct str text, char local_r[ADDRESS_MAX + 1],
    char domain_r[ADDRESS_MAX + 1])
{
	struct str local, domain = text;
	const char *expected;

	local = str_cut(&domain, '@');
	expected = check_local(local);
	if (expected)
		return expected;
	str_copy(local_r, ADDRESS_MAX + 1, local);
	str_lower(local_r, local.len);
	return glob_domain(domain, domain_r);
}

/* In time of at most the product of both lengths: on a mismatch only the last
 * "*" is tried anew, one character further on. */
bool
pattern_glob_match(struct str glob, struct str text)
{
	size_t g = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.len) {
		if (g < glob.len && glob.s[g] == '*') {
			star = g++;
			from = t;
		} else if (g < glob.len && glob.s[g] == text.s[t]) {
			g++;
			t++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (g < glob.len && glob.s[g] == '*')
		g++;
	return g == glob.len;
}

/* ---- regular expressions ---- */

bool
pattern_is_regex(struct str text)
{
	return text.len > 0 && text.s[0] == '/';
}

struct str
pattern_regex(struct str text)
{
	if (text.len < 3 || text.s[text.len - 1] != '/')
		return (struct str){text.s, 0};
	return (struct str){text.s + 1, text.len - 2};
}

/* ---- senders ---- */

const char *
pattern_sender(struct str text, char key_r[ADDRESS_MAX + 1])
{
	struct address addr;
	const char *expected;

	if (str_eq(text, "<>")) {
		str_copy(key_r, ADDRESS_MAX + 1, text);
		return NULL;
	}
	if (text.len == 0 || str_eq(text, "*"))
		return "a sender: an address, a domain, .domain or <>";
	if (!memchr(text.s, '@', text.len))
		return glob_domain(text, key_r);
	expected = address_parse(text, &addr);
	if (!expected && pattern_address(&addr, key_r) == -1)
		expected = "an address of at most 320 characters";
	return expected;
}

static bool
ends_with(struct str text, struct str end)
{
	return text.len >= end.len &&
	       memcmp(text.s + text.len - end.len, end.s, end.len) == 0;
}

bool
pattern_sender_match(struct str key, struct str sender)
{
	size_t before;

	if (str_eq(key, "<>") || sender.len == 0)
		return str_eq(key, "<>") && sender.len == 0;
	if (!ends_with(sender, key))
		return false;
	before = sender.len - key.len;
	return before == 0 || key.s[0] == '.' || sender.s[before - 1] == '@';
}
