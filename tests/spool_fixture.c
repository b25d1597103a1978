/* SPDX-License-Identifier: ISC */
#include "spool_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "mail/draft.h"
#include "tap.h"

struct spool *
fixture_spool(enum room room)
{
	static char path[4096];
	struct spool *sp;

	if (*path == '\0') {
		tmpdir();
		snprintf(path, sizeof(path), "%s/spool", tmpdir_path());
		if (spool_setup(path) == -1)
			bail_out("no spool");
	}
	if ((sp = spool_open(path, room, true)) == NULL)
		bail_out("the spool does not open");
	return sp;
}

struct entry
fixture_message(struct spool *sp, unsigned slot, size_t n, const char *content)
{
	struct recipient *rcpts = mem_alloc(n * sizeof(*rcpts));
	struct envelope env = {.sender = "s@example.org",
	    .recipients = rcpts,
	    .nrecipients = n,
	    .protocol = "ESMTP",
	    .arrival_s = 1795000000};
	struct entry e = {.state = STATE_INCOMING, .shard = slot};
	struct commit c = {.slot = slot};
	struct draft d;

	for (size_t i = 0; i < n; i++)
		rcpts[i].address = "r@example.net";
	draft_begin(&d, slot, NULL, &env);
	if (draft_add(&d, sp, content, strlen(content)) == -1 ||
	    draft_finish(&d, sp) == -1)
		bail_out("no draft");
	memcpy(c.id, d.id, sizeof(c.id));
	memcpy(e.id, d.id, sizeof(d.id));
	if (spool_commit(sp, &c, 1) == -1 || c.status != 0)
		bail_out("no commit");
	free(rcpts);
	return e;
}

struct ids {
	char **list;
	size_t n;
};

static int
on_entry(void *arg, const struct entry *e)
{
	struct ids *ids = arg;

	ids->list = mem_resize(ids->list, ids->n + 1, sizeof(*ids->list));
	ids->list[ids->n++] = mem_dup(e->id);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t
fixture_count(struct spool *sp, enum state state, char *ids, size_t size)
{
	bool one = state == STATE_HELD || state == STATE_CORRUPT;
	struct ids found = {0};
	size_t n;

	for (unsigned s = 0; s < (one ? 1 : SHARDS); s++)
		if (spool_list(sp, state, s, false, on_entry, &found) == -1)
			bail_out("list %s", state_name(state));
	if (found.n > 0)
		qsort(found.list, found.n, sizeof(*found.list), compare);
	if (ids != NULL)
		*ids = '\0';
	for (size_t i = 0; i < found.n; i++) {
		if (ids != NULL && strlen(ids) + ID_SIZE < size) {
			strcat(ids, i > 0 ? " " : "");
			strcat(ids, found.list[i]);
		}
		free(found.list[i]);
	}
	n = found.n;
	free(found.list);
	return n;
}
