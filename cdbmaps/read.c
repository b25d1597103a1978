/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8
#define QUOTE_MAX 60

/* Ended by NULL. */
static const char *const names[TABLES + 1] = {
    [TABLE_CREDENTIALS] = "credentials",
    [TABLE_PROFILES] = "profiles",
    [TABLE_SETTINGS] = "settings",
    [TABLE_ROUTES] = "routes",
    [TABLE_DOMAINS] = "domains",
    [TABLE_RECIPIENTS] = "recipients",
    [TABLE_ALIASES] = "aliases",
    [TABLE_REWRITES] = "rewrites",
    [TABLE_RULES] = "rules",
};

const char *
table_name(enum table table)
{
	return names[table];
}

int
table_find(struct str name, enum table *table_r)
{
	for (*table_r = 0; *table_r < TABLES; ++*table_r)
		if (str_eq(name, names[*table_r]))
			return 0;
	return -1;
}

/* One pass over one source, looking for the rows of one table. */
struct pass {
	struct source *source;
	enum table table;
	bool inside; /* what we read belongs to the table */
	row_fn *on_row;
	void *arg;

	struct row row; /* being put together */
	size_t capacity;
	size_t size;  /* of its lines */
	bool skipped; /* after a mistake, up to the next row */
	bool begun;
	unsigned depth; /* of includes */
};

static void read_source(struct pass *p);

static struct place
place_of(const struct pass *p, const char *s)
{
	return (struct place){p->source, s - p->source->text.s};
}

/* ---- what a row may order ---- */

static void
include_source(const struct pass *from, struct source *source)
{
	struct pass p = {
	    .source = source,
	    .table = from->table,
	    .on_row = from->on_row,
	    .arg = from->arg,
	    .depth = from->depth + 1,
	};

	read_source(&p);
}

static void
include_file(struct pass *p)
{
	struct place place = row_place(&p->row, 1);
	struct source *s;
	char *path;

	if (p->row.nwords != 2) {
		mistake(place, "expected one file name after \"include\"");
		return;
	}
	if (p->depth == DEPTH_MAX) {
		mistake(place,
		    "expected no more than %d files that include each other",
		    DEPTH_MAX);
		return;
	}
	path = source_beside(p->source, p->row.words[1].text);
	s = source_read(path, path);
	if (s)
		include_source(p, s);
	else
		mistake(place, "expected a file that can be read: %s: %s", path,
		    strerror(errno));
	free(path);
}

/* "== routes": from here on the document holds that table. */
static void
begin_table(struct pass *p)
{
	struct str name = {0};
	enum table table;

	if (p->row.nwords == 2)
		name = p->row.words[1].text;
	if (table_find(name, &table) == -1) {
		row_mistake(&p->row, 1, 0, "the name of a table", names);
		p->inside = false;
		return;
	}
	p->inside = table == p->table;
}

static void
end_row(struct pass *p)
{
	struct row *row = &p->row;

	if (row->nwords > 0 && !p->skipped) {
		if (p->source->document && str_eq(row->words[0].text, "=="))
			begin_table(p);
		else if (p->inside && str_eq(row->words[0].text, "include"))
			include_file(p);
		else if (p->inside)
			p->on_row(p->arg, row);
	}
	row->nwords = 0;
	p->size = 0;
	p->skipped = false;
}

/* ---- lines ---- */

static bool
is_control(char c)
{
	return (unsigned char)c < ' ' ? c != '\t' : c == 0x7f;
}

/* Can it be read at all?  A mistake otherwise. */
static bool
check_line(struct pass *p, struct str line)
{
	size_t bad = 0;

	if (p->size > ROW_MAX) {
		mistake(place_of(p, line.s),
		    "expected at most %d bytes in a line with its "
		    "continuations",
		    ROW_MAX);
		return false;
	}
	while (
	    bad < line.len && line.s[bad] != '\0' && !is_control(line.s[bad]))
		bad++;
	if (bad < line.len) {
		mistake(place_of(p, line.s + bad),
		    "expected text, not a control character (0x%02x)",
		    (unsigned char)line.s[bad]);
		return false;
	}
	if (!str_is_utf8(line, &bad)) {
		mistake(place_of(p, line.s + bad),
		    "expected UTF-8, not the byte 0x%02x",
		    (unsigned char)line.s[bad]);
		return false;
	}
	return true;
}

static void
add_words(struct pass *p, struct str line, unsigned number)
{
	struct row *row = &p->row;
	struct str word;

	while ((word = str_word(&line)).len > 0 && word.s[0] != '#') {
		if (row->nwords == p->capacity) {
			p->capacity = p->capacity ? 2 * p->capacity : 16;
			row->words = mem_resize(
			    row->words, p->capacity, sizeof(row->words[0]));
		}
		row->words[row->nwords++] = (struct word){word, number};
	}
}

/* Nothing but blanks or a comment: it neither ends nor continues a row. */
static bool
is_empty(struct str line)
{
	struct str word = str_word(&line);

	return word.len == 0 || word.s[0] == '#';
}

static void
read_line(struct pass *p, struct str line, unsigned number)
{
	bool indented;

	if (line.len > 0 && line.s[line.len - 1] == '\r')
		line.len--;
	indented = line.len > 0 && (line.s[0] == ' ' || line.s[0] == '\t');
	if (!indented && !is_empty(line)) {
		end_row(p);
		p->begun = true;
	}
	if (p->skipped || is_empty(line))
		return;
	p->size += line.len;
	if (!check_line(p, line)) {
		p->skipped = true;
		return;
	}
	if (indented && !p->begun)
		mistake(place_of(p, line.s),
		    "expected a line that begins in the first column: what is "
		    "indented continues the line before");
	else
		add_words(p, line, number);
}

static void
read_source(struct pass *p)
{
	struct str rest = p->source->text;
	unsigned number = 0;

	p->row.source = p->source;
	p->inside = !p->source->document;
	if (str_starts_nocase(rest, "\xef\xbb\xbf")) /* byte order mark */
		rest = (struct str){rest.s + 3, rest.len - 3};
	while (rest.len > 0)
		read_line(p, str_cut(&rest, '\n'), ++number);
	end_row(p);
	free(p->row.words);
}

void
read_rows(struct source *source, enum table table, row_fn *on_row, void *arg)
{
	struct pass p = {
	    .source = source,
	    .table = table,
	    .on_row = on_row,
	    .arg = arg,
	};

	read_source(&p);
}

/* ---- what parsers of rows need ---- */

/* After the last word when there is none of that number. */
struct place
row_place(const struct row *row, size_t word)
{
	const struct word *w;

	if (word < row->nwords) {
		w = &row->words[word];
		return (struct place){
		    row->source, w->text.s - row->source->text.s};
	}
	w = &row->words[row->nwords - 1];
	return (struct place){
	    row->source, w->text.s + w->text.len - row->source->text.s};
}

struct str
row_join(const struct row *row, size_t from, size_t to, struct buf *out)
{
	buf_clear(out);
	for (size_t i = from; i < to; i++) {
		if (i > from)
			buf_add_char(out, ' ');
		buf_add(out, row->words[i].text.s, row->words[i].text.len);
	}
	return (struct str){buf_text(out), out->len};
}

static void
add_word(struct buf *out, struct str word)
{
	buf_addf(out, "\"%.*s%s\"",
	    (int)(word.len > QUOTE_MAX ? QUOTE_MAX : word.len), word.s,
	    word.len > QUOTE_MAX ? "..." : "");
}

/* The mistake may be that nothing follows a word. */
void
row_mistake(const struct row *row, size_t from, size_t at, const char *expected,
    const char *const known[])
{
	struct buf text = {0};
	struct place place;
	const char *near;
	struct str word;

	while (from < row->nwords && at > row->words[from].text.len) {
		at -= row->words[from].text.len + 1;
		from++;
	}
	place = row_place(row, from);
	if (from >= row->nwords || at == row->words[from].text.len) {
		place.at += from < row->nwords ? at : 0;
		from -= from >= row->nwords;
		buf_addf(&text, "expected %s after ", expected);
		add_word(&text, row->words[from].text);
	} else {
		place.at += at;
		word = row->words[from].text;
		buf_addf(&text, "expected %s, not ", expected);
		add_word(&text, word);
		near = known ? nearest_word(word, known) : NULL;
		if (near)
			buf_addf(&text, "; did you mean \"%s\"?", near);
	}
	mistake(place, "%s", text.data);
	buf_free(&text);
}
