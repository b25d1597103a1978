/* SPDX-License-Identifier: ISC */
#include "names_message.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "mail/address.h"

static const char *const type_words[] = {
    [NAMES_MX] = "MX",
    [NAMES_A] = "A",
    [NAMES_AAAA] = "AAAA",
};
static const char *const status_words[] = {
    [NAMES_FOUND] = "found",
    [NAMES_NODATA] = "nodata",
    [NAMES_NXDOMAIN] = "nxdomain",
    [NAMES_TEMPFAIL] = "tempfail",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *
names_type_text(enum names_type type)
{
	return type_words[type];
}

static int
word_find(struct str word, const char *const words[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (str_eq_nocase(word, words[i]))
			return (int)i;
	return -1;
}

void
names_servers_format(
    const struct endpoint *servers, size_t n, char out[NAMES_SERVERS_SIZE])
{
	const struct sockaddr_in *v4;
	const struct sockaddr_in6 *v6;
	char text[INET6_ADDRSTRLEN];
	size_t i, len = 0;

	assert(n >= 1 && n <= RESOLVERS_MAX);
	for (i = 0; i < n; i++) {
		v4 = (const struct sockaddr_in *)&servers[i].addr;
		v6 = (const struct sockaddr_in6 *)&servers[i].addr;
		if (v4->sin_family == AF_INET)
			inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
		else
			inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
		len += (size_t)snprintf(out + len, NAMES_SERVERS_SIZE - len,
		    "%s%s@%u", i > 0 ? "," : "", text,
		    ntohs(v4->sin_family == AF_INET ? v4->sin_port
						    : v6->sin6_port));
	}
}

void
names_question_format(const struct names_question *q, struct buf *out)
{
	buf_addf(out, "%u %s %s %s\n", q->id, names_type_text(q->type), q->name,
	    q->servers);
}

static void
format_record(
    enum names_type type, const struct names_record *r, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	if (type == NAMES_MX) {
		buf_addf(out, "%u %s\n", r->preference, r->host);
		return;
	}
	inet_ntop(type == NAMES_A ? AF_INET : AF_INET6, r->address, text,
	    sizeof(text));
	buf_addf(out, "%s\n", text);
}

void
names_answer_format(uint32_t id, const struct names_answer *a, struct buf *out)
{
	size_t i;

	buf_addf(out, "%u %s %s %s\n", id, names_type_text(a->type),
	    status_words[a->status], a->alias_of[0] ? a->alias_of : "-");
	if (a->status == NAMES_TEMPFAIL)
		buf_addf(out, "%s\n", a->text);
	for (i = 0; i < a->nrecords; i++)
		format_record(a->type, &a->records[i], out);
}

static int
parse_id_type(struct str *line, uint32_t *id_r, enum names_type *type_r)
{
	uint64_t id;
	int type;

	if (str_number(str_word(line), UINT32_MAX, &id) == -1)
		return -1;
	type = word_find(str_word(line), type_words, COUNT(type_words));
	if (type == -1)
		return -1;
	*id_r = (uint32_t)id;
	*type_r = (enum names_type)type;
	return 0;
}

int
names_question_parse(struct str message, struct names_question *q)
{
	struct str line = str_cut(&message, '\n'), name, servers;

	if (message.len > 0 || parse_id_type(&line, &q->id, &q->type) == -1)
		return -1;
	name = str_word(&line);
	servers = str_word(&line);
	if (name.len == 0 || servers.len == 0 || str_word(&line).len > 0)
		return -1;
	if (str_copy(q->name, sizeof(q->name), name) == -1 ||
	    str_copy(q->servers, sizeof(q->servers), servers) == -1)
		return -1;
	return memchr(q->name, '\0', name.len) != NULL ||
	               memchr(q->servers, '\0', servers.len) != NULL
	           ? -1
	           : 0;
}

/* A host name as the packet reader lets it through; "" where allowed. */
static int
copy_host(struct str host, char out[NAMES_HOST_SIZE])
{
	if (host.len > 0 && domain_check(host, false) != NULL)
		return -1;
	return str_copy(out, NAMES_HOST_SIZE, host);
}

/* The reason of a failure is shown to people: one line of printable ASCII. */
static int
copy_text(struct str text, char *out, size_t size)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.s[i] < ' ' || text.s[i] > '~')
			return -1;
	return str_copy(out, size, text);
}

static int
parse_record(enum names_type type, struct str line, struct names_record *r)
{
	char text[INET6_ADDRSTRLEN];
	uint64_t preference;

	if (type == NAMES_MX) {
		if (str_number(str_word(&line), UINT16_MAX, &preference) == -1)
			return -1;
		r->preference = (uint16_t)preference;
		return copy_host(str_word(&line), r->host);
	}
	if (str_copy(text, sizeof(text), line) == -1)
		return -1;
	return inet_pton(
		   type == NAMES_A ? AF_INET : AF_INET6, text, r->address) == 1
	           ? 0
	           : -1;
}

int
names_answer_parse(struct str message, uint32_t *id_r, struct names_answer *a)
{
	struct str line = str_cut(&message, '\n'), alias;
	int status;

	if (parse_id_type(&line, id_r, &a->type) == -1)
		return -1;
	status = word_find(str_word(&line), status_words, COUNT(status_words));
	alias = str_word(&line);
	if (status == -1 || alias.len == 0 || line.len > 0)
		return -1;
	a->status = (enum names_status)status;
	a->text[0] = a->alias_of[0] = '\0';
	if (!str_eq(alias, "-") && copy_host(alias, a->alias_of) == -1)
		return -1;
	if (a->status == NAMES_TEMPFAIL &&
	    copy_text(str_cut(&message, '\n'), a->text, sizeof(a->text)) == -1)
		return -1;
	for (a->nrecords = 0; message.len > 0; a->nrecords++)
		if (a->status != NAMES_FOUND ||
		    a->nrecords == NAMES_RECORDS_MAX ||
		    parse_record(a->type, str_cut(&message, '\n'),
			&a->records[a->nrecords]) == -1)
			return -1;
	return 0;
}
