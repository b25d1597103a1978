/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <stdio.h>
#include <string.h>

#include "mail/endpoint.h"
#include "mail/route.h"

/* Answers are lines of fields with a tab between; the first field says where
 * it is written. */
static void
print(struct str s, char end)
{
	fwrite(s.s, 1, s.len, stdout);
	putchar(end);
}

/* ---- route:ADDRESS, the steps first ---- */

static void
on_step(void *arg, const struct route_step *step)
{
	(void)arg;
	printf("%s\t%s\t%s\n", step->answer == STEP_MATCHES ? step->where : "-",
	    step->name, step->key);
}

static int
ask_route(struct map *m, struct str address)
{
	static struct route r;
	char text[ADDRESS_MAX + 1];
	struct route_query query = {.recipient = text, .on_step = on_step};
	struct address parsed;
	const char *expected = NULL;

	if (str_copy(text, sizeof(text), address) == -1)
		expected = "a shorter address";
	else if (!str_eq_nocase(address, "postmaster"))
		expected = address_parse(address, &parsed);
	if (expected) {
		fprintf(stderr, "cdbmaps: expected %s after \"route:\"\n",
		    expected);
		return EXIT_BROKEN;
	}
	switch (route_find(m, &query, &r)) {
	case ROUTE_FOUND:
		printf("%s\troute\t%s\n", r.where, r.text);
		if (r.fallback[0] != '\0')
			printf("%s\tfallback\t%s\n", r.where, r.fallback);
		printf(
		    "%s\tdestination\t%s\t%s\n", r.where, r.destination, r.tag);
		return EXIT_DONE;
	case ROUTE_NONE:
		return EXIT_MISTAKES;
	case ROUTE_TEMPFAIL:
		break;
	}
	return EXIT_BROKEN;
}

/* ---- one record ---- */

static int
ask_record(struct map *m, char table, struct str key)
{
	struct str where, value;
	int found = map_find(m, table, key, &where, &value);

	if (found == -1)
		return EXIT_BROKEN;
	if (found == 0)
		return EXIT_MISTAKES;
	print(where, '\t');
	print(value, '\n');
	return EXIT_DONE;
}

static int
ask_profile(struct map *m, struct str name)
{
	return ask_record(m, 'P', name);
}

/* What names no route has that of the setting. */
static int
ask_domain(struct map *m, struct str domain)
{
	char key[ADDRESS_MAX + 1];
	struct str where, value;

	if (route_pattern(domain, key) != NULL)
		return EXIT_MISTAKES;
	if (map_find(m, 'D', str_of(key), &where, &value) == 1 &&
	    value.len == 0) {
		print(where, '\t');
		puts("local-route");
		return EXIT_DONE;
	}
	return ask_record(m, 'D', str_of(key));
}

/* "*" lists all there are: name, default, meaning. */
static int
list_settings(void)
{
	for (const struct setting *f = settings_fields; f->name; f++)
		printf("%s\t%s\t%s\n", f->name, f->fallback ? f->fallback : "-",
		    f->meaning);
	return EXIT_DONE;
}

static int
ask_setting(struct map *m, struct str name)
{
	const struct setting *f = setting_find(name);
	int status;

	if (str_eq(name, "*"))
		return list_settings();
	if (!f)
		return EXIT_MISTAKES;
	status = ask_record(m, 'S', name);
	if (status != EXIT_MISTAKES || !f->fallback)
		return status;
	printf("default\t%s\n", f->fallback);
	return EXIT_DONE;
}

/* ---- network:ADDRESS, all that hold it ---- */

static int
ask_one_network(struct map *m, const struct cidr *net)
{
	char key[CIDR_KEY_MAX], name[CIDR_TEXT_SIZE];
	struct str where, value;
	int found;

	found = map_find(
	    m, 'N', (struct str){key, cidr_key(net, key)}, &where, &value);
	if (found != 1)
		return found;
	cidr_format(net, name);
	print(where, '\t');
	printf("%s\t", name);
	print(value, '\n');
	return 1;
}

static int
ask_network(struct map *m, struct str address)
{
	struct endpoint e;
	struct cidr whole, net;
	int found, status = EXIT_MISTAKES;

	if (endpoint_parse(address, 1, &e) != NULL ||
	    cidr_from_sockaddr((struct sockaddr *)&e.addr, &whole) == -1) {
		fprintf(stderr,
		    "cdbmaps: expected an address after \"network:\"\n");
		return EXIT_BROKEN;
	}
	for (unsigned len = 8 * whole.size + 1; len-- > 0;) {
		net = cidr_network(&whole, len);
		found = ask_one_network(m, &net);
		if (found == -1)
			return EXIT_BROKEN;
		if (found == 1)
			status = EXIT_DONE;
	}
	return status;
}

static const struct {
	const char *name;
	int (*ask)(struct map *m, struct str rest);
} questions[] = {
    {"route:",   ask_route  },
    {"domain:",  ask_domain },
    {"setting:", ask_setting},
    {"profile:", ask_profile},
    {"network:", ask_network},
};

int
ask_map(int dir, const char *key)
{
	struct str rest = str_of(key);
	struct map *m = NULL;
	size_t i = 0;
	int status;

	while (i < sizeof(questions) / sizeof(questions[0]) &&
	       !str_starts_nocase(rest, questions[i].name))
		i++;
	if (i == sizeof(questions) / sizeof(questions[0])) {
		fprintf(stderr, "cdbmaps: expected route:, domain:, setting:, "
				"profile: or network: and what to ask for\n");
		return EXIT_BROKEN;
	}
	str_cut(&rest, ':');
	m = map_open(dir);
	if (!m)
		return EXIT_BROKEN;
	status = questions[i].ask(m, rest);
	map_close(&m);
	return status;
}
