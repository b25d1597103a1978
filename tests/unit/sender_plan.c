/* SPDX-License-Identifier: ISC */
#include "sender/plan.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/buf.h"
#include "mail/endpoint.h"
#include "tap.h"

/*
 * A zone in text, one record a line: "NAME TYPE VALUE..."; types are MX, A,
 * AAAA, CNAME (followed), FAIL (any look-up of the name) and EMPTY (the name
 * exists).
 */
static const char *zone;

static struct endpoint listeners[2];
static struct self self = {
    .hostname = "mail.our.example",
    .listeners = listeners,
    .ipv6_first = false,
};

static void
answer_mx(struct names_answer *a, struct str line)
{
	struct names_record *r = &a->records[a->nrecords++];
	uint64_t preference;

	if (str_number(str_word(&line), 65535, &preference) == -1)
		bail_out("MX without a preference");
	r->preference = (uint16_t)preference;
	str_copy(r->host, sizeof(r->host), str_word(&line));
}

static void
answer_record(struct names_answer *a, struct str type, struct str line)
{
	if (str_eq(type, "FAIL")) {
		a->status = NAMES_TEMPFAIL;
		snprintf(a->text, sizeof(a->text), "SERVFAIL");
	} else if (str_eq(type, names_type_text(a->type))) {
		a->status = NAMES_FOUND;
		if (a->type == NAMES_MX)
			answer_mx(a, line);
		else if (endpoint_address(str_word(&line),
			     a->records[a->nrecords++].address) == -1)
			bail_out("bad address in a zone");
	}
}

/* What the zone says about a name, through its alias. */
static void
look_up(const char *name, enum names_type type, struct names_answer *a)
{
	struct str rest = str_of(zone), line, owner, kind;

	for (;;) {
		line = str_cut(&rest, '\n');
		owner = str_word(&line);
		if (owner.len == 0)
			return;
		if (!str_eq(owner, name))
			continue;
		if (a->status == NAMES_NXDOMAIN)
			a->status = NAMES_NODATA;
		kind = str_word(&line);
		if (str_eq(kind, "CNAME")) {
			a->status = NAMES_NXDOMAIN;
			str_copy(
			    a->alias_of, sizeof(a->alias_of), str_word(&line));
			look_up(a->alias_of, type, a);
			return;
		}
		answer_record(a, kind, line);
	}
}

/* ---- asking ---- */

static struct buf got; /* status and targets, or status and text */
static struct buf asked;

static void
describe(const struct resolve_answer *answer)
{
	static const char *const status[] = {"ok", "temporary", "permanent"};
	struct buf text = {0};
	size_t i;

	buf_clear(&got);
	buf_add_str(&got, status[answer->status]);
	if (answer->status != RESOLVE_OK)
		buf_addf(&got, " %s", answer->text);
	for (i = 0; i < answer->ntargets; i++) {
		const struct target *t = &answer->targets[i];
		char addr[INET6_ADDRSTRLEN];
		const struct sockaddr_in *v4 = (const void *)&t->addr;
		const struct sockaddr_in6 *v6 = (const void *)&t->addr;
		const struct sockaddr_un *un = (const void *)&t->addr;

		buf_addf(&got, " %s=", t->host);
		if (t->addr.ss_family == AF_UNIX)
			buf_add_str(&got, un->sun_path);
		else if (t->addr.ss_family == AF_INET)
			buf_addf(&got, "%s:%u",
			    inet_ntop(
				AF_INET, &v4->sin_addr, addr, sizeof(addr)),
			    ntohs(v4->sin_port));
		else
			buf_addf(&got, "%s:%u",
			    inet_ntop(
				AF_INET6, &v6->sin6_addr, addr, sizeof(addr)),
			    ntohs(v6->sin6_port));
	}
	buf_free(&text);
}

/* Ask and answer until there is nothing more to ask, and describe. */
static void
run(struct plan *p)
{
	static struct names_answer a;
	struct plan_question q;
	struct resolve_answer answer;

	buf_clear(&asked);
	while (!plan_done(p) && plan_ask(p, &q)) {
		buf_addf(&asked, "%s/%s ", q.name, names_type_text(q.type));
		a = (struct names_answer){
		    .type = q.type, .status = NAMES_NXDOMAIN};
		look_up(q.name, q.type, &a);
		plan_answer(p, q.tag, &a);
	}
	plan_conclude(p, &answer);
	describe(&answer);
}

static bool follow_alias;

static const char *
resolve(const char *route_text, const char *domain)
{
	struct route route;
	struct plan *p;
	const char *expected;
	size_t at;

	expected = route_parse(str_of(route_text), &route, &at);
	if (expected != NULL)
		bail_out("%s: %s", route_text, expected);
	p = plan_new(&route, domain, follow_alias, &self);
	memset(&route, 0x5a, sizeof(route)); /* not needed any more */
	run(p);
	ok(plan_done(p), "%s, %s: comes to a conclusion", route_text, domain);
	plan_free(&p);
	plan_free(&p);
	return buf_text(&got);
}

/* ---- the rules ---- */

static void
test_mx(void)
{
	zone = "a.example MX 20 mx2.example\n"
	       "a.example MX 10 mx1.example\n"
	       "a.example A 192.0.2.99\n"
	       "mx1.example A 192.0.2.1\n"
	       "mx1.example A 192.0.2.2\n"
	       "mx1.example AAAA 2001:db8::1\n"
	       "mx2.example AAAA 2001:db8::2\n"
	       "alias.example CNAME a.example\n";
	is_str(resolve("mx", "A.example."),
	    "ok mx1.example=192.0.2.1:25 mx1.example=2001:db8::1:25 "
	    "mx1.example=192.0.2.2:25 mx2.example=2001:db8::2:25",
	    "MX hosts by preference, every address of each, families in turn");
	is_str(buf_text(&asked),
	    "a.example/MX mx1.example/A mx1.example/AAAA mx2.example/A "
	    "mx2.example/AAAA ",
	    "the domain's own address is not asked for");
	self.ipv6_first = true;
	is_str(resolve("mx port=2525", "a.example"),
	    "ok mx1.example=2001:db8::1:2525 mx1.example=192.0.2.1:2525 "
	    "mx1.example=192.0.2.2:2525 mx2.example=2001:db8::2:2525",
	    "IPv6 first where it leads somewhere; the route's port");
	self.ipv6_first = false;
	is_str(resolve("mx", "alias.example"),
	    "ok mx1.example=192.0.2.1:25 mx1.example=2001:db8::1:25 "
	    "mx1.example=192.0.2.2:25 mx2.example=2001:db8::2:25",
	    "an alias whose target has MX is delivered by it");
}

static void
test_no_mx(void)
{
	zone = "host.example A 192.0.2.7\n"
	       "six.example AAAA 2001:db8::7\n"
	       "alias.example CNAME host.example\n"
	       "dangling.example CNAME gone.example\n"
	       "empty.example EMPTY\n"
	       "null.example MX 0 \n"
	       "null.example A 192.0.2.8\n"
	       "both.example MX 0 \n"
	       "both.example MX 10 host.example\n"
	       "broken.example FAIL\n"
	       "label.example MX 10 no..name\n";
	is_str(resolve("mx", "host.example"), "ok host.example=192.0.2.7:25",
	    "no MX: the address of the domain");
	is_str(resolve("mx", "six.example"), "ok six.example=2001:db8::7:25",
	    "IPv6 alone");
	follow_alias = true;
	is_str(resolve("mx", "alias.example"), "ok alias.example=192.0.2.7:25",
	    "the same, when it is to be followed");
	follow_alias = false;
	is_str(resolve("mx", "alias.example"),
	    "permanent 5.1.2 domain alias.example has no MX and is an alias",
	    "no MX, and the address look-up gives a CNAME");
	is_str(resolve("mx", "dangling.example"),
	    "permanent 5.1.2 domain dangling.example does not exist",
	    "an alias of nothing");
	is_str(resolve("mx", "empty.example"),
	    "permanent 5.4.4 domain empty.example has neither MX nor address",
	    "no records that could help");
	is_str(resolve("mx", "none.example"),
	    "permanent 5.1.2 domain none.example does not exist", "NXDOMAIN");
	is_str(resolve("mx", "null.example"),
	    "permanent 5.1.10 domain null.example takes no mail (null MX)",
	    "null MX");
	is_str(resolve("mx", "both.example"), "ok host.example=192.0.2.7:25",
	    "a null MX beside others means nothing");
	is_str(resolve("mx", "broken.example"),
	    "temporary 4.4.3 DNS look-up of MX of broken.example: SERVFAIL",
	    "SERVFAIL");
	is_str(resolve("mx", "label.example"),
	    "permanent 5.4.4 no MX record of label.example names a host",
	    "an MX host that is no name");
}

static void
test_hosts_without_address(void)
{
	zone = "a.example MX 10 gone.example\n"
	       "a.example MX 20 cname.example\n"
	       "b.example MX 10 gone.example\n"
	       "b.example MX 20 empty.example\n"
	       "c.example MX 10 fail.example\n"
	       "c.example MX 20 host.example\n"
	       "d.example MX 10 fail.example\n"
	       "d.example MX 20 gone.example\n"
	       "cname.example CNAME host.example\n"
	       "host.example A 192.0.2.7\n"
	       "fail.example FAIL\n"
	       "empty.example EMPTY\n";
	is_str(resolve("mx", "a.example"), "ok cname.example=192.0.2.7:25",
	    "an MX host's CNAME is followed, one without address passed over");
	is_str(resolve("mx", "b.example"),
	    "permanent 5.4.4 no MX host of b.example has an address",
	    "no MX host exists");
	is_str(resolve("mx", "c.example"), "ok host.example=192.0.2.7:25",
	    "a host that cannot be looked up now is passed over");
	is_str(resolve("mx", "d.example"),
	    "temporary 4.4.3 DNS look-up of A of fail.example: SERVFAIL",
	    "unless nothing else is left");
}

static void
listen_on(const char *endpoint)
{
	if (endpoint_parse(str_of(endpoint), 25, &listeners[0]) != NULL)
		bail_out("%s", endpoint);
	self.nlisteners = 1;
}

static void
test_ourselves(void)
{
	zone = "a.example MX 10 better.example\n"
	       "a.example MX 20 Mail.Our.example\n"
	       "a.example MX 20 equal.example\n"
	       "a.example MX 30 worse.example\n"
	       "b.example MX 10 mail.our.example\n"
	       "b.example MX 20 worse.example\n"
	       "c.example MX 10 hidden.example\n"
	       "c.example MX 20 worse.example\n"
	       "d.example MX 10 fail.example\n"
	       "d.example MX 20 mail.our.example\n"
	       "mail.our.example A 192.0.2.50\n"
	       "better.example A 192.0.2.1\n"
	       "equal.example A 192.0.2.2\n"
	       "worse.example A 192.0.2.3\n"
	       "hidden.example A 192.0.2.50\n"
	       "fail.example FAIL\n";
	for (int i = 0; i < 8; i++)
		is_str(resolve("mx", "a.example"),
		    "ok better.example=192.0.2.1:25",
		    "we are an MX host: only better ones are tried");
	is_str(resolve("mx", "b.example"),
	    "permanent 5.4.6 the best mail host of b.example is ourselves",
	    "we are the best: a loop");
	is_str(resolve("mx", "d.example"),
	    "temporary 4.4.3 DNS look-up of A of fail.example: SERVFAIL",
	    "the better one cannot be looked up now: later");
	is_str(resolve("mx", "mail.our.example"),
	    "permanent 5.4.6 the best mail host of mail.our.example is "
	    "ourselves",
	    "our own name without MX");
	listen_on("192.0.2.50:25");
	is_str(resolve("mx", "c.example"),
	    "permanent 5.4.6 the best mail host of c.example is ourselves",
	    "an MX host of another name at our address");
	is_str(resolve("mx port=2525", "c.example"),
	    "ok hidden.example=192.0.2.50:2525 worse.example=192.0.2.3:2525",
	    "at our address but another port it is somebody else");
	is_str(resolve("mx", "[192.0.2.50]"),
	    "permanent 5.4.6 the best mail host of [192.0.2.50] is ourselves",
	    "our address as a literal");
	self.nlisteners = 0;
}

static void
test_literals(void)
{
	zone = "";
	is_str(resolve("mx", "[192.0.2.1]"), "ok [192.0.2.1]=192.0.2.1:25",
	    "an address literal");
	is_str(resolve("mx", "[IPv6:2001:db8::1]"),
	    "ok [2001:db8::1]=2001:db8::1:25", "of IPv6");
	is_str(buf_text(&asked), "", "asks nobody");
	is_str(resolve("mx", "[x400:c=us]"),
	    "permanent 5.1.3 [x400:c=us] is not an address that mail can be "
	    "sent to",
	    "of something else");
	is_str(resolve("mx", ""),
	    "permanent 5.1.2 \"\" is not a domain name that can be looked up",
	    "no domain at all");
}

static void
test_zone(void)
{
	zone = "a.example.customer.test MX 10 in.customer.test\n"
	       "a.example.customer.test MX 20 out.example\n"
	       "in.customer.test A 192.0.2.1\n"
	       "out.example.customer.test A 192.0.2.2\n"
	       "out.example A 192.0.2.3\n"
	       "long.customer.test A 192.0.2.4\n";
	is_str(resolve("mx zone=Customer.test", "a.example"),
	    "ok in.customer.test=192.0.2.1:25 out.example=192.0.2.2:25",
	    "the zone is appended to what is not in it");
	is_str(resolve("mx zone=customer.test",
		   "x1234567890123456789012345678901234567890."
		   "x1234567890123456789012345678901234567890."
		   "x1234567890123456789012345678901234567890."
		   "x1234567890123456789012345678901234567890."
		   "x1234567890123456789012345678901234567890."
		   "x123456789012345678901234567890.example"),
	    "permanent 5.1.2 \"x1234567890123456789012345678901234567890."
	    "x1234567890123456789012345678901234567890."
	    "x1234567890123456789012345678901234567890."
	    "x1234567890123456789012345678901234567890."
	    "x1234567890123456789012345678901234567890."
	    "x123456789012345678901234567890.example\" is not a domain name "
	    "that can be looked up",
	    "a name that becomes too long");
}

static void
test_hops(void)
{
	zone = "a.example A 192.0.2.1\n"
	       "a.example AAAA 2001:db8::1\n"
	       "b.example CNAME a.example\n"
	       "fail.example FAIL\n";
	is_str(resolve("smtp [192.0.2.9]:2525", "x.example"),
	    "ok [192.0.2.9]=192.0.2.9:2525", "a literal hop");
	is_str(buf_text(&asked), "", "asks nobody");
	is_str(resolve("lmtp unix:/run/lmtp", "x.example"),
	    "ok /run/lmtp=/run/lmtp", "a unix socket");
	is_str(resolve("lmtp a.example", "x.example"),
	    "ok a.example=192.0.2.1:24 a.example=2001:db8::1:24",
	    "lmtp has its own port");
	is_str(resolve("smtp 20=a.example 10=b.example:26 30=[2001:db8::9]",
		   "x.example"),
	    "ok b.example=192.0.2.1:26 b.example=2001:db8::1:26 "
	    "a.example=192.0.2.1:25 a.example=2001:db8::1:25 "
	    "[2001:db8::9]=2001:db8::9:25",
	    "hops by weight; an alias is followed");
	is_str(resolve("smtp 10=none.example 20=fail.example", "x.example"),
	    "temporary 4.4.3 DNS look-up of A of fail.example: SERVFAIL",
	    "nothing found");
	is_str(resolve("smtp none.example", "x.example"),
	    "temporary 4.4.4 no next hop of the route has an address",
	    "a configured hop that does not exist is no reason to bounce");
}

static void
test_limits(void)
{
	struct buf z = {0};
	unsigned i;

	for (i = 0; i < 60; i++)
		buf_addf(&z, "many.example MX %u mx%u.example\n", 60 - i, i);
	for (i = 0; i < 60; i++)
		buf_addf(&z, "mx%u.example A 192.0.2.%u\n", i, i);
	for (i = 0; i < 60; i++)
		buf_addf(&z, "wide.example A 198.51.100.%u\n", i);
	zone = buf_text(&z);
	resolve("mx", "many.example");
	ok(strstr(buf_text(&got), "mx59.example=192.0.2.59") ==
		buf_text(&got) + 3,
	    "of many MX hosts the best comes first");
	ok(strstr(buf_text(&got), "mx40.example") != NULL &&
		strstr(buf_text(&got), "mx39.example") == NULL,
	    "and the best 20 are taken");
	resolve("mx", "wide.example");
	ok(strstr(buf_text(&got), "198.51.100.9:25") != NULL &&
		strstr(buf_text(&got), "198.51.100.10:25") == NULL,
	    "of many addresses 10 are taken");
	buf_free(&z);
}

/* Which of the 6 orders of x, y and z. */
static unsigned
order_of(const char *text)
{
	const char *x = strstr(text, "x.example");
	const char *y = strstr(text, "y.example");
	const char *z = strstr(text, "z.example");

	if (x < y && x < z)
		return y < z ? 0 : 1;
	if (y < x && y < z)
		return x < z ? 2 : 3;
	return x < y ? 4 : 5;
}

/* With 1800 draws a count outside 200 to 400 has a chance below 1e-9. */
static void
test_shuffle(void)
{
	unsigned count[6] = {0}, i;
	struct route route;
	struct plan *p;
	size_t at;

	zone = "a.example MX 10 x.example\n"
	       "a.example MX 10 y.example\n"
	       "a.example MX 10 z.example\n"
	       "x.example A 192.0.2.1\n"
	       "y.example A 192.0.2.2\n"
	       "z.example A 192.0.2.3\n";
	route_parse(str_of("mx"), &route, &at);
	for (i = 0; i < 1800; i++) {
		p = plan_new(&route, "a.example", false, &self);
		run(p);
		plan_free(&p);
		count[order_of(buf_text(&got))]++;
	}
	for (i = 0; i < 6; i++)
		ok(count[i] >= 200 && count[i] <= 400,
		    "equal preferences: order %u of 6 came %u times in 1800", i,
		    count[i]);
}

int
main(void)
{
	test_mx();
	test_no_mx();
	test_hosts_without_address();
	test_ourselves();
	test_literals();
	test_zone();
	test_hops();
	test_limits();
	test_shuffle();
	buf_free(&got);
	buf_free(&asked);
	return done();
}
