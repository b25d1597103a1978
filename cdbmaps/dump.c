/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cdbfile.h"

static struct cdbfile *file; /* that is printed */

static void
print_line(const char *name, struct str key, struct str value, struct str where)
{
	printf("%s%.*s", name, (int)key.len, key.s);
	if (value.len > 0)
		printf(" %.*s", (int)value.len, value.s);
	printf("  # %.*s\n", (int)where.len, where.s);
}

/* A line for each time that it was given. */
static void
print_setting(struct str key, struct str value)
{
	struct str line, where;

	while (value.len > 0) {
		line = str_cut(&value, '\n');
		where = str_cut(&line, '\t');
		print_line("", key, line, where);
	}
}

/* The record of the prefix lengths is made anew when it is read. */
static void
print_network(struct str key, struct str value)
{
	struct str where = str_cut(&value, '\t');
	char network[CIDR_TEXT_SIZE];
	struct cidr c;
	int rights = network_rights_parse(value);

	if (cidr_from_key(key, &c) == -1)
		return;
	cidr_format(&c, network);
	if (rights & NETWORK_RELAY)
		print_line("relay-from ", str_of(network), str_of(""), where);
	if (rights & NETWORK_BARE_LF)
		print_line(
		    "bare-lf normalise ", str_of(network), str_of(""), where);
}

static void
print_other(struct str key, struct str value)
{
	struct str where = str_cut(&value, '\t');

	print_line("", key, value, where);
}

/* The longest delay is found anew when it is read. */
static void
print_profile(struct str key, struct str value)
{
	if (key.len > 0)
		print_other(key, value);
}

/* A local domain, and whether it lists its recipients. */
static void
print_domain(struct str key, struct str value)
{
	struct str where = str_cut(&value, '\t'), listed;
	struct buf full = {0};

	buf_add_char(&full, 'C');
	buf_add(&full, key.s, key.len);
	if (cdbfile_find(file, (struct str){full.data, full.len}, &listed) == 1)
		buf_add_str(&full, " recipients=listed");
	print_line("", (struct str){full.data + 1, full.len - 1}, value, where);
	buf_free(&full);
}

static void
print_rewrite(struct str key, struct str value)
{
	struct str where = str_cut(&value, '\t');

	print_line(key.s[0] == 's' ? "sender " : "recipient ",
	    (struct str){key.s + 1, key.len - 1}, value, where);
}

/* Its key is its number; the whole row is the value. */
static void
print_rule(struct str key, struct str value)
{
	struct str where = str_cut(&value, '\t');

	(void)key;
	print_line("", value, str_of(""), where);
}

/* Entries that share a record: "SENDER\tPATTERN\tROUTE" each. */
static void
print_entries(struct str key, struct str value)
{
	struct str line, where, from, pattern;
	struct buf name = {0};

	if (str_eq(value, BUILT_IN "\tyes"))
		return;
	while (value.len > 0) {
		line = str_cut(&value, '\n');
		where = str_cut(&line, '\t');
		from = str_cut(&line, '\t');
		pattern = str_cut(&line, '\t');
		buf_clear(&name);
		buf_add(&name, pattern.s, pattern.len);
		if (key.len > 0 && pattern.len > 0)
			buf_add_char(&name, '@');
		buf_add(&name, key.s, key.len);
		if (from.len > 0)
			buf_addf(&name, " from=%.*s", (int)from.len, from.s);
		print_line(
		    "", (struct str){buf_text(&name), name.len}, line, where);
	}
	buf_free(&name);
}

/* What of the map belongs to which table. */
static const struct {
	char letter;
	enum table table;
	void (*print)(struct str key, struct str value);
} letters[] = {
    {'S', TABLE_SETTINGS,   print_setting},
    {'N', TABLE_SETTINGS,   print_network},
    {'P', TABLE_PROFILES,   print_profile},
    {'R', TABLE_ROUTES,     print_other  },
    {'F', TABLE_ROUTES,     print_entries},
    {'W', TABLE_ROUTES,     print_entries},
    {'X', TABLE_ROUTES,     print_entries},
    {'D', TABLE_DOMAINS,    print_domain },
    {'L', TABLE_RECIPIENTS, print_other  },
    {'A', TABLE_ALIASES,    print_other  },
    {'U', TABLE_REWRITES,   print_rewrite},
    {'O', TABLE_RULES,      print_rule   },
};

static int
on_record(void *arg, struct str key, struct str value)
{
	const enum table *table = arg;
	char letter = key.len > 0 ? key.s[0] : '\0';
	struct str rest = {key.s + 1, key.len - 1};

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (letters[i].letter == letter && letters[i].table == *table)
			letters[i].print(rest, value);
	return 0;
}

int
dump_map(int dir)
{
	static const enum table order[] = {TABLE_SETTINGS, TABLE_PROFILES,
	    TABLE_ROUTES, TABLE_DOMAINS, TABLE_RECIPIENTS, TABLE_ALIASES,
	    TABLE_REWRITES, TABLE_RULES};
	enum table table;

	file = cdbfile_open(dir, MAP_FILE);
	if (!file) {
		fprintf(stderr, "cdbmaps: open %s: %s\n", MAP_FILE,
		    strerror(errno));
		return EXIT_BROKEN;
	}
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		table = order[i];
		printf("%s== %s\n", i > 0 ? "\n" : "", table_name(table));
		if (cdbfile_walk(file, on_record, &table) == -1) {
			fprintf(stderr, "cdbmaps: %s is damaged\n", MAP_FILE);
			cdbfile_close(&file);
			return EXIT_BROKEN;
		}
	}
	cdbfile_close(&file);
	return EXIT_DONE;
}
