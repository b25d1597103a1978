/* SPDX-License-Identifier: ISC */
#include "mail/hop.h"

#include <string.h>
#include <sys/un.h>

#include "mail/address.h"
#include "mail/endpoint.h"

#define SMTP_PORT  25
#define LMTP_PORT  24
#define WEIGHT_MAX 65535

static uint16_t
default_port(bool lmtp)
{
	return lmtp ? LMTP_PORT : SMTP_PORT;
}

/* ---- reading ---- */

/* "[192.0.2.9]:2525": the host is the slice between the brackets. */
static const char *
parse_literal(struct str text, struct hop *h)
{
	struct endpoint e;
	const char *expected;

	expected = endpoint_parse(text, h->port, &e);
	if (expected)
		return expected;
	if (text.s[0] == '[') {
		str_cut(&text, '[');
		text = str_cut(&text, ']');
		if (str_starts_nocase(text, "IPv6:"))
			str_cut(&text, ':');
	} else if (e.addr.ss_family == AF_INET) {
		text = str_cut(&text, ':');
	}
	h->host = text;
	h->literal = true;
	h->port = endpoint_port(&e);
	return NULL;
}

static const char *
parse_unix(struct str text, bool lmtp, struct hop *h)
{
	if (!lmtp)
		return "a host: unix sockets are for lmtp";
	str_cut(&text, ':');
	if (text.len < 2 || text.s[0] != '/')
		return "the whole path of a socket, as in unix:/run/lmtp";
	if (text.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "a path of at most 107 characters";
	h->host = text;
	h->is_unix = true;
	return NULL;
}

static const char *
parse_name(struct str text, struct hop *h)
{
	struct str host = str_cut(&text, ':');
	uint64_t port = h->port;
	const char *expected = domain_check(host, false);

	if (expected)
		return expected;
	if (text.s != host.s + host.len &&
	    (str_number(text, UINT16_MAX, &port) == -1 || port == 0))
		return "a port from 1 to 65535";
	h->host = host;
	h->port = port;
	return NULL;
}

static bool
is_literal(struct str text)
{
	uint8_t bytes[16];
	struct str host = text;

	return (text.len > 0 && text.s[0] == '[') ||
	       endpoint_address(text, bytes) != -1 ||
	       endpoint_address(str_cut(&host, ':'), bytes) != -1;
}

const char *
hop_parse(struct str text, bool lmtp, struct hop *h_r, const char **at_r)
{
	struct str weight;
	uint64_t n = 0;

	memset(h_r, 0, sizeof(*h_r));
	*at_r = text.s;
	if (text.len > 0 && memchr(text.s, '=', text.len)) {
		weight = str_cut(&text, '=');
		if (str_number(weight, WEIGHT_MAX, &n) == -1)
			return "a weight from 0 to 65535";
		*at_r = text.s;
	}
	h_r->weight = n;
	h_r->port = default_port(lmtp);
	if (str_starts_nocase(text, "unix:"))
		return parse_unix(text, lmtp, h_r);
	if (is_literal(text))
		return parse_literal(text, h_r);
	return parse_name(text, h_r);
}

/* ---- writing ---- */

/* Address or name, in the form that is compared. */
static void
add_host(struct buf *out, const struct hop *h)
{
	bool v4 = h->literal && !memchr(h->host.s, ':', h->host.len);
	char name[DOMAIN_MAX + 1];
	struct endpoint e;

	if (h->is_unix) {
		buf_add_str(out, "unix:");
		buf_add(out, h->host.s, h->host.len);
	} else if (h->literal) {
		if (endpoint_parse(h->host, 1, &e) == NULL)
			buf_addf(out, v4 ? "[%.*s]" : "%.*s",
			    (int)(strlen(e.name) - strlen(":1")), e.name);
	} else if (domain_canonical(h->host, name, sizeof(name)) == 0) {
		buf_add_str(out, name);
	}
}

void
hop_format(const struct hop *h, bool lmtp, bool weighted, struct buf *out)
{
	if (weighted)
		buf_addf(out, "%u=", h->weight);
	add_host(out, h);
	if (!h->is_unix && h->port != default_port(lmtp))
		buf_addf(out, ":%u", h->port);
}

/* ---- comparing ---- */

static int
compare_hosts(struct str a, struct str b)
{
	int order = memcmp(a.s, b.s, a.len < b.len ? a.len : b.len);

	if (order != 0 || a.len == b.len)
		return order;
	return a.len < b.len ? -1 : 1;
}

bool
hop_same(const struct hop *a, const struct hop *b)
{
	return compare_hosts(a->host, b->host) == 0 && a->port == b->port;
}

int
hop_compare(const void *one, const void *other)
{
	const struct hop *a = one, *b = other;
	int order;

	if (a->weight != b->weight)
		return a->weight < b->weight ? -1 : 1;
	order = compare_hosts(a->host, b->host);
	return order != 0 ? order : (int)a->port - (int)b->port;
}
