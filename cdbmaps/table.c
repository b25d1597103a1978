/* SPDX-License-Identifier: ISC */
/*
 * The routing table: rows for all hosts, and tables of which a host uses one.
 *
 * The rows of the active table are read before those for all hosts, so that
 * they win over the same pattern there; the rows of the others are checked and
 * forgotten.
 */
#include "cdbmaps.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/regex.h"
#include "mail/pattern.h"
#include "mail/route.h"

/* Of one domain, and of the whole table: each is tried in turn. */
#define LINES_MAX 1000

/* ---- tables and the hosts that use them ---- */

struct host {
	struct str name, table;
	struct place place; /* of the table's name */
	struct host *next;
};

static struct host *hosts;
static struct str active, current;
static bool common_pass;

static const char *
check_name(struct str name)
{
	if (name.len == 0 || name.len > 63)
		return "a table's name of 1 to 63 characters";
	for (size_t i = 0; i < name.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
			    "WXYZ0123456789-_",
			name.s[i]))
			return "a table's name of letters, digits, \"-\" and "
			       "\"_\"";
	return NULL;
}

static bool
is_word(const struct row *row, size_t i, const char *word)
{
	return i < row->nwords && str_eq(row->words[i].text, word);
}

/* A domain of these names is written with its dot or not at all. */
static bool
is_order(const struct row *row)
{
	return is_word(row, 0, "table") || is_word(row, 0, "host");
}

static bool
is_this_host(struct str name, const char *host)
{
	char machine[DOMAIN_MAX + 1];

	if (host)
		return str_eq_nocase(name, host);
	if (str_eq_nocase(name, settings_compiled()->hostname))
		return true;
	machine[DOMAIN_MAX] = '\0';
	return gethostname(machine, DOMAIN_MAX) == 0 &&
	       str_eq_nocase(name, machine);
}

/* "host NAME uses TABLE" */
static const char *
parse_host(const struct row *row, size_t *word_r)
{
	*word_r = 1;
	if (row->nwords < 2)
		return "host NAME uses TABLE";
	if (domain_check(row->words[1].text, false) != NULL)
		return "the name of a host";
	for (struct host *h = hosts; h; h = h->next)
		if (str_eq_nocase(row->words[1].text, h->name.s))
			return "each host once";
	*word_r = 2;
	if (!is_word(row, 2, "uses"))
		return "\"uses\" and a table";
	*word_r = 3;
	if (row->nwords < 4)
		return "a table's name";
	*word_r = 4;
	return row->nwords > 4 ? "nothing more" : NULL;
}

/* The first pass: which table is ours? */
void
on_host(void *arg, const struct row *row)
{
	const char *expected, *host = arg;
	struct host *h;
	size_t word;

	if (!is_word(row, 0, "host"))
		return;
	expected = parse_host(row, &word);
	if (expected) {
		row_mistake(row, word, 0, expected, NULL);
		return;
	}
	h = mem_alloc(sizeof(*h));
	h->name =
	    str_of(mem_ndup(row->words[1].text.s, row->words[1].text.len));
	h->table = row->words[3].text;
	h->place = row_place(row, 3);
	h->next = hosts;
	hosts = h;
	if (is_this_host(h->name, host))
		active = h->table;
}

static bool
same(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

static void
begin_table(const struct row *row)
{
	const char *expected;

	expected =
	    check_name(row->nwords > 1 ? row->words[1].text : str_of(""));
	if (expected || row->nwords > 2) {
		row_mistake(row, expected ? 1 : 2, 0,
		    expected ? expected : "nothing more", NULL);
		return;
	}
	current = row->words[1].text;
	if (common_pass)
		return;
	if (!record_add('t', current, str_of(""), row))
		mistake(row_place(row, 1),
		    "expected each table once; %.*s is already at %s",
		    (int)current.len, current.s,
		    record_place(record_find('t', current)));
}

/* ---- what a row says ---- */

struct item {
	const struct row *row;
	char letter;                /* of its record */
	char key[ADDRESS_MAX + 1];  /* of its record */
	char from[ADDRESS_MAX + 1]; /* sender, or "" */
	struct str pattern;         /* in its line */
	char local[ADDRESS_MAX + 1];
	const char *route; /* NULL: with a mistake */
};

static const char *
parse_regex(struct item *e, struct str text)
{
	const char *error;
	struct regex *re;
	size_t at;

	if (pattern_regex(text).len == 0)
		return "an expression between \"/\" and \"/\"";
	re = regex_compile(pattern_regex(text), true, &error, &at);
	if (!re) {
		mistake((struct place){e->row->source,
			    row_place(e->row, 0).at + 1 + at},
		    "expected a regular expression: %s", error);
		return "";
	}
	regex_free(&re);
	e->letter = 'X';
	e->key[0] = '\0';
	e->pattern = text;
	return NULL;
}

static const char *
parse_pattern(struct item *e)
{
	struct str text = e->row->words[0].text;
	const char *expected;

	if (pattern_is_regex(text))
		return parse_regex(e, text);
	if (pattern_is_glob(text)) {
		e->letter = 'W';
		expected = pattern_glob(text, e->local, e->key);
		e->pattern = str_of(e->local);
		return expected;
	}
	e->letter = 'R';
	e->pattern = (struct str){"", 0};
	return route_pattern(text, e->key);
}

/* "from=SENDER": returns in which word the route begins. */
static size_t
parse_from(struct item *e)
{
	struct str text;
	const char *expected;

	e->from[0] = '\0';
	if (e->row->nwords < 2 ||
	    !str_starts_nocase(e->row->words[1].text, "from="))
		return 1;
	text = e->row->words[1].text;
	str_cut(&text, '=');
	expected = pattern_sender(text, e->from);
	if (expected)
		row_mistake(e->row, 1, strlen("from="), expected, NULL);
	else if (e->letter == 'R')
		e->letter = 'F';
	return 2;
}

static int
parse_entry(struct item *e, const struct row *row)
{
	const char *expected;

	e->row = row;
	expected = parse_pattern(e);
	e->route = route_of_row(row, parse_from(e));
	if (expected && expected[0] != '\0')
		row_mistake(row, 0, 0, expected, NULL);
	return expected ? -1 : 0;
}

/* ---- into the map ---- */

/* Table, pattern and sender together stand there once. */
static struct str
mark_of(const struct item *e, struct str table)
{
	static struct buf mark;

	buf_clear(&mark);
	buf_addf(&mark, "%.*s\t%c%s\t%.*s\t%s", (int)table.len, table.s,
	    e->letter, e->key, (int)e->pattern.len, e->pattern.s, e->from);
	return (struct str){mark.data, mark.len};
}

static void
duplicate(const struct item *e, const struct record *r)
{
	struct str name = e->row->words[0].text;

	if (e->letter == 'R' || e->letter == 'F')
		name = str_of(e->key);
	if (record_by_hand(r) && !e->row->source->by_hand)
		return;
	mistake(row_place(e->row, 0),
	    "expected each pattern once; %.*s is already at %s", (int)name.len,
	    name.s, record_place(r));
}

/* The common case keeps no mark: its record is one itself. */
static bool
is_new(const struct item *e)
{
	struct str mark;

	if (current.len == 0 && e->letter == 'R')
		return true;
	mark = mark_of(e, current);
	if (record_add('r', mark, str_of(""), e->row))
		return true;
	duplicate(e, record_find('r', mark));
	return false;
}

static size_t
count_lines(const struct record *r)
{
	struct str value = record_value(r);
	size_t n = 0;

	for (; value.len > 0; n++)
		str_cut(&value, '\n');
	return n;
}

static void
add_line(const struct item *e, const char *text)
{
	struct record *r = record_find(e->letter, str_of(e->key));
	struct buf lines = {0};

	if (!r) {
		record_add(e->letter, str_of(e->key), str_of(text), e->row);
		return;
	}
	if (count_lines(r) >= LINES_MAX) {
		mistake(row_place(e->row, 0),
		    "expected at most %d of these, which are tried in turn",
		    LINES_MAX);
		return;
	}
	buf_add(&lines, record_value(r).s, record_value(r).len);
	buf_addf(&lines, "\n%s:%u\t%s", e->row->source->name,
	    e->row->words[0].line, text);
	record_set_value(r, (struct str){lines.data, lines.len});
	buf_free(&lines);
}

static void
add_limited(const struct item *e)
{
	struct buf text = {0};

	buf_addf(&text, "%s\t%.*s\t%s", e->from, (int)e->pattern.len,
	    e->pattern.s, e->route);
	add_line(e, text.data);
	buf_free(&text);
	if (e->from[0] != '\0')
		record_add('F', str_of(""), str_of("yes"), NULL);
	if (e->letter == 'W')
		record_add('W', str_of(""), str_of("yes"), NULL);
}

static void
add_entry(const struct item *e)
{
	struct str key = str_of(e->key);

	if (e->letter != 'R') {
		if (e->route)
			add_limited(e);
		return;
	}
	/* With a mistake in it it still answers for its pattern. */
	if (record_add('R', key, str_of(e->route ? e->route : ""), e->row))
		return;
	if (active.len > 0 && record_find('r', mark_of(e, active)))
		return;
	duplicate(e, record_find('R', key));
}

static void
on_route(const struct row *row)
{
	static struct item e;

	if (parse_entry(&e, row) == 0 && is_new(&e) &&
	    (current.len == 0 || same(current, active)))
		add_entry(&e);
}

/* ---- the passes ---- */

static void
follow_tables(const struct row *row)
{
	static const struct source *file;

	if (row->source->by_hand || !file)
		current = (struct str){"", 0};
	file = row->source;
	if (is_word(row, 0, "table"))
		begin_table(row);
}

void
on_route_of_table(void *arg, const struct row *row)
{
	(void)arg;
	common_pass = false;
	follow_tables(row);
	if (!is_order(row) && current.len > 0)
		on_route(row);
}

void
on_route_of_all(void *arg, const struct row *row)
{
	(void)arg;
	if (!common_pass)
		current = (struct str){"", 0};
	common_pass = true;
	follow_tables(row);
	if (!is_order(row) && current.len == 0)
		on_route(row);
}

void
routes_finish(const struct source *source)
{
	for (const struct host *h = hosts; h; h = h->next)
		if (!record_find('t', h->table))
			mistake(h->place,
			    "expected a table of these rows, not \"%.*s\"",
			    (int)h->table.len, h->table.s);
	if (!record_find('R', str_of("*")))
		mistake((struct place){source, source->text.len},
		    "expected a default route, a line such as \"* mx\" or "
		    "\"* smtp [192.0.2.9]\"");
}

const struct record *
route_covering(const char *domain)
{
	const struct record *r = record_find('R', str_of(domain));

	while (!r && (domain = strchr(domain + (domain[0] == '.'), '.')))
		r = record_find('R', str_of(domain));
	return r;
}
