/* SPDX-License-Identifier: ISC */
/*
 * Entries of the routing table that no key finds: their record is read from
 * line to line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/regex.h"
#include "mail/pattern.h"
#include "mail/route_search.h"

struct line {
	struct str where, sender, pattern, route;
};

/* The lines of a record; the place of the first one was cut off already. */
struct lines {
	struct str where, rest;
	bool begun;
};

static bool
next_line(struct lines *l, struct line *line_r)
{
	struct str text;

	if (l->rest.len == 0)
		return false;
	text = str_cut(&l->rest, '\n');
	line_r->where = l->begun ? str_cut(&text, '\t') : l->where;
	line_r->sender = str_cut(&text, '\t');
	line_r->pattern = str_cut(&text, '\t');
	line_r->route = text;
	l->begun = true;
	return true;
}

/* ---- one line ---- */

static void
tell(const struct search *s, const char *step, const struct line *line,
    const char *domain, enum step_answer answer)
{
	char where[256];
	struct buf key = {0};

	if (!s->on_step)
		return;
	str_copy(where, sizeof(where), line->where);
	buf_addf(&key, "%.*s%s%s", (int)line->pattern.len, line->pattern.s,
	    line->pattern.len > 0 && domain[0] != '\0' ? "@" : "", domain);
	if (line->sender.len > 0)
		buf_addf(
		    &key, " from=%.*s", (int)line->sender.len, line->sender.s);
	s->on_step(
	    s->arg, &(struct route_step){step, buf_text(&key), answer, where});
	buf_free(&key);
}

static bool
holds_for_sender(const struct search *s, const struct line *line)
{
	return line->sender.len == 0 ||
	       (s->limited &&
		   pattern_sender_match(line->sender, str_of(s->sender)));
}

static enum step_answer
answer_of(const struct search *s, const struct line *line, bool matches)
{
	if (!matches)
		return STEP_DIFFERS;
	return holds_for_sender(s, line) ? STEP_MATCHES : STEP_SENDER;
}

static void
answer(struct search *s, const struct line *line)
{
	s->where = line->where;
	s->value = line->route;
}

/* ---- limited to senders ---- */

int
route_lines_limited(struct search *s, const char *step, const char *key)
{
	struct lines lines = {0};
	struct line line;
	enum step_answer matches;
	int found;

	found = map_find(s->map, 'F', str_of(key), &lines.where, &lines.rest);
	if (found != 1)
		return found;
	while (next_line(&lines, &line)) {
		matches = answer_of(s, &line, true);
		tell(s, step, &line, key, matches);
		if (matches != STEP_MATCHES)
			continue;
		answer(s, &line);
		return 1;
	}
	return 0;
}

/* ---- address patterns ---- */

static int
globs_of(struct search *s, const char *domain, char *pattern_r)
{
	const char *at = strchr(s->address, '\0') - strlen(s->domain) - 1;
	struct str local = {s->address, at - s->address};
	struct lines lines = {0};
	struct line line;
	enum step_answer matches;
	int found;

	found =
	    map_find(s->map, 'W', str_of(domain), &lines.where, &lines.rest);
	if (found != 1)
		return found;
	while (next_line(&lines, &line)) {
		matches = answer_of(
		    s, &line, pattern_glob_match(line.pattern, local));
		tell(s, "address pattern", &line, domain, matches);
		if (matches != STEP_MATCHES)
			continue;
		snprintf(pattern_r, ADDRESS_MAX + 1, "%.*s@%s",
		    (int)line.pattern.len, line.pattern.s, domain);
		answer(s, &line);
		return 1;
	}
	return 0;
}

/* Those of the domain, of its parents from long to short, of all domains. */
int
route_lines_globs(struct search *s, char *pattern_r)
{
	const char *parent = s->domain[0] == '[' ? NULL : s->domain;
	int found = map_find(s->map, 'W', str_of(""), NULL, &s->value);

	if (found != 1)
		return found;
	found = globs_of(s, s->domain, pattern_r);
	while (found == 0 && parent && (parent = strchr(parent, '.'))) {
		found = globs_of(s, parent, pattern_r);
		parent++;
	}
	return found == 0 ? globs_of(s, "*", pattern_r) : found;
}

/* ---- regular expressions ---- */

/* Compiled once a map. */
struct expressions {
	struct regex **list;
	size_t n;
};

static void
expressions_free(void *kept)
{
	struct expressions *e = kept;

	for (size_t i = 0; i < e->n; i++)
		regex_free(&e->list[i]);
	free(e->list);
	free(e);
}

/* cdbmaps has compiled it as well; what is NULL here gives no answer. */
static void
expressions_add(struct expressions *e, const struct line *line)
{
	const char *error;
	size_t at;

	e->list = mem_resize(e->list, e->n + 1, sizeof(e->list[0]));
	e->list[e->n] =
	    regex_compile(pattern_regex(line->pattern), true, &error, &at);
	if (!e->list[e->n++])
		log_warnx("map: expression at %.*s: %s", (int)line->where.len,
		    line->where.s, error);
}

static const struct expressions *
expressions_of(struct map *m, struct lines lines)
{
	void **kept = map_keep(m, MAP_KEEPS_EXPRESSIONS, expressions_free);
	struct line line;

	if (!*kept) {
		*kept = mem_alloc(sizeof(struct expressions));
		while (next_line(&lines, &line))
			expressions_add(*kept, &line);
	}
	return *kept;
}

/* One that is for other senders is not searched for. */
static enum step_answer
match(const struct search *s, const struct regex *re, const struct line *line)
{
	int found;

	if (!holds_for_sender(s, line))
		return STEP_SENDER;
	found = re ? regex_match(re, str_of(s->address)) : -1;
	if (found != -1)
		return found == 1 ? STEP_MATCHES : STEP_DIFFERS;
	log_warnx("route of %s: the expression at %.*s gives no answer "
		  "within its limits",
	    s->address, (int)line->where.len, line->where.s);
	return STEP_UNKNOWN;
}

int
route_lines_regexes(struct search *s, char *pattern_r)
{
	const struct expressions *e;
	struct lines lines = {0};
	struct line line;
	enum step_answer matches;
	int found;

	found = map_find(s->map, 'X', str_of(""), &lines.where, &lines.rest);
	if (found != 1)
		return found;
	e = expressions_of(s->map, lines);
	for (size_t i = 0; i < e->n && next_line(&lines, &line); i++) {
		matches = match(s, e->list[i], &line);
		tell(s, "expression", &line, "", matches);
		if (matches == STEP_DIFFERS || matches == STEP_SENDER)
			continue;
		snprintf(pattern_r, ADDRESS_MAX + 1, "%.*s",
		    (int)line.pattern.len, line.pattern.s);
		answer(s, &line);
		return matches == STEP_MATCHES ? 1 : -1;
	}
	return 0;
}
