/* SPDX-License-Identifier: ISC */
#include "sender/names_packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/endpoint.h"
#include "sender/names_message.h"
#include "tap.h"

enum { A = 1, CNAME = 5, MX = 15, AAAA = 28, RRSIG = 46 };

/* ---- packets by hand ---- */

static struct buf packet;

static void
add16(unsigned value)
{
	buf_add_char(&packet, (char)(value >> 8));
	buf_add_char(&packet, (char)value);
}

static void
add_name(const char *name)
{
	struct str rest = str_of(name), label;

	while (rest.len > 0) {
		label = str_cut(&rest, '.');
		buf_add_char(&packet, (char)label.len);
		buf_add(&packet, label.s, label.len);
	}
	buf_add_char(&packet, 0);
}

/* An answer to a question of that type about a.example. */
static void
begin(unsigned rcode, unsigned answers, unsigned type)
{
	buf_clear(&packet);
	add16(4711);
	add16(0x8180 | rcode);
	add16(1);
	add16(answers);
	add16(0);
	add16(0);
	add_name("a.example");
	add16(type);
	add16(1);
}

/* The record's head; the caller adds len bytes of data. */
static void
add_head(const char *owner, unsigned type, size_t len)
{
	if (strcmp(owner, "a.example") == 0)
		add16(0xc00c); /* the name in the question */
	else
		add_name(owner);
	add16(type);
	add16(1);
	add16(0);
	add16(60);
	add16((unsigned)len);
}

static void
add_address(const char *owner, const char *address)
{
	uint8_t bytes[16];
	int family = endpoint_address(str_of(address), bytes);
	size_t len = family == AF_INET ? 4 : 16;

	add_head(owner, family == AF_INET ? A : AAAA, len);
	buf_add(&packet, bytes, len);
}

static void
add_cname(const char *owner, const char *target)
{
	add_head(owner, CNAME, strlen(target) + 2);
	add_name(target);
}

static void
add_mx(const char *owner, unsigned preference, const char *host)
{
	add_head(owner, MX, 2 + strlen(host) + (host[0] ? 2 : 1));
	add16(preference);
	add_name(host);
}

/* ---- answers as text ---- */

static const char *
describe(const struct names_answer *a)
{
	static struct buf text;

	buf_clear(&text);
	names_answer_format(17, a, &text);
	return buf_text(&text);
}

static const char *
read_packet(enum names_type type)
{
	static struct names_answer a;

	names_packet_read(packet.data, packet.len, type, "a.example", &a);
	return describe(&a);
}

static void
test_addresses(void)
{
	begin(0, 3, A);
	add_address("a.example", "192.0.2.1");
	add_address("a.example", "192.0.2.2");
	add_address("b.example", "192.0.2.3");
	is_str(read_packet(NAMES_A), "17 A found -\n192.0.2.1\n192.0.2.2\n",
	    "addresses; another owner's do not count");
	is_str(read_packet(NAMES_AAAA), "17 AAAA nodata -\n",
	    "nor do those of the other family");
	begin(0, 1, AAAA);
	add_address("a.example", "2001:db8::1");
	is_str(
	    read_packet(NAMES_AAAA), "17 AAAA found -\n2001:db8::1\n", "IPv6");
	begin(0, 2, A);
	add_head("a.example", RRSIG, 4);
	add16(A);
	add16(0);
	add_address("A.EXAMPLE", "192.0.2.1");
	is_str(read_packet(NAMES_A), "17 A found -\n192.0.2.1\n",
	    "signatures are passed over, case does not matter");
	begin(0, 1, A);
	add_head("a.example", A, 5);
	buf_add(&packet, "12345", 5);
	is_str(read_packet(NAMES_A), "17 A found -\n",
	    "an address of five bytes is none");
}

static void
test_aliases(void)
{
	begin(0, 3, A);
	add_cname("a.example", "b.example");
	add_cname("b.example", "C.example");
	add_address("c.example", "192.0.2.1");
	is_str(read_packet(NAMES_A), "17 A found c.example\n192.0.2.1\n",
	    "a chain of aliases");
	begin(0, 1, MX);
	add_cname("a.example", "b.example");
	is_str(read_packet(NAMES_MX), "17 MX nodata b.example\n",
	    "an alias without what was asked for");
	begin(3, 1, MX);
	add_cname("a.example", "b.example");
	is_str(read_packet(NAMES_MX), "17 MX nxdomain b.example\n",
	    "an alias of nothing");
	begin(0, 1, A);
	add_cname("a.example", "b c.example");
	is_str(read_packet(NAMES_A), "17 A tempfail -\nmalformed answer\n",
	    "an alias of what is no name");
}

static void
test_mx(void)
{
	begin(0, 3, MX);
	add_mx("a.example", 20, "MX2.example");
	add_mx("a.example", 10, "mx1.example");
	add_mx("a.example", 5, "evil\nhost.example");
	is_str(read_packet(NAMES_MX),
	    "17 MX found -\n20 mx2.example\n10 mx1.example\n",
	    "MX hosts; one that is no name is left out");
	begin(0, 1, MX);
	add_mx("a.example", 0, "");
	is_str(read_packet(NAMES_MX), "17 MX found -\n0 \n", "null MX");
	begin(0, 1, MX);
	add_head("a.example", MX, 2);
	add16(10);
	is_str(read_packet(NAMES_MX), "17 MX found -\n", "MX without a host");
	begin(0, 200, MX);
	for (unsigned i = 0; i < 200; i++)
		add_mx("a.example", i, "mx.example");
	ok(strstr(read_packet(NAMES_MX), "\n99 mx.example\n") != NULL &&
		strstr(read_packet(NAMES_MX), "\n100 ") == NULL,
	    "the first 100 of too many");
}

static void
test_failures(void)
{
	begin(0, 0, MX);
	is_str(read_packet(NAMES_MX), "17 MX nodata -\n", "no records");
	begin(3, 0, MX);
	is_str(read_packet(NAMES_MX), "17 MX nxdomain -\n", "NXDOMAIN");
	begin(2, 0, MX);
	is_str(read_packet(NAMES_MX),
	    "17 MX tempfail -\nservers failed (SERVFAIL or refused)\n",
	    "SERVFAIL");
}

/* Wherever a packet is cut, the answer is a failure and nothing is read behind
 * its end (the sanitizers see to that: each piece has memory of its own). */
static void
test_truncation(void)
{
	static struct names_answer a;
	size_t len, taken = 0;
	char *piece;

	begin(0, 3, A);
	add_cname("a.example", "b.example");
	add_address("b.example", "192.0.2.1");
	add_address("b.example", "192.0.2.2");
	for (len = 0; len < packet.len; len++) {
		piece = mem_ndup(packet.data, len);
		piece = mem_resize(piece, len > 0 ? len : 1, 1);
		names_packet_read(piece, len, NAMES_A, "a.example", &a);
		taken += a.status != NAMES_TEMPFAIL;
		free(piece);
	}
	is_int(taken, 0, "a packet cut anywhere is a failure");
	is_str(read_packet(NAMES_A),
	    "17 A found b.example\n192.0.2.1\n192.0.2.2\n", "the whole is not");
}

/* ---- messages ---- */

static void
test_questions(void)
{
	struct names_question q = {.id = 7, .type = NAMES_AAAA}, r;
	struct endpoint servers[2];
	struct buf out = {0};

	endpoint_parse(str_of("192.0.2.53"), 53, &servers[0]);
	endpoint_parse(str_of("[2001:db8::53]:5353"), 53, &servers[1]);
	str_copy(q.name, sizeof(q.name), str_of("a.example"));
	names_servers_format(servers, 2, q.servers);
	names_question_format(&q, &out);
	is_str(buf_text(&out),
	    "7 AAAA a.example 192.0.2.53@53,2001:db8::53@5353\n", "a question");
	is_int(names_question_parse((struct str){out.data, out.len}, &r), 0,
	    "is read");
	is_int(r.id, 7, "its id");
	is_int(r.type, NAMES_AAAA, "its type");
	is_str(r.name, "a.example", "its name");
	is_str(r.servers, q.servers, "its servers");
	buf_free(&out);
}

static void
test_nonsense(void)
{
	static const char *const questions[] = {"", "7", "7 MX",
	    "7 MX a.example", "7 TXT a.example 192.0.2.1@53",
	    "x MX a.example 192.0.2.1@53", "7 MX a.example 192.0.2.1@53 more",
	    "7 MX a.example 192.0.2.1@53\n\n"};
	static const char *const answers[] = {"", "17 MX", "17 MX found",
	    "17 MX lost -\n", "17 MX nodata -\n1 a\n",
	    "17 MX found -\nmx.example\n", "17 MX found -\n65536 mx.example\n",
	    "17 MX found -\n10 mx..example\n", "17 A found -\n192.0.2\n",
	    "17 A found a b\n", "17 A found a..b\n192.0.2.1\n",
	    "17 A tempfail -\nbad\001text\n", "17 AAAA found -\n192.0.2.1\n"};
	static struct names_answer a;
	struct names_question q;
	uint32_t id;
	size_t i;

	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		is_int(names_question_parse(str_of(questions[i]), &q), -1,
		    "no question: number %zu", i);
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		is_int(names_answer_parse(str_of(answers[i]), &id, &a), -1,
		    "no answer: number %zu", i);
}

static void
test_answers(void)
{
	static const char *const answers[] = {"17 MX found -\n0 \n",
	    "17 MX found b.example\n10 mx.example\n20 mx_2.example\n",
	    "17 A found -\n192.0.2.1\n", "17 AAAA found -\n2001:db8::1\n",
	    "17 A nodata b.example\n", "17 MX nxdomain -\n",
	    "17 MX tempfail -\nwhy, so\n"};
	static struct names_answer a;
	uint32_t id;
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		is_int(names_answer_parse(str_of(answers[i]), &id, &a), 0,
		    "an answer is read");
		is_int(id, 17, "its id");
		is_str(describe(&a), answers[i], "and written again");
	}
}

int
main(void)
{
	test_addresses();
	test_aliases();
	test_mx();
	test_failures();
	test_truncation();
	test_questions();
	test_answers();
	test_nonsense();
	buf_free(&packet);
	return done();
}
