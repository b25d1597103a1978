/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mail/address.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define FIELDS_MAX  64

static struct settings compiled;

const struct settings *
settings_compiled(void)
{
	return &compiled;
}

/* Names of all settings, ended by NULL. */
static const char *const *
known(void)
{
	static const char *names[FIELDS_MAX];
	size_t n = 0;

	for (const struct setting *f = settings_fields;
	     f->name && n < FIELDS_MAX - 2; f++)
		names[n++] = f->name;
	names[n] = "include";
	return names;
}

/* Has the command line the last word on it? */
static bool
is_overridden(const struct row *row)
{
	const struct record *r = record_find('S', row->words[0].text);

	return r && record_by_hand(r) && !row->source->by_hand;
}

static void
add_line(struct record *r, const struct row *row, struct str value)
{
	struct buf lines = {0};

	buf_add(&lines, record_value(r).s, record_value(r).len);
	buf_addf(&lines, "\n%s:%u\t%.*s", row->source->name, row->words[0].line,
	    (int)value.len, value.s);
	record_set_value(r, (struct str){lines.data, lines.len});
	buf_free(&lines);
}

static void
add_value(const struct row *row, const struct setting *f, struct str value)
{
	struct record *r;

	if (record_add('S', str_of(f->name), value, row))
		return;
	r = record_find('S', str_of(f->name));
	if (f->repeats)
		add_line(r, row, value);
	else
		mistake(row_place(row, 0),
		    "expected %s once; it is already at %s", f->name,
		    record_place(r));
}

static void
store(const struct row *row, const struct setting *f, struct str value)
{
	const char *expected = setting_store(f, value, &compiled);

	if (expected)
		row_mistake(row, 1, 0, expected, NULL);
	else
		add_value(row, f, value);
}

/* ---- "system": what this machine says of itself ---- */

/* Its name, if that is one. */
static const char *
system_hostname(void)
{
	static char name[DOMAIN_MAX + 1];

	if (gethostname(name, sizeof(name)) == -1 ||
	    memchr(name, '\0', sizeof(name)) == NULL ||
	    domain_check(str_of(name), false) != NULL)
		return NULL;
	return name;
}

static void
store_hostname(const struct row *row, const struct setting *f)
{
	const char *name = system_hostname();

	if (name)
		store(row, f, str_of(name));
	else
		mistake(row_place(row, 1),
		    "expected a name: this machine has none that can be used");
}

static void
store_resolvers(const struct row *row, const struct setting *f)
{
	struct source *conf = source_read(RESOLV_CONF, RESOLV_CONF);
	size_t before = compiled.nresolvers;
	struct str rest, line;

	if (!conf) {
		mistake(row_place(row, 1), "expected %s: %s", RESOLV_CONF,
		    strerror(errno));
		return;
	}
	rest = conf->text;
	while (rest.len > 0) {
		line = str_cut(&rest, '\n');
		if (str_eq(str_word(&line), "nameserver"))
			store(row, f, str_word(&line));
	}
	if (compiled.nresolvers == before)
		mistake(row_place(row, 1), "expected a nameserver in %s",
		    RESOLV_CONF);
}

/* ---- rows ---- */

static void
on_network_setting(const struct row *row, const struct setting *f)
{
	if (strcmp(f->name, "relay-from") == 0)
		on_networks(row, 1, NETWORK_RELAY);
	else if (row->nwords > 1 && str_eq(row->words[1].text, "normalise"))
		on_networks(row, 2, NETWORK_BARE_LF);
	else
		row_mistake(row, 1, 0, "\"normalise\" and networks",
		    (const char *const[]){"normalise", NULL});
}

static void
on_value(const struct row *row, const struct setting *f)
{
	struct str value;

	if (row->nwords > 2)
		row_mistake(row, 2, 0, "one value", NULL);
	if (row->nwords == 1) {
		mistake(row_place(row, 1), "expected a value after \"%s\": %s",
		    f->name, f->meaning);
		return;
	}
	value = row->words[1].text;
	if (f->kind == SETTING_DOMAIN && str_eq(value, "system"))
		store_hostname(row, f);
	else if (f->kind == SETTING_RESOLVER && str_eq(value, "system"))
		store_resolvers(row, f);
	else
		store(row, f, value);
}

void
on_setting(void *arg, const struct row *row)
{
	const struct setting *f = setting_find(row->words[0].text);

	(void)arg;
	if (!f)
		row_mistake(row, 0, 0, "a setting", known());
	else if (f->kind == SETTING_NETWORKS)
		on_network_setting(row, f);
	else if (f->kind != SETTING_ROUTE && !is_overridden(row))
		on_value(row, f);
}

void
on_local_route(void *arg, const struct row *row)
{
	const struct setting *f = setting_find(row->words[0].text);
	const char *route;

	(void)arg;
	if (!f || f->kind != SETTING_ROUTE || is_overridden(row))
		return;
	route = route_of_row(row, 1);
	if (route)
		add_value(row, f, str_of(route));
}

/* A name is always compiled in; the daemons never ask the machine. */
void
settings_finish(void)
{
	const struct setting *listen = setting_find(str_of("listen"));
	const char *name = system_hostname();

	if (!name)
		name = "localhost";
	if (record_add('S', str_of("hostname"), str_of(name), NULL))
		str_copy(
		    compiled.hostname, sizeof(compiled.hostname), str_of(name));
	if (compiled.nlisteners == 0)
		setting_store(listen, str_of(listen->fallback), &compiled);
}
