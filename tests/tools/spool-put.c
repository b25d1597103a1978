/* SPDX-License-Identifier: ISC */
/*
 * Puts messages into a spool, in any state, as the rooms would have.
 *
 *	spool-put [-n COUNT] [-S STATE] [-t DESTINATION] [-d DUE] [-a ARRIVAL]
 *	    [-f SENDER] [-c CONTENTFILE] [-l LOGIN] [-e ENVID]
 *	    SPOOL RECIPIENT ...
 *
 * DESTINATION is what the tag is made of.  With -n, DUE grows by a second each
 * message.  Prints the ids.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "mail/draft.h"
#include "mail/spool.h"

#define BATCH 1000

struct put {
	struct spool *receiver, *engine, *sender;
	enum state state;
	const char *destination;
	int64_t due_s;
	struct envelope env;
	struct buf content;
};

/* From incoming/ onward, by the moves that the rooms make. */
static void
move_on(struct put *p, const struct commit *c)
{
	struct entry e = {.state = STATE_INCOMING, .shard = c->slot};
	char tag[TAG_LEN + 1];
	int rc = 0;

	memcpy(e.id, c->id, sizeof(c->id));
	tag_make(p->destination, tag);
	if (p->state == STATE_HELD)
		rc = spool_hold(p->engine, &e);
	else if (p->state != STATE_INCOMING)
		rc = spool_process(p->engine, &e, -1, PRIO_NORMAL, tag,
		    tag_shard(tag, e.id, false));
	if (rc == 0 &&
	    (p->state == STATE_SENDING || p->state == STATE_DEFERRED))
		rc = spool_claim(p->sender, &e);
	if (rc == 0 && p->state == STATE_DEFERRED)
		rc = spool_defer(p->sender, &e, p->due_s++);
	if (rc == -1)
		fatal("%s: move", c->id);
}

static void
put_batch(struct put *p, size_t n)
{
	struct commit batch[BATCH];
	struct draft d;

	memset(batch, 0, sizeof(batch));
	for (size_t i = 0; i < n; i++) {
		draft_begin(&d, i % SHARDS, NULL, &p->env);
		batch[i].slot = d.slot;
		memcpy(batch[i].id, d.id, sizeof(d.id));
		if (draft_add(&d, p->receiver, p->content.data,
			p->content.len) == -1 ||
		    draft_finish(&d, p->receiver) == -1)
			fatal("%s: write", d.id);
	}
	if (spool_commit(p->receiver, batch, n) == -1)
		fatal("commit");
	for (size_t i = 0; i < n; i++) {
		if (batch[i].status != 0)
			fatalx(
			    "%s: %s", batch[i].id, strerror(batch[i].status));
		move_on(p, &batch[i]);
		printf("%s\n", batch[i].id);
	}
}

static struct spool *
open_room(const char *path, enum room room)
{
	struct spool *sp = spool_open(path, room, true);

	if (sp == NULL)
		exit(1);
	spool_set_limits(sp, 0, 0, 2);
	return sp;
}

static void
read_content(struct put *p, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd == -1 || fd_slurp(fd, &p->content, SIZE_MAX) == -1)
		fatal("%s", file);
	fd_close(&fd);
}

int
main(int argc, char *argv[])
{
	struct put p = {.state = STATE_PROCESSED, .destination = "test"};
	unsigned long count = 1;
	int opt;

	clock_init();
	log_open("spool-put", STDERR_FILENO, true);
	umask(007);
	p.env = (struct envelope){.sender = "sender@example.org",
	    .protocol = "ESMTP",
	    .arrival_s = clock_wall_s()};
	while ((opt = getopt(argc, argv, "n:S:t:d:a:f:c:l:e:")) != -1)
		switch (opt) {
		case 'n':
			count = strtoul(optarg, NULL, 10);
			break;
		case 'S':
			if (state_parse(optarg, &p.state) == -1)
				fatalx("no state %s", optarg);
			break;
		case 't':
			p.destination = optarg;
			break;
		case 'd':
			p.due_s = strtoll(optarg, NULL, 10);
			break;
		case 'a':
			p.env.arrival_s = strtoll(optarg, NULL, 10);
			break;
		case 'f':
			p.env.sender = optarg;
			break;
		case 'c':
			read_content(&p, optarg);
			break;
		case 'l':
			p.env.login = optarg;
			break;
		case 'e':
			p.env.envid = optarg;
			break;
		default:
			return 2;
		}
	if (argc - optind < 2)
		fatalx("usage: spool-put [options] SPOOL RECIPIENT ...");
	if (p.content.len == 0)
		buf_add_str(&p.content, "Subject: a test\r\n\r\nHello.\r\n");
	p.env.nrecipients = (size_t)(argc - optind - 1);
	p.env.recipients =
	    mem_alloc(p.env.nrecipients * sizeof(*p.env.recipients));
	for (size_t i = 0; i < p.env.nrecipients; i++)
		p.env.recipients[i].address = argv[optind + 1 + (int)i];
	p.receiver = open_room(argv[optind], ROOM_RECEIVER);
	p.engine = open_room(argv[optind], ROOM_ENGINE);
	p.sender = open_room(argv[optind], ROOM_SENDER);
	for (; count > 0; count -= count < BATCH ? count : BATCH)
		put_batch(&p, count < BATCH ? count : BATCH);
	spool_close(&p.receiver);
	spool_close(&p.engine);
	spool_close(&p.sender);
	buf_free(&p.content);
	free(p.env.recipients);
	return 0;
}
