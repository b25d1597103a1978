/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISTAKES_MAX 100

struct mistake {
	struct place place;
	char *text;
};

static struct mistake mistakes[MISTAKES_MAX];
static size_t nmistakes, nothers;

void
mistake(struct place place, const char *fmt, ...)
{
	struct buf text = {0};
	struct mistake *m;
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < nmistakes; i++) {
		m = &mistakes[i];
		if (m->place.source == place.source &&
		    m->place.at == place.at && strcmp(m->text, text.data) == 0)
			goto out;
	}
	if (nmistakes == MISTAKES_MAX) {
		nothers++;
		goto out;
	}
	mistakes[nmistakes++] = (struct mistake){place, text.data};
	return;
out:
	buf_free(&text);
}

/* ---- places ---- */

static unsigned
line_of(struct place place)
{
	struct str text = place.source->text;
	unsigned line = 1;

	for (size_t i = 0; i < place.at && i < text.len; i++)
		line += text.s[i] == '\n';
	return line;
}

/* In characters, from 1; a tab is one. */
static unsigned
column_of(struct place place)
{
	struct str text = place.source->text;
	size_t at = place.at < text.len ? place.at : text.len;
	unsigned column = 1;

	for (; at > 0 && text.s[at - 1] != '\n'; at--)
		if (((unsigned char)text.s[at - 1] & 0xc0) != 0x80)
			column++;
	return column;
}

const char *
place_name(struct place place)
{
	static char names[4][300];
	static unsigned turn;
	char *name = names[turn++ % 4];

	snprintf(name, sizeof(names[0]), "%s:%u", place.source->path,
	    line_of(place));
	return name;
}

static int
compare(const void *one, const void *other)
{
	const struct mistake *a = one, *b = other;

	if (a->place.source != b->place.source)
		return a->place.source->number < b->place.source->number ? -1
		                                                         : 1;
	return (a->place.at > b->place.at) - (a->place.at < b->place.at);
}

size_t
report_print(void)
{
	struct mistake *m = mistakes;

	qsort(mistakes, nmistakes, sizeof(mistakes[0]), compare);
	for (; m < mistakes + nmistakes; m++)
		fprintf(stderr, "%s:%u:%u: %s\n", m->place.source->path,
		    line_of(m->place), column_of(m->place), m->text);
	if (nothers > 0)
		fprintf(stderr, "and %zu more mistakes\n", nothers);
	return nmistakes + nothers;
}

/* ---- hints ---- */

#define WORD_MAX 31

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* How many letters to change, add, leave out or swap with their neighbour. */
static unsigned
distance(struct str a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t blen = strlen(b);

	if (a.len > WORD_MAX || blen > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= a.len; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= blen; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a.len; i++)
		for (size_t j = 1; j <= blen; j++) {
			d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1,
			    d[i - 1][j - 1] + (a.s[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a.s[i - 1] == b[j - 2] &&
			    a.s[i - 2] == b[j - 1])
				d[i][j] = least(
				    d[i][j], d[i - 2][j - 2] + 1, WORD_MAX);
		}
	return d[a.len][blen];
}

/* A third of its letters may be wrong. */
const char *
nearest_word(struct str word, const char *const list[])
{
	unsigned best = word.len / 3 + 1, d;
	const char *nearest = NULL;

	for (; *list; list++) {
		if (str_eq(word, *list))
			return NULL; /* it is not the word that is wrong */
		d = distance(word, *list);
		if (d <= best && d < word.len) {
			best = d - (d > 0);
			nearest = *list;
		}
	}
	return nearest;
}
