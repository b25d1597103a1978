/* SPDX-License-Identifier: ISC */
/*
 * queue-tool route: where mail goes and why; for an address, as if a message
 * for it came now, or for a message of the queue.
 */
#include "explain.h"

#include <getopt.h>
#include <string.h>

#include "base/log.h"
#include "mail/address.h"
#include "mail/endpoint.h"
#include "mail/quantity.h"

struct asked {
	struct given given;
	struct endpoint client, listener;
	char client_text[64];
	bool json;
};

/* ---- options ---- */

static int
refuse(const char *value, const char *expected)
{
	fprintf(stderr, "queue-tool: \"%s\": expected %s\n", value, expected);
	return EXIT_USAGE;
}

static int
parse_sender(struct asked *a, const char *value)
{
	struct address addr;
	const char *expected = NULL;

	a->given.from = strcmp(value, "<>") == 0 ? "" : value;
	if (*a->given.from != '\0')
		expected = address_parse(str_of(value), &addr);
	return expected ? refuse(value, expected) : 0;
}

/* As the receiver writes it into the envelope, without a port. */
static int
parse_client(struct asked *a, const char *value)
{
	uint8_t bytes[16];

	if (endpoint_address(str_of(value), bytes) == -1)
		return refuse(value, "a client's address such as 192.0.2.1");
	a->given.client = value;
	return 0;
}

static int
parse_listener(struct asked *a, const char *value)
{
	const char *expected = endpoint_parse(str_of(value), 25, &a->listener);

	a->given.listener = a->listener.name;
	return expected ? refuse(value, expected) : 0;
}

static int
parse_size(struct asked *a, const char *value)
{
	a->given.has_size = true;
	if (quantity_size(str_of(value), &a->given.size) == -1)
		return refuse(value, "a size such as 500k or 20m");
	return 0;
}

static int
parse_field(struct asked *a, const char *value)
{
	const char *colon = strchr(value, ':');

	if (!colon || colon == value || strpbrk(value, "\r\n"))
		return refuse(
		    value, "a header field such as \"Subject: hello\"");
	buf_addf(&a->given.header, "%s\r\n", value);
	return 0;
}

static int
parse_one(struct asked *a, int opt, const char *value)
{
	switch (opt) {
	case 'f':
		return parse_sender(a, value);
	case 'c':
		return parse_client(a, value);
	case 'u':
		a->given.login = value;
		return 0;
	case 'l':
		return parse_listener(a, value);
	case 'z':
		return parse_size(a, value);
	case 'H':
		return parse_field(a, value);
	case 'j':
		a->json = true;
		return 0;
	default:
		return EXIT_USAGE;
	}
}

/* ---- what is asked about ---- */

static struct asked asked;

static void
tell(const struct account *a)
{
	if (asked.json)
		json_account(a);
	else
		text_account(a);
}

struct telling {
	struct tool *t;
	int status;
};

static void
on_view(void *arg, struct view *v, const char *why)
{
	struct telling *telling = arg;
	int one = EXIT_NONE;

	if (!why && v->entry.state == STATE_CORRUPT)
		why = "it is damaged and goes nowhere";
	if (!why)
		one = explain_entry(telling->t, v, tell);
	else if (asked.json)
		json_print_damaged(v, why);
	else
		printf("%s\n  damaged: %s\n", v->entry.id, why);
	telling->status = one > telling->status ? one : telling->status;
}

static int
explain_id(struct tool *t, char *id)
{
	struct telling telling = {t, EXIT_DONE};
	struct selection s = {
	    .older_s = -1, .younger_s = -1, .ids = &id, .nids = 1};

	switch (select_each(t, &s, on_view, &telling)) {
	case -1:
		return EXIT_BROKEN;
	case 0:
		fprintf(stderr, "queue-tool: %s is not in the queue\n", id);
		return EXIT_NONE;
	default:
		return telling.status;
	}
}

static int
explain_one(struct tool *t, char *word)
{
	struct address parsed;
	const char *expected;

	if (id_check(word))
		return explain_id(t, word);
	expected = address_parse(str_of(word), &parsed);
	if (expected)
		return refuse(word, expected);
	return explain_supposed(t, &asked.given, word, tell);
}

int
run_route(struct tool *t, int argc, char *argv[])
{
	static const struct option options[] = {
	    {"from",     required_argument, NULL, 'f'},
	    {"client",   required_argument, NULL, 'c'},
	    {"login",    required_argument, NULL, 'u'},
	    {"listener", required_argument, NULL, 'l'},
	    {"size",     required_argument, NULL, 'z'},
	    {"header",   required_argument, NULL, 'H'},
	    {"json",     no_argument,       NULL, 'j'},
	    {NULL,       0,                 NULL, 0  },
	};
	int status = EXIT_DONE, one, opt;

	optind = 0; /* glibc: begin anew */
	while ((opt = getopt_long(argc, argv, "+f:j", options, NULL)) != -1)
		if ((one = parse_one(&asked, opt, optarg)) != 0)
			return one;
	if (argc <= optind)
		return EXIT_USAGE;
	if (tool_map(t) == NULL)
		return EXIT_BROKEN;
	for (int i = optind; i < argc; i++)
		if ((one = explain_one(t, argv[i])) > status)
			status = one;
	buf_free(&asked.given.header);
	return status;
}
