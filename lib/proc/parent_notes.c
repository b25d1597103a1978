/* SPDX-License-Identifier: ISC */
/*
 * What outlives a worker without touching the disk: the id it was at, how
 * often an id was met in a crash, how many sessions it had.
 */
#include <stdatomic.h>
#include <string.h>

#include "proc/parent_private.h"

#define SUSPECT_DEATHS 2
#define CRASHES_MAX    64 /* ids remembered; the oldest makes room */

/* Only the parent writes id; deaths is 0 while it does. */
struct crash {
	char id[ID_SIZE];
	atomic_uint deaths;
};

struct notes {
	char id[WORKERS_MAX][ID_SIZE]; /* each written by its worker only */
	atomic_int sessions[WORKERS_MAX];
	struct crash crashes[CRASHES_MAX];
	atomic_uint ncrashes; /* ever; 0 is the common case */
};

static struct notes lonely; /* of a process without a parent */
static struct notes *notes = &lonely;
static unsigned self;

void
parent_notes_share(void)
{
	notes = mem_share(sizeof(*notes));
}

void
parent_notes_become(unsigned number)
{
	self = number;
}

unsigned
parent_number(void)
{
	return self;
}

void
parent_note(const char *id)
{
	if (id == NULL)
		notes->id[self][0] = '\0';
	else
		strlcpy(notes->id[self], id, ID_SIZE);
}

static struct crash *
find_crash(const char *id)
{
	for (size_t i = 0; i < CRASHES_MAX; i++) {
		struct crash *c = &notes->crashes[i];

		if (atomic_load(&c->deaths) > 0 && strcmp(c->id, id) == 0)
			return c;
	}
	return NULL;
}

bool
parent_suspects(const char *id)
{
	const struct crash *c;

	if (atomic_load(&notes->ncrashes) == 0)
		return false;
	c = find_crash(id);
	return c != NULL && atomic_load(&c->deaths) >= SUSPECT_DEATHS;
}

void
parent_forget(const char *id)
{
	struct crash *c = find_crash(id);

	if (c != NULL)
		atomic_store(&c->deaths, 0);
}

static void
count_crash(const char *id)
{
	struct crash *c = find_crash(id);
	unsigned n;

	if (c != NULL) {
		atomic_fetch_add(&c->deaths, 1);
		return;
	}
	n = atomic_load(&notes->ncrashes);
	c = &notes->crashes[n % CRASHES_MAX];
	atomic_store(&c->deaths, 0);
	strlcpy(c->id, id, sizeof(c->id));
	atomic_store(&c->deaths, 1);
	atomic_store(&notes->ncrashes, n + 1);
}

const char *
parent_notes_end(unsigned number, bool crashed)
{
	static char id[ID_SIZE];

	memcpy(id, notes->id[number], ID_SIZE);
	id[ID_SIZE - 1] = '\0'; /* a crash may have written anything there */
	notes->id[number][0] = '\0';
	atomic_store(&notes->sessions[number], 0);
	if (!id_check(id))
		id[0] = '\0';
	if (crashed && id[0] != '\0')
		count_crash(id);
	return id;
}

unsigned
parent_sessions_of(unsigned number)
{
	return (unsigned)atomic_load(&notes->sessions[number]);
}

int
parent_sessions(int change)
{
	int sum = 0;

	atomic_fetch_add(&notes->sessions[self], change);
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		sum += atomic_load(&notes->sessions[i]);
	return sum;
}
