/* SPDX-License-Identifier: ISC */
/*
 * Splits: the three pictures that a crash can leave, and what recovery makes
 * of each, once and again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "mail/progress.h"
#include "mail/queuefile.h"
#include "mail/spool.h"
#include "spool_fixture.h"
#include "tap.h"

static struct spool *receiver, *engine, *tool;

static const struct split_part parts[3] = {
    {"0,3", '5', "aaaaaaaa", 1},
    {"1",   '5', "bbbbbbbb", 2},
    {"2,4", '0', "cccccccc", 3},
};

static void
counts(size_t incoming, size_t split, size_t processed, const char *what)
{
	is_int((long long)fixture_count(tool, STATE_INCOMING, NULL, 0),
	    (long long)incoming, "%s: incoming/", what);
	is_int((long long)fixture_count(tool, STATE_SPLIT, NULL, 0),
	    (long long)split, "%s: split/", what);
	is_int((long long)fixture_count(tool, STATE_PROCESSED, NULL, 0),
	    (long long)processed, "%s: processed/", what);
}

static void
empty(void)
{
	static const enum state states[] = {
	    STATE_INCOMING, STATE_PROCESSED, STATE_HELD};
	struct entry e;
	char ids[8192], *id, *rest;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		fixture_count(tool, states[i], ids, sizeof(ids));
		for (rest = ids; (id = strsep(&rest, " ")) != NULL;)
			if (*id != '\0' && spool_find(tool, id, &e) == 0)
				spool_remove(tool, &e);
	}
}

static struct entry
message(int *fd_r)
{
	struct entry e = fixture_message(receiver, 5, 5, "a: b\r\n\r\nx\r\n");

	*fd_r = spool_open_entry(engine, &e);
	if (*fd_r == -1)
		bail_out("no message");
	return e;
}

static void
test_split(void)
{
	struct progress p;
	struct queuefile qf;
	struct buf store = {0};
	struct str journal;
	struct stat st;
	struct entry e;
	int fd;

	e = message(&fd);
	is_int(spool_split(engine, &e, fd, parts, 3, 1795000000), 0,
	    "three parts");
	counts(0, 0, 3, "all at once");
	fstat(fd, &st);
	is_int((long long)st.st_nlink, 3, "of one file");
	queuefile_open(fd, &qf);
	queuefile_journal(&qf, &store, &journal);
	is_int(progress_read(journal, str_of(".2"), 5, &p), 0,
	    "the journal knows part 2");
	ok(!p.rcpts[0].mine && !p.rcpts[1].mine && p.rcpts[2].mine &&
		!p.rcpts[3].mine && p.rcpts[4].mine,
	    "and its recipients");
	progress_free(&p);
	buf_free(&store);
	queuefile_free(&qf);
	fd_close(&fd);
	empty();
}

/* The end of all splitting: it is tried again and again, and leaves no trace. */
static void
test_no_room(void)
{
	struct stat before, after;
	struct entry e, longer;
	int fd;

	e = message(&fd);
	longer = e;
	while (strlen(longer.id) + 2 < sizeof(longer.id))
		strcat(longer.id, ".1");
	if (renameat(engine->incoming[5], e.id, engine->incoming[5],
		longer.id) == -1)
		bail_out("no long name");
	fstat(fd, &before);
	is_int(spool_split(engine, &longer, fd, parts, 3, 0), -1, "no room");
	is_int(errno, ENAMETOOLONG, "for one more suffix");
	fstat(fd, &after);
	is_int(after.st_size - before.st_size, 0, "nothing is journalled");
	counts(1, 0, 0, "it stays where it is");
	unlinkat(engine->incoming[5], longer.id, 0);
	fd_close(&fd);
	empty();
}

static void
link_part(const struct entry *e, const char *part)
{
	if (linkat(engine->incoming[5], e->id, engine->split[5], part, 0) == -1)
		bail_out("no link");
}

static void
test_crash_before_commit(void)
{
	struct entry e;
	char part[ID_SIZE + 8];
	int fd;

	e = message(&fd);
	snprintf(part, sizeof(part), "%s.1", e.id);
	link_part(&e, part);
	for (int i = 0; i < 2; i++) {
		is_int(spool_recover_splits(engine, 5), 0, "recovered");
		counts(1, 0, 0, "the original alone is left");
	}
	link_part(&e, part);
	is_int(spool_split(engine, &e, fd, parts, 3, 0), 0,
	    "a leftover is no obstacle to a split");
	counts(0, 0, 3, "all three");
	fd_close(&fd);
	empty();
}

static void
test_crash_after_commit(void)
{
	char part[3][ID_SIZE + 8], ids[8192], want[8192];
	struct entry e;
	int fd;

	e = message(&fd);
	for (int i = 0; i < 3; i++)
		snprintf(part[i], sizeof(part[i]), "%s.%d", e.id, i);
	/* Part 1 has gone on to processed/; 0 and 2 have not. */
	link_part(&e, part[2]);
	renameat(engine->incoming[5], e.id, engine->split[5], part[0]);
	for (int i = 0; i < 2; i++) {
		is_int(spool_recover_splits(engine, 5), 0, "recovered");
		counts(2, 0, 0, "the parts are to be routed");
	}
	fixture_count(tool, STATE_INCOMING, ids, sizeof(ids));
	snprintf(want, sizeof(want), "%s %s", part[0], part[2]);
	is_str(ids, want, "each under its own name");
	fd_close(&fd);
	empty();
}

static void
test_operator_took_it(void)
{
	char part[ID_SIZE + 8];
	struct entry e;
	int fd;

	e = message(&fd);
	snprintf(part, sizeof(part), "%s.1", e.id);
	link_part(&e, part);
	spool_hold(tool, &e);
	is_int(spool_recover_splits(engine, 5), 0, "recovered");
	counts(0, 0, 0, "the held one is the only one");
	is_int((long long)fixture_count(tool, STATE_HELD, NULL, 0), 1,
	    "it is held");
	e.state = STATE_INCOMING;
	e.shard = 5;
	is_int(spool_split(engine, &e, fd, parts, 3, 0), -1,
	    "what an operator took is not split");
	is_int(errno, ENOENT, "it is not there");
	counts(0, 0, 0, "nothing is left of the attempt");
	fd_close(&fd);
	empty();
}

/* Two parts cannot be moved on: recovery must lose neither. */
static void
test_half_moved(void)
{
	char name[ENTRY_SIZE];
	struct entry e, taken = {.state = STATE_PROCESSED, .prio = '5'};
	int fd, other;

	e = message(&fd);
	snprintf(taken.id, sizeof(taken.id), "%.*s.1", ID_LEN, e.id);
	memcpy(taken.tag, parts[1].tag, sizeof(taken.tag));
	entry_format(&taken, name);
	other = openat(tool->processed[2], name, O_CREAT | O_WRONLY, 0600);
	fd_close(&other);
	is_int(spool_split(engine, &e, fd, parts, 3, 0), -1,
	    "a part's name is taken");
	counts(0, 2, 2, "it and part 0 stay in split/");
	unlinkat(tool->processed[2], name, 0);
	is_int(spool_recover_splits(engine, 5), 0, "recovered");
	counts(2, 0, 1, "both are to be routed");
	fd_close(&fd);
	empty();
}

int
main(void)
{
	log_open("test", STDERR_FILENO, false);
	receiver = fixture_spool(ROOM_RECEIVER);
	engine = fixture_spool(ROOM_ENGINE);
	tool = fixture_spool(ROOM_QUEUE_TOOL);
	test_split();
	test_no_room();
	test_crash_before_commit();
	test_crash_after_commit();
	test_operator_took_it();
	test_half_moved();
	spool_close(&receiver);
	spool_close(&engine);
	spool_close(&tool);
	return done();
}
