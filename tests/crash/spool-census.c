/* SPDX-License-Identifier: ISC */
/*
 * spool-census: who is in a spool, one line for each entry.
 *
 *	spool-census [-r] SPOOL
 *
 * With -r it first recovers what a crash has left, by the same calls and in
 * the same order as the daemons when they take their shards and queue-tool when
 * it changes something.
 *
 *	entry STATE ID KIND TEST-ID DAMAGE RECIPIENTS
 *	leftover ROOM.SHARD NAME
 *
 * KIND is mail or report (no sender); TEST-ID the first X-Test-Id in the
 * content, of a report that of what it is about; DAMAGE "-" or what is wrong,
 * in one word; RECIPIENTS those that the entry still stands for, with commas:
 * ADDRESS=pending, or ADDRESS=unreported for a failure nobody was told of.
 * "-" where there is nothing to say.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "mail/progress.h"
#include "mail/queuefile.h"
#include "mail/spool.h"

/* ---- recovery ---- */

static struct spool *
open_as(const char *path, enum room room)
{
	struct spool *sp = spool_open(path, room, true);

	if (sp == NULL)
		errx(1, "%s: no spool", path);
	return sp;
}

static int
recover_shard(struct spool *sp, unsigned shard)
{
	if (!spool_shard_take(sp, shard)) {
		warnx("%s has shard %u", room_name(sp->room), shard);
		return -1;
	}
	if (spool_clean_slot(sp, shard) == -1)
		return -1;
	if (sp->room == ROOM_ENGINE)
		return spool_recover_splits(sp, shard);
	if (sp->room == ROOM_SENDER)
		return spool_recover_sending(sp, shard, NULL);
	return 0;
}

static void
recover(const char *path)
{
	static const enum room rooms[] = {
	    ROOM_RECEIVER, ROOM_ENGINE, ROOM_SENDER};
	struct spool *sp;

	sp = open_as(path, ROOM_QUEUE_TOOL);
	if (spool_share_slot(sp) == -1)
		errx(1, "recovery failed");
	spool_close(&sp);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		sp = open_as(path, rooms[i]);
		for (unsigned s = 0; s < SHARDS; s++)
			if (recover_shard(sp, s) == -1)
				errx(1, "recovery failed");
		spool_close(&sp);
	}
}

/* ---- one entry ---- */

static void
print_test_id(struct queuefile *qf)
{
	static const char key[] = "X-Test-Id: ";
	struct buf content = {0};
	char part[65536];
	const char *data, *at;
	ssize_t n;

	while ((n = queuefile_content(
		    qf, content.len, part, sizeof(part), &data)) > 0)
		buf_add(&content, data, (size_t)n);
	buf_add_char(&content, '\r');
	at = memmem(content.data, content.len, key, strlen(key));
	if (at == NULL)
		printf(" -");
	else
		printf(" %.*s", (int)strcspn(at + strlen(key), "\r"),
		    at + strlen(key));
	buf_free(&content);
}

static const char *
still_to_do(const struct rcpt_progress *p)
{
	if (!p->mine)
		return NULL;
	return !p->final                   ? "pending"
	       : p->failed && !p->reported ? "unreported"
	                                   : NULL;
}

static void
print_recipients(const struct queuefile *qf, const struct progress *progress)
{
	const char *separator = " ", *what;

	for (size_t i = 0; i < progress->nrcpts; i++) {
		if ((what = still_to_do(&progress->rcpts[i])) == NULL)
			continue;
		printf("%s%s=%s", separator, qf->envelope.recipients[i].address,
		    what);
		separator = ",";
	}
	if (*separator == ' ')
		printf(" -");
}

static void
print_file(const struct entry *e, int fd)
{
	struct queuefile qf = {.fd = -1};
	struct progress progress = {0};
	struct buf store = {0};
	struct str journal;

	if (queuefile_open(fd, &qf) == -1) {
		printf(" - - preamble-or-envelope -");
		return;
	}
	printf(" %s", qf.envelope.sender[0] == '\0' ? "report" : "mail");
	print_test_id(&qf);
	if (queuefile_verify(&qf) != 1)
		printf(" content -");
	else if (queuefile_journal(&qf, &store, &journal) == -1 ||
		 progress_read(journal, id_suffix(e->id),
		     qf.envelope.nrecipients, &progress) == -1)
		printf(" journal -");
	else {
		printf(" -");
		print_recipients(&qf, &progress);
	}
	progress_free(&progress);
	buf_free(&store);
	queuefile_free(&qf);
}

static int
on_entry(void *arg, const struct entry *e)
{
	int fd = spool_open_entry(arg, e);

	printf("entry %s %s", state_name(e->state), e->id);
	if (fd == -1)
		printf(" - - no-file -");
	else
		print_file(e, fd);
	printf("\n");
	fd_close(&fd);
	return 0;
}

/* ---- all of them ---- */

static void
print_leftovers(const char *path, enum room room, unsigned shard)
{
	char name[4096];
	struct dirent *de;
	DIR *dir;

	snprintf(
	    name, sizeof(name), "%s/tmp/%s.%u", path, room_name(room), shard);
	if ((dir = opendir(name)) == NULL)
		err(1, "%s", name);
	while ((de = readdir(dir)) != NULL)
		if (de->d_name[0] != '.')
			printf("leftover %s.%u %s\n", room_name(room), shard,
			    de->d_name);
	closedir(dir);
}

static void
count(const char *path)
{
	static const enum state sharded[] = {STATE_INCOMING, STATE_SPLIT,
	    STATE_PROCESSED, STATE_SENDING, STATE_DEFERRED};
	struct spool *sp = open_as(path, ROOM_QUEUE_TOOL);
	int rc = 0;

	for (size_t i = 0; i < sizeof(sharded) / sizeof(sharded[0]); i++)
		for (unsigned s = 0; s < SHARDS; s++)
			rc |=
			    spool_list(sp, sharded[i], s, false, on_entry, sp);
	rc |= spool_list(sp, STATE_HELD, 0, false, on_entry, sp);
	rc |= spool_list(sp, STATE_CORRUPT, 0, false, on_entry, sp);
	if (rc != 0)
		errx(1, "%s: cannot be read", path);
	for (int room = 0; room < ROOMS; room++)
		for (unsigned s = 0; s < SHARDS; s++)
			print_leftovers(path, (enum room)room, s);
	spool_close(&sp);
}

int
main(int argc, char *argv[])
{
	bool first_recover = argc == 3 && strcmp(argv[1], "-r") == 0;

	if (argc != 2 && !first_recover)
		errx(2, "usage: spool-census [-r] SPOOL");
	if (first_recover)
		recover(argv[2]);
	count(argv[argc - 1]);
	return 0;
}
