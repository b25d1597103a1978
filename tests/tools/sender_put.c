/* SPDX-License-Identifier: ISC */
/*
 * sender_put: messages for the sender, without receiver and engine.
 *
 *	sender_put [-d SECONDS] [-f SENDER] [-N NOTIFY] [-n COUNT] SPOOL
 *	    RECIPIENT... <CONTENT
 *
 *	-d  defer it, due so many seconds from now, instead of due now
 *	-N  of each recipient, by the bits of enum notify
 *	-n  so many of them
 *
 * All recipients must have the same destination in the spool's map.  Prints
 * the ids.  The content gets CRLF line ends and is dot-stuffed.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "mail/draft.h"
#include "mail/route.h"

enum { BATCH = 1000, INPUT_MAX = 64 << 20 };

static struct spool *sp;
static struct route route;
static struct profile profile;
static struct buf content;
static unsigned flags;
static struct envelope env = {
    .sender = "sender@client.example",
    .protocol = "ESMTP",
    .client = "192.0.2.7",
};
static long defer_s = -1;
static unsigned notify;

static void
add_line(struct str line)
{
	if (line.len > 0 && line.s[line.len - 1] == '\r')
		line.len--;
	if (line.len > 0 && line.s[0] == '.') {
		buf_add_char(&content, '.');
		flags |= CONTENT_STUFFED;
	}
	if (!str_is_ascii(line))
		flags |= CONTENT_8BIT;
	buf_add(&content, line.s, line.len);
	buf_add_str(&content, "\r\n");
}

static void
read_content(void)
{
	struct buf in = {0};
	struct str rest;

	if (fd_slurp(STDIN_FILENO, &in, INPUT_MAX) == -1)
		err(1, "standard input");
	rest = (struct str){in.data, in.len};
	while (rest.len > 0)
		add_line(str_cut(&rest, '\n'));
	buf_free(&in);
}

static void
read_recipients(char *argv[], size_t n)
{
	struct map *map = map_open(sp->map);
	char tag[TAG_LEN + 1] = "";
	struct route_query query = {.sender = env.sender};

	env.recipients = mem_resize(NULL, n, sizeof(*env.recipients));
	env.nrecipients = n;
	for (size_t i = 0; i < n; i++) {
		env.recipients[i] =
		    (struct recipient){.address = argv[i], .notify = notify};
		query.recipient = argv[i];
		if (map == NULL ||
		    route_find(map, &query, &route) != ROUTE_FOUND)
			errx(1, "no route for %s", argv[i]);
		if (i > 0 && strcmp(tag, route.tag) != 0)
			errx(1, "%s goes elsewhere", argv[i]);
		memcpy(tag, route.tag, sizeof(tag));
	}
	if (profile_find(map, route.profile, &profile) != 1)
		errx(1, "no profile %s", route.profile);
	map_close(&map);
}

static void
write_one(struct commit *c)
{
	struct draft d;

	env.arrival_s = clock_wall_s();
	draft_begin(&d, 0, NULL, &env);
	d.preamble.flags = flags;
	if (draft_add(&d, sp, content.data, content.len) == -1 ||
	    draft_finish(&d, sp) == -1)
		err(1, "%s", d.id);
	*c = (struct commit){.slot = 0};
	memcpy(c->id, d.id, sizeof(c->id));
}

/* What the engine would do, and the sender. */
static void
hand_on(const struct commit *c)
{
	struct entry e = {.state = STATE_INCOMING, .shard = c->slot};
	unsigned shard;

	if (c->status != 0)
		errx(1, "%s: %s", c->id, strerror(c->status));
	memcpy(e.id, c->id, sizeof(c->id));
	shard = tag_shard(route.tag, e.id, route.shards);
	if (spool_process(sp, &e, -1, profile.prio, route.tag, shard) == -1 &&
	    (errno != ENOENT || defer_s >= 0)) /* a running engine was first */
		err(1, "%s", e.id);
	if (defer_s >= 0 && (spool_claim(sp, &e) == -1 ||
				spool_defer(sp, &e, clock_wall_s() + defer_s)))
		err(1, "%s", e.id);
	puts(e.id);
}

static void
put(size_t n)
{
	static struct commit batch[BATCH];
	size_t m;

	for (; n > 0; n -= m) {
		m = n < BATCH ? n : BATCH;
		for (size_t i = 0; i < m; i++)
			write_one(&batch[i]);
		if (spool_commit(sp, batch, m) == -1)
			err(1, "commit");
		for (size_t i = 0; i < m; i++)
			hand_on(&batch[i]);
	}
}

int
main(int argc, char *argv[])
{
	size_t n = 1;
	int c;

	while ((c = getopt(argc, argv, "d:f:N:n:")) != -1) {
		if (c == 'd')
			defer_s = atol(optarg);
		else if (c == 'f')
			env.sender = optarg;
		else if (c == 'N')
			notify = (unsigned)atol(optarg);
		else if (c == 'n')
			n = (size_t)atol(optarg);
		else
			errx(2, "see the head of its source");
	}
	if (argc - optind < 2)
		errx(2, "spool and recipient?");
	log_open("sender_put", STDERR_FILENO, true);
	clock_init();
	umask(007);
	sp = spool_open(argv[optind], ROOM_QUEUE_TOOL, true);
	if (sp == NULL)
		return 1;
	spool_set_limits(sp, 0, 0, 2);
	read_content();
	read_recipients(argv + optind + 1, (size_t)(argc - optind - 1));
	put(n);
	return 0;
}
