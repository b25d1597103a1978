/* SPDX-License-Identifier: ISC */
/*
 * queue-tool verify: every file of the spool against its checksums, every name
 * against the others.  Anything in corrupt/ counts as bad until somebody has
 * seen to it.
 */
#include "queue_tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct verify {
	struct tool *t;
	struct entry *seen;
	size_t n, room;
	long bad;
	long counts[STATES];
};

static void
complain(struct verify *v, const struct entry *e, const char *why)
{
	char name[ENTRY_SIZE];

	entry_format(e, name);
	printf("BAD %s/%s: %s\n", state_name(e->state), name, why);
	v->bad++;
}

/* A crash or a full disk can leave that, so it is told and not held against
 * the spool. */
static void
note_torn(const struct entry *e)
{
	char name[ENTRY_SIZE];

	entry_format(e, name);
	printf("torn %s/%s: a record of its journal, which is skipped\n",
	    state_name(e->state), name);
}

static void
remember(struct verify *v, const struct entry *e)
{
	if (v->n == v->room) {
		v->room = v->room * 2 + 64;
		v->seen = mem_resize(v->seen, v->room, sizeof(*v->seen));
	}
	v->seen[v->n++] = *e;
}

static void
on_view(void *arg, struct view *view, const char *why)
{
	struct verify *v = arg;

	v->counts[view->entry.state]++;
	if (why == NULL)
		switch (queuefile_verify(&view->qf)) {
		case 0:
			why = "content does not match its checksum";
			break;
		case -1:
			why = strerror(errno);
			break;
		}
	if (why == NULL && view->entry.state == STATE_CORRUPT)
		why = "moved here as damaged, though it reads well";
	if (why != NULL)
		complain(v, &view->entry, why);
	else if (view->qf.torn)
		note_torn(&view->entry);
	remember(v, &view->entry);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(
	    ((const struct entry *)a)->id, ((const struct entry *)b)->id);
}

static bool
is_there(struct verify *v, const struct entry *e)
{
	struct view view;
	const char *why = view_open(v->t, e, &view);

	view_close(&view);
	return why == NULL || strcmp(why, "gone") != 0;
}

/* An id in two states.  One that moved while we read is seen twice and is in
 * one place only; so both are looked at again. */
static void
find_doubles(struct verify *v)
{
	if (v->n > 1)
		qsort(v->seen, v->n, sizeof(*v->seen), compare);
	for (size_t i = 1; i < v->n; i++)
		if (compare(&v->seen[i - 1], &v->seen[i]) == 0 &&
		    is_there(v, &v->seen[i - 1]) && is_there(v, &v->seen[i]))
			complain(v, &v->seen[i],
			    "its id is in another state "
			    "too");
}

/* Names go to the terminal, whatever is in them. */
static void
on_odd(void *arg, int dirfd, const char *where, const char *name)
{
	struct verify *v = arg;

	(void)dirfd;
	printf("BAD %s/", where);
	for (; *name != '\0'; name++)
		putchar(*name > ' ' && *name < 0x7f ? *name : '?');
	printf(": no entry's name\n");
	v->bad++;
}

static int
find_odd(struct verify *v)
{
	for (int s = 0; s < STATES; s++) {
		bool one = s == STATE_HELD || s == STATE_CORRUPT;

		for (unsigned sh = 0; sh < (one ? 1 : SHARDS); sh++)
			if (spool_list_odd(v->t->spool, (enum state)s, sh,
				on_odd, v) == -1)
				return -1;
	}
	return 0;
}

int
run_verify(struct tool *t, int argc, char *argv[])
{
	struct selection all = {.older_s = -1, .younger_s = -1};
	struct verify v = {.t = t};

	(void)argv;
	if (argc != 1)
		return EXIT_USAGE;
	if (select_each(t, &all, on_view, &v) == -1 || find_odd(&v) == -1)
		return EXIT_BROKEN;
	find_doubles(&v);
	free(v.seen);
	for (int s = 0; s < STATES; s++)
		printf("%s %ld%s", state_name((enum state)s), v.counts[s],
		    s < STATES - 1 ? ", " : "\n");
	printf(v.bad > 0 ? "%ld bad\n" : "all good\n", v.bad);
	return v.bad > 0 ? EXIT_NONE : EXIT_DONE;
}
