/* SPDX-License-Identifier: ISC */
#include "names_packet.h"

#include <arpa/nameser.h>
#include <limits.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "mail/address.h"

static const ns_type rr_types[] = {
    [NAMES_MX] = ns_t_mx,
    [NAMES_A] = ns_t_a,
    [NAMES_AAAA] = ns_t_aaaa,
};

static void
tempfail(struct names_answer *a, const char *text)
{
	a->status = NAMES_TEMPFAIL;
	a->nrecords = 0;
	snprintf(a->text, sizeof(a->text), "%s", text);
}

/* A compressed name inside the packet, as text in lower case. */
static int
expand(const ns_msg *msg, const u_char *at, char out[NAMES_HOST_SIZE])
{
	char text[NS_MAXDNAME];
	struct str s;

	if (ns_name_uncompress(ns_msg_base(*msg), ns_msg_end(*msg), at, text,
		sizeof(text)) == -1)
		return -1;
	s = str_of(text);
	if (s.len > 0 && s.s[s.len - 1] == '.')
		s.len--;
	if (str_copy(out, NAMES_HOST_SIZE, s) == -1)
		return -1;
	str_lower(out, s.len);
	return 0;
}

/* Names are shown in logs and looked up as text: only plain ones. */
static bool
is_plain(const char *host)
{
	return domain_check(str_of(host), false) == NULL;
}

static void
add_mx(struct names_answer *a, const ns_msg *msg, const ns_rr *rr)
{
	struct names_record *r = &a->records[a->nrecords];

	if (ns_rr_rdlen(*rr) < NS_INT16SZ + 1 ||
	    expand(msg, ns_rr_rdata(*rr) + NS_INT16SZ, r->host) == -1)
		return;
	if (r->host[0] != '\0' && !is_plain(r->host))
		return;
	r->preference = (uint16_t)ns_get16(ns_rr_rdata(*rr));
	a->nrecords++;
}

static void
add_record(struct names_answer *a, const ns_msg *msg, const ns_rr *rr)
{
	size_t len = a->type == NAMES_A ? 4 : 16;

	if (a->nrecords == NAMES_RECORDS_MAX)
		return;
	if (a->type == NAMES_MX) {
		add_mx(a, msg, rr);
		return;
	}
	if (ns_rr_rdlen(*rr) != len)
		return;
	memcpy(a->records[a->nrecords++].address, ns_rr_rdata(*rr), len);
}

static bool
same_name(const char *a, const char *b)
{
	return str_eq_nocase(str_of(a), b);
}

/*
 * Walk the answer section along the chain of aliases: libunbound gives them in
 * order, each before what it points to.  Signatures and other owners are
 * passed over.  Returns how many records of the type there were, or -1.
 */
static int
read_section(ns_msg *msg, const char *name, struct names_answer *a)
{
	char owner[NAMES_HOST_SIZE];
	ns_rr rr;
	int i, found = 0;

	snprintf(owner, sizeof(owner), "%s", name);
	for (i = 0; i < ns_msg_count(*msg, ns_s_an); i++) {
		if (ns_parserr(msg, ns_s_an, i, &rr) == -1)
			return -1;
		if (ns_rr_class(rr) != ns_c_in ||
		    !same_name(ns_rr_name(rr), owner))
			continue;
		if (ns_rr_type(rr) == ns_t_cname) {
			if (expand(msg, ns_rr_rdata(rr), owner) == -1 ||
			    !is_plain(owner))
				return -1;
			memcpy(a->alias_of, owner, sizeof(owner));
		} else if (ns_rr_type(rr) == rr_types[a->type]) {
			found++;
			add_record(a, msg, &rr);
		}
	}
	return found;
}

void
names_packet_read(const void *packet, size_t len, enum names_type type,
    const char *name, struct names_answer *a)
{
	ns_msg msg;
	int found;

	memset(a, 0, offsetof(struct names_answer, records));
	a->type = type;
	a->nrecords = 0;
	a->text[0] = '\0';
	if (len > INT_MAX || ns_initparse(packet, (int)len, &msg) == -1) {
		tempfail(a, "malformed answer");
		return;
	}
	found = read_section(&msg, name, a);
	if (found == -1)
		tempfail(a, "malformed answer");
	else if (ns_msg_getflag(msg, ns_f_rcode) == ns_r_nxdomain)
		a->status = NAMES_NXDOMAIN;
	else if (ns_msg_getflag(msg, ns_f_rcode) != ns_r_noerror)
		tempfail(a, "servers failed (SERVFAIL or refused)");
	else
		a->status = found > 0 ? NAMES_FOUND : NAMES_NODATA;
	if (a->status != NAMES_FOUND)
		a->nrecords = 0;
}
