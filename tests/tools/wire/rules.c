/* SPDX-License-Identifier: ISC */
#include "rules.h"

#include <err.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const steps[RULE_STEPS] = {
    "greeting", "ehlo", "mail", "rcpt", "data", "content", "eod"};

static enum rule_step
step_of(const char *word)
{
	unsigned i;

	for (i = 0; i < RULE_STEPS; i++)
		if (word != NULL && strcmp(word, steps[i]) == 0)
			return i;
	errx(2, "rules: %s is not a step", word != NULL ? word : "nothing");
}

static char *
copy(const char *s)
{
	char *c = s != NULL ? strdup(s) : NULL;

	if (c == NULL)
		errx(2, "rules: a word is missing");
	return c;
}

static void
add_reply(struct rules *r, enum rule_step step, char *rest)
{
	struct rule *rule;

	r->list = realloc(r->list, (r->n + 1) * sizeof(*r->list));
	if (r->list == NULL)
		err(1, "realloc");
	rule = &r->list[r->n++];
	rule->step = step;
	rule->pattern = copy(step <= RULE_EHLO ? "*" : strsep(&rest, " "));
	rule->reply = copy(rest);
}

static void
add_extension(struct rules *r, const char *rest)
{
	if (r->n_extensions == RULE_EXTENSIONS_MAX)
		errx(2, "rules: too many extensions");
	r->extensions[r->n_extensions++] = copy(rest);
}

static void
add_delay(struct rules *r, char *rest)
{
	enum rule_step step = step_of(strsep(&rest, " "));

	r->delay_ms[step] = rest != NULL ? (unsigned)atoi(rest) : 0;
	if (rest == NULL ||
	    strcmp(rest + strspn(rest, "0123456789"), "ms") != 0)
		errx(2, "rules: expected a delay such as 50ms");
}

static void
add_line(struct rules *r, char *line)
{
	char *rest = line, *word;

	line[strcspn(line, "#\n")] = '\0';
	if (line[strspn(line, " \t")] == '\0')
		return;
	word = strsep(&rest, " ");
	if (strcmp(word, "close-at") == 0)
		r->close_at[step_of(rest)] = true;
	else if (strcmp(word, "delay") == 0)
		add_delay(r, rest);
	else if (strcmp(word, "close-after") == 0)
		r->close_after = (unsigned)atoi(rest != NULL ? rest : "0");
	else if (strcmp(word, "no-pipelining") == 0)
		r->no_pipelining = true;
	else if (strcmp(word, "no-8bitmime") == 0)
		r->no_8bitmime = true;
	else if (strcmp(word, "no-size") == 0)
		r->no_size = true;
	else if (strcmp(word, "extension") == 0)
		add_extension(r, rest);
	else
		add_reply(r, step_of(word), rest);
}

static void
clear(struct rules *r)
{
	unsigned i;

	for (i = 0; i < r->n; i++) {
		free(r->list[i].pattern);
		free(r->list[i].reply);
	}
	for (i = 0; i < r->n_extensions; i++)
		free(r->extensions[i]);
	free(r->list);
	*r = (struct rules){0};
}

static bool
changed(const char *path)
{
	static struct stat last;
	struct stat st;

	if (stat(path, &st) == -1)
		err(1, "%s", path);
	if (st.st_ino == last.st_ino && st.st_size == last.st_size &&
	    st.st_mtim.tv_sec == last.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == last.st_mtim.tv_nsec)
		return false;
	last = st;
	return true;
}

void
rules_refresh(struct rules *r, const char *path)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	if (path == NULL || !changed(path))
		return;
	clear(r);
	f = fopen(path, "r");
	if (f == NULL)
		err(1, "%s", path);
	while (getline(&line, &size, f) != -1)
		add_line(r, line);
	free(line);
	fclose(f);
}

const char *
rules_find(const struct rules *r, enum rule_step step, const char *address)
{
	unsigned i;

	for (i = 0; i < r->n; i++)
		if (r->list[i].step == step &&
		    fnmatch(r->list[i].pattern, address, FNM_CASEFOLD) == 0)
			return r->list[i].reply;
	return NULL;
}

void
rules_address(const char *command, char *address_r, size_t size)
{
	const char *from = strchr(command, '<');
	const char *to = from != NULL ? strchr(from, '>') : NULL;

	address_r[0] = '\0';
	if (to != NULL)
		snprintf(
		    address_r, size, "%.*s", (int)(to - from - 1), from + 1);
}
