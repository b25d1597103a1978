/* SPDX-License-Identifier: ISC */
#include "mail/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */

/*
 * A local part may be longer than the 64 octets that every host must take (RFC
 * 5321, 4.5.3.1.1): senders that carry the recipient's address in theirs are.
 */
#define TOO_LONG "an address of at most 320 bytes"

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(unsigned char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 5322, 3.2.3, and of UTF-8 anything (RFC 6531, 3.3). */
static bool
is_atext(unsigned char c)
{
	return is_alnum(c) || c >= 0x80 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static struct str
slice(struct str a, size_t from, size_t to)
{
	return (struct str){a.s + from, to - from};
}

/* Cut off the first byte if it is c. */
static bool
cut_char(struct str *rest, char c)
{
	if (rest->len == 0 || rest->s[0] != c)
		return false;
	*rest = slice(*rest, 1, rest->len);
	return true;
}

/* ---- domains ---- */

/* Letters, digits, "_" and within it "-"; UTF-8 when allowed. */
static const char *
label_check(struct str label, bool utf8)
{
	unsigned char c;

	if (label.len == 0)
		return "a domain name without empty labels";
	if (label.len > LABEL_MAX)
		return "a domain name with labels of at most 63 bytes";
	if (label.s[0] == '-' || label.s[label.len - 1] == '-')
		return "labels that neither begin nor end with a hyphen";
	for (size_t i = 0; i < label.len; i++) {
		c = label.s[i];
		if (!is_alnum(c) && c != '-' && c != '_' &&
		    !(c >= 0x80 && utf8))
			return "a domain name of letters, digits and hyphens";
	}
	return NULL;
}

/* 192.0.2.1 is no domain, and nobody shall look it up as one. */
static bool
is_number(struct str label)
{
	for (size_t i = 0; i < label.len; i++)
		if (!is_digit(label.s[i]))
			return false;
	return true;
}

const char *
domain_check(struct str text, bool utf8)
{
	struct str rest = text, label = {0};
	const char *expected;

	if (text.len == 0)
		return "a domain name";
	if (text.len > DOMAIN_MAX)
		return "a domain name of at most 255 bytes";
	if (text.s[text.len - 1] == '.')
		return "a domain name without a dot at its end";
	while (rest.len > 0) {
		label = str_cut(&rest, '.');
		if ((expected = label_check(label, utf8)))
			return expected;
	}
	if (is_number(label))
		return "a domain name; an address is written in brackets";
	if (!str_is_utf8(text, NULL))
		return "a domain name in UTF-8";
	return NULL;
}

int
domain_canonical(struct str domain, char *out, size_t size)
{
	if (domain.len > 0 && domain.s[domain.len - 1] == '.')
		domain.len--;
	if (str_copy(out, size, domain) == -1)
		return -1;
	str_lower(out, domain.len);
	return 0;
}

static const char *
domain_cut(struct str *rest, struct str *domain_r)
{
	size_t len = 0;
	unsigned char c;

	for (; len < rest->len; len++) {
		c = rest->s[len];
		if (!is_alnum(c) && c != '-' && c != '_' && c != '.' &&
		    c < 0x80)
			break;
	}
	*domain_r = slice(*rest, 0, len);
	*rest = slice(*rest, len, rest->len);
	return domain_check(*domain_r, true);
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]". */
static const char *
literal_cut(struct str *rest, struct str *domain_r)
{
	static const char ipv6[] = "IPv6:";
	char text[INET6_ADDRSTRLEN];
	unsigned char binary[16];
	struct str inner;
	int family = AF_INET;
	size_t len;

	for (len = 1; len < rest->len && rest->s[len] != ']';)
		len++;
	if (len == rest->len)
		return "\"]\" after the address in brackets";
	inner = slice(*rest, 1, len);
	*domain_r = slice(*rest, 0, len + 1);
	*rest = slice(*rest, len + 1, rest->len);
	if (str_starts_nocase(inner, ipv6)) {
		family = AF_INET6;
		inner = slice(inner, strlen(ipv6), inner.len);
	}
	if (memchr(inner.s, '\0', inner.len) ||
	    str_copy(text, sizeof(text), inner) == -1 ||
	    inet_pton(family, text, binary) != 1)
		return "an IPv4 address or IPv6: and an address in brackets";
	return NULL;
}

/* ---- local parts ---- */

static const char *
dot_string_cut(struct str *rest, struct str *local_r)
{
	struct str in = *rest;
	size_t at, start;

	for (at = 0;; at++) {
		for (start = at; at < in.len && is_atext(in.s[at]);)
			at++;
		if (at == start)
			return "a local part of words with single dots between";
		if (at == in.len || in.s[at] != '.')
			break;
	}
	*local_r = slice(in, 0, at);
	*rest = slice(in, at, in.len);
	return NULL;
}

static const char *
quoted_string_cut(struct str *rest, struct str *local_r)
{
	struct str in = *rest;
	unsigned char c;

	for (size_t at = 1; at < in.len; at++) {
		c = in.s[at];
		if (c == '"') {
			*local_r = slice(in, 0, at + 1);
			*rest = slice(in, at + 1, in.len);
			return NULL;
		}
		if (c == '\\' && ++at < in.len) {
			c = in.s[at];
			if (c >= 0x80)
				return "ASCII behind a backslash";
		}
		if (c < ' ' || c == 0x7f)
			return "printable characters between the quotes";
	}
	return "a quote at the end of the local part";
}

/* ---- addresses ---- */

static const char *
mailbox_cut(struct str *rest, struct address *a)
{
	const char *start = rest->s, *expected;

	if (rest->len > 0 && rest->s[0] == '"')
		expected = quoted_string_cut(rest, &a->local);
	else
		expected = dot_string_cut(rest, &a->local);
	if (expected)
		return expected;
	if (cut_char(rest, '@')) {
		a->literal = rest->len > 0 && rest->s[0] == '[';
		expected = a->literal ? literal_cut(rest, &a->domain)
		                      : domain_cut(rest, &a->domain);
	} else if (!str_eq_nocase(a->local, "postmaster")) {
		expected = "\"@\" and a domain after the local part";
	}
	if (expected)
		return expected;
	a->whole = (struct str){start, rest->s - start};
	a->utf8 = !str_is_ascii(a->whole);
	if (a->whole.len > ADDRESS_MAX)
		return TOO_LONG;
	if (!str_is_utf8(a->whole, NULL))
		return "an address in UTF-8";
	return NULL;
}

/* "@a.example,@b.example:", if there is one. */
static const char *
source_route_cut(struct str *rest)
{
	struct str domain;
	const char *expected;

	if (rest->len == 0 || rest->s[0] != '@')
		return NULL;
	do {
		if (!cut_char(rest, '@'))
			return "\"@\" and a domain in the source route";
		if ((expected = domain_cut(rest, &domain)))
			return expected;
	} while (cut_char(rest, ','));
	if (!cut_char(rest, ':'))
		return "\":\" after the source route";
	return NULL;
}

const char *
address_cut_path(struct str *rest, struct address *addr_r)
{
	struct str in = *rest;
	const char *expected;

	*addr_r = (struct address){0};
	if (!cut_char(&in, '<'))
		return "an address in angle brackets";
	addr_r->whole = slice(in, 0, 0);
	addr_r->local = addr_r->domain = addr_r->whole;
	if (!cut_char(&in, '>')) {
		if ((expected = source_route_cut(&in)) ||
		    (expected = mailbox_cut(&in, addr_r)))
			return expected;
		if (!cut_char(&in, '>'))
			return "\">\" after the address";
	}
	*rest = in;
	return NULL;
}

const char *
address_parse(struct str text, struct address *addr_r)
{
	const char *expected;

	*addr_r = (struct address){0};
	if (text.len == 0)
		return "an address";
	addr_r->local = addr_r->domain = slice(text, 0, 0);
	if ((expected = mailbox_cut(&text, addr_r)))
		return expected;
	return text.len == 0 ? NULL : "nothing after the address";
}
