/* SPDX-License-Identifier: ISC */
/*
 * ROOM      room: a room without mail, to try what every room rests on.
 * IF IT     dies, that is often what it was asked to do.
 *
 *	room map SPOOL [KEY VALUE]...	set the spool up, write a map
 *	room [-Uv] [-s SPOOL]		a daemon in the place of the receiver
 *
 * A session gives commands, one a line, and gets one line for each:
 *
 *	who            number and process of the worker
 *	shards         those that it holds: "0 2 4"
 *	sessions       of all workers
 *	hostname       as the map says now
 *	note ID        before it dies
 *	suspects ID    yes or no
 *	forget ID
 *	raise SIGNAL   a number
 *	exit STATUS
 *	flush          by the committer: its outcome
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cdbfile.h"
#include "base/fd.h"
#include "base/log.h"
#include "proc/committer.h"
#include "proc/io.h"
#include "proc/loop.h"
#include "proc/parent.h"
#include "proc/shards.h"

#define LINE_SIZE 200

struct session {
	struct io *io;
};

static struct {
	struct worker *w;
	struct loop_watch *accepting;
	unsigned sessions;
	bool stopping;
} room;

static void
stop_when_done(void)
{
	if (room.stopping && room.sessions == 0)
		loop_stop();
}

static void
session_end(struct session *s)
{
	io_close(&s->io);
	free(s);
	room.sessions--;
	parent_sessions(-1);
	stop_when_done();
}

static void
reply(struct session *s, const char *text)
{
	io_write(s->io, text, strlen(text));
	io_write(s->io, "\n", 1);
}

static void
on_flushed(void *arg, int status)
{
	reply(arg, status == 0 ? "ok" : strerror(status));
}

static void
reply_shards(struct session *s)
{
	struct buf held = {0};

	for (unsigned i = 0; i < SHARDS; i++) {
		if (shards_mine(i))
			buf_addf(&held, "%s%u", held.len ? " " : "", i);
	}
	reply(s, buf_text(&held));
	buf_free(&held);
}

static void
reply_number(struct session *s, int a, int b)
{
	char text[32];

	snprintf(text, sizeof(text), b == -1 ? "%d" : "%d %d", a, b);
	reply(s, text);
}

static void
raise_signal(int signo)
{
	log_flush();
	raise(signo);
}

static void
obey(struct session *s, const char *what, const char *value)
{
	if (strcmp(what, "who") == 0)
		reply_number(s, room.w->number, getpid());
	else if (strcmp(what, "shards") == 0)
		reply_shards(s);
	else if (strcmp(what, "sessions") == 0)
		reply_number(s, parent_sessions(0), -1);
	else if (strcmp(what, "hostname") == 0)
		reply(s, room.w->settings.hostname);
	else if (strcmp(what, "note") == 0)
		parent_note(value), reply(s, "ok");
	else if (strcmp(what, "suspects") == 0)
		reply(s, parent_suspects(value) ? "yes" : "no");
	else if (strcmp(what, "forget") == 0)
		parent_forget(value), reply(s, "ok");
	else if (strcmp(what, "raise") == 0)
		raise_signal(atoi(value));
	else if (strcmp(what, "exit") == 0)
		exit(atoi(value));
	else if (strcmp(what, "flush") == 0)
		committer_flush(on_flushed, s);
	else
		reply(s, "what?");
}

static void
on_session(struct io *io, enum io_event event, void *arg)
{
	char line[LINE_SIZE], *end, *value;
	struct buf *in = io_in(io);
	struct session *s = arg;
	size_t len;

	if (event != IO_DATA) {
		session_end(s);
		return;
	}
	while (in->len > 0 && (end = memchr(in->data, '\n', in->len))) {
		len = end - in->data;
		if (len >= sizeof(line))
			fatalx("a line of %zu bytes", len);
		memcpy(line, in->data, len);
		line[len] = '\0';
		buf_drop(in, len + 1);
		value = line;
		strsep(&value, " ");
		obey(s, line, value != NULL ? value : "");
	}
}

static void
on_connection(void *arg, bool readable, bool writable)
{
	struct session *s;
	int fd;

	(void)arg;
	(void)readable;
	(void)writable;
	fd = accept4(
	    room.w->listeners[0], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		return;
	s = mem_alloc(sizeof(*s));
	s->io = io_new(fd, on_session, s);
	room.sessions++;
	parent_sessions(1);
}

static void
on_shard(void *arg, unsigned shard)
{
	(void)arg;
	log_info("took shard=%u", shard);
}

static void
on_start(struct worker *w)
{
	room.w = w;
	if (strcmp(w->settings.hostname, "broken.example") == 0)
		fatalx("start: refused, as the map says");
	committer_start(w->spool);
	room.accepting = loop_watch_new(w->listeners[0], on_connection, NULL);
	loop_watch_want(room.accepting, true, false);
	shards_start(w, on_shard, NULL);
}

static void
on_stop(void)
{
	room.stopping = true;
	shards_stop();
	loop_watch_free(&room.accepting);
	for (size_t i = 0; i < room.w->nlisteners; i++)
		fd_close(&room.w->listeners[i]);
	log_info("finishing sessions=%u", room.sessions);
	stop_when_done();
}

static void
on_remap(struct worker *w)
{
	log_info("remapped hostname=%s", w->settings.hostname);
}

static unsigned
workers(const struct settings *set)
{
	return set->receiver_workers;
}

static int
write_map(const char *spool, char *pairs[], int n)
{
	struct spool *sp;
	struct cdbwriter *w;
	char value[1024];

	log_open("room", STDERR_FILENO, true);
	if (spool_setup(spool) == -1 ||
	    (sp = spool_open(spool, ROOM_QUEUE_TOOL, true)) == NULL ||
	    (w = cdbwriter_begin(sp->map, MAP_FILE)) == NULL)
		fatal("set up %s", spool);
	cdbwriter_add(w, str_of("G"), str_of(MAP_FORMAT "\t1"));
	for (int i = 0; i + 1 < n; i += 2) {
		snprintf(value, sizeof(value), "settings:%d\t%s", i / 2 + 1,
		    pairs[i + 1]);
		cdbwriter_add(w, str_of(pairs[i]), str_of(value));
	}
	if (cdbwriter_commit(&w) == -1)
		fatal("write a map");
	spool_close(&sp);
	return 0;
}

int
main(int argc, char *argv[])
{
	static const struct room_main self = {
	    .room = ROOM_RECEIVER,
	    .workers = workers,
	    .start = on_start,
	    .stop = on_stop,
	    .remap = on_remap,
	};

	if (argc >= 3 && strcmp(argv[1], "map") == 0)
		return write_map(argv[2], argv + 3, argc - 3);
	return parent_main(&self, argc, argv);
}
