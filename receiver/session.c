/* SPDX-License-Identifier: ISC */
/*
 * A client's connection: bytes come in, lines and content are cut off them,
 * replies go out.  What the commands mean is in dialogue.c.
 */
#include "receiver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/network.h"
#include "command.h"

#define REPLY_MAX    512   /* RFC 5321, 4.5.3.1.5 */
#define LOGGED_MAX   200   /* of a refused command */
#define UNSENT_MAX   16384 /* replies that nobody reads: stop answering */
#define HELD_MAX     65536 /* commands sent during a commit: stop reading */
#define PACE_BYTES   1024  /* of content, within each data timeout */
#define LINGER_MS    2000
#define LINGER_BYTES (1u << 20)

static void on_io(struct io *io, enum io_event what, void *arg);

static unsigned
timeout_ms(const struct session *s)
{
	const struct settings *set = &receiver.worker->settings;

	switch (s->state) {
	case SESSION_COMMAND:
	case SESSION_SKIP:
		return set->command_timeout_s * 1000;
	case SESSION_CONTENT:
		return set->data_timeout_s * 1000;
	case SESSION_LINGER:
		return LINGER_MS;
	case SESSION_COMMIT:
	case SESSION_OVER:
		break;
	}
	return 0;
}

void
session_enter(struct session *s, enum session_state state)
{
	s->state = state;
	s->paced = 0;
	s->deadline_ms = clock_steady_ms() + timeout_ms(s);
	if (s->io)
		io_timeout(s->io, timeout_ms(s));
}

void
session_new(int fd, struct client *client, const char *listener)
{
	struct session *s = mem_alloc(sizeof(*s));
	char greeting[REPLY_MAX];

	s->client = client;
	s->listener = listener;
	s->io = io_new(fd, on_io, s);
	LIST_INSERT_HEAD(&receiver.sessions, s, link);
	receiver.nsessions++;
	session_enter(s, SESSION_COMMAND);
	snprintf(greeting, sizeof(greeting), "220 %s ESMTP Stagepost",
	    receiver.worker->settings.hostname);
	session_reply(s, greeting);
}

/* When the client sees the end his place is free: he may come at once. */
static void
session_free(struct session *s)
{
	LIST_REMOVE(s, link);
	receiver.nsessions--;
	client_leave(&s->client);
	parent_sessions(-1);
	io_close(&s->io);
	transaction_free(&s->mail);
	free(s->helo);
	free(s);
	receiver_session_gone();
}

void
session_reply(struct session *s, const char *text)
{
	char line[REPLY_MAX + 2];
	size_t len = strnlen(text, REPLY_MAX);

	memcpy(line, text, len);
	memcpy(line + len, "\r\n", 2);
	io_write(s->io, line, len + 2);
}

void
session_refuse(struct session *s, const char *fmt, ...)
{
	const struct settings *set = &receiver.worker->settings;
	size_t shown = s->line.len < LOGGED_MAX ? s->line.len : LOGGED_MAX;
	char reply[REPLY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reply, sizeof(reply), fmt, ap);
	va_end(ap);
	session_reply(s, reply);
	log_info("rejected client=%s helo=%s command=\"%.*s\" reply=\"%s\"",
	    s->client->text, s->helo ? s->helo : "-", (int)shown, s->line.s,
	    reply);
	if (reply[0] != '5' || ++s->errors < set->errors_max)
		return;
	log_info(
	    "rejected client=%s after %u errors", s->client->text, s->errors);
	session_bye(s, "421 4.7.0", "Too many errors, closing");
	session_end(s, true);
}

void
session_bye(struct session *s, const char *code, const char *why)
{
	char reply[REPLY_MAX];

	snprintf(reply, sizeof(reply), "%s %s %s", code,
	    receiver.worker->settings.hostname, why);
	session_reply(s, reply);
}

void
session_end(struct session *s, bool linger)
{
	if (s->state == SESSION_LINGER || s->state == SESSION_OVER)
		return;
	session_enter(s, linger ? SESSION_LINGER : SESSION_OVER);
	if (linger)
		io_drain(s->io, 0);
}

/* ---- input ---- */

static bool
takes_bare_lf(struct session *s)
{
	int rights = client_rights(s->client);

	return rights != -1 && (rights & NETWORK_BARE_LF);
}

static size_t
take_line(struct session *s, struct str in)
{
	size_t max = in.len < COMMAND_MAX ? in.len : COMMAND_MAX;
	const char *lf = memchr(in.s, '\n', max);

	if (!lf) {
		if (in.len < COMMAND_MAX)
			return 0;
		s->state = SESSION_SKIP;
		s->line = (struct str){in.s, max};
		return max;
	}
	s->line = (struct str){in.s, lf - in.s};
	if (lf > in.s && lf[-1] == '\r')
		s->line.len--;
	else if (!takes_bare_lf(s)) {
		session_refuse(s, "500 5.5.2 Lines end with CR LF here");
		return lf + 1 - in.s;
	}
	if (command_is_clean(s->line))
		dialogue_command(s);
	else
		session_refuse(s, "500 5.5.2 Control character in a command");
	return lf + 1 - in.s;
}

static size_t
skip_line(struct session *s, struct str in)
{
	const char *lf = memchr(in.s, '\n', in.len);

	if (!lf)
		return in.len;
	s->state = SESSION_COMMAND;
	s->line = str_of("(too long)");
	session_refuse(s, "500 5.5.2 Line too long");
	return lf + 1 - in.s;
}

/* Take one thing off the input: how many bytes it was, 0 when it has to wait,
 * for more or for something else. */
static size_t
step(struct session *s, struct str in)
{
	switch (s->state) {
	case SESSION_COMMAND:
		return take_line(s, in);
	case SESSION_SKIP:
		return skip_line(s, in);
	case SESSION_CONTENT:
		s->line = str_of("(content)");
		return content_take(s, in);
	case SESSION_LINGER:
		s->paced += in.len;
		return in.len;
	case SESSION_COMMIT:
	case SESSION_OVER:
		break;
	}
	return 0;
}

/* A session that expects a command when we stop gets no other answer. */
static void
leave_if_stopping(struct session *s)
{
	if (!receiver.stopping ||
	    (s->state != SESSION_COMMAND && s->state != SESSION_SKIP))
		return;
	session_bye(s, "421 4.3.2", "Shutting down");
	session_end(s, false);
}

/* Work through what has come.  How many bytes were of use? */
static size_t
run(struct session *s)
{
	struct buf *in = io_in(s->io);
	size_t at = 0, used;

	while (at < in->len && !s->draining) {
		used = step(s, (struct str){in->data + at, in->len - at});
		if (used == 0)
			break;
		at += used;
		leave_if_stopping(s);
		if (io_unsent(s->io) > UNSENT_MAX) {
			s->draining = true;
			io_drain(s->io, 0);
		}
	}
	s->line = (struct str){0};
	buf_drop(in, at);
	return at;
}

/* ---- events ---- */

static void
on_timeout(struct session *s)
{
	if (s->state == SESSION_COMMIT)
		return;
	if (s->state == SESSION_LINGER) {
		s->state = SESSION_OVER;
		return;
	}
	log_debug("session timed out client=%s", s->client->text);
	session_bye(s, "421 4.4.2", "Timeout, closing");
	session_end(s, false);
}

/*
 * A client that sends a byte now and then keeps its session no longer than one
 * that sends nothing: the time for a command is that for the whole line, and
 * that for content is for each KiB.
 */
static void
check_pace(struct session *s, size_t used)
{
	int64_t now_ms = clock_steady_ms();

	if (s->state == SESSION_SKIP)
		used = 0;
	if (s->state == SESSION_CONTENT) {
		s->paced += used;
		used = s->paced >= PACE_BYTES;
		if (used)
			s->paced = 0;
	}
	if (used > 0 && s->state != SESSION_LINGER)
		s->deadline_ms = now_ms + timeout_ms(s);
	else if (now_ms >= s->deadline_ms || s->paced > LINGER_BYTES)
		on_timeout(s);
}

static void
on_data(struct session *s)
{
	bool held;

	check_pace(s, run(s));
	held = s->draining || s->state == SESSION_COMMIT;
	if (held && !s->paused && io_in(s->io)->len > HELD_MAX) {
		s->paused = true;
		io_pause(s->io, true);
	}
}

/* The connection broke.  A message that is being committed is ours already. */
static void
on_lost(struct session *s)
{
	s->eof = true;
	if (s->mail && s->state == SESSION_CONTENT)
		log_info("lost client=%s helo=%s in the content after %llu "
			 "bytes",
		    s->client->text, s->helo,
		    (unsigned long long)s->mail->data.size);
	else
		log_debug("session lost client=%s", s->client->text);
	if (s->state == SESSION_COMMIT)
		io_close(&s->io);
	else
		s->state = SESSION_OVER;
}

/* After a handler: the session may be over, or never get further. */
static void
settle(struct session *s)
{
	if (s->eof && s->state == SESSION_LINGER)
		s->state = SESSION_OVER;
	if (s->eof && !s->draining && s->state != SESSION_COMMIT &&
	    s->state != SESSION_OVER)
		on_lost(s);
	if (s->state == SESSION_OVER) {
		if (!s->eof)
			log_debug("session closed client=%s", s->client->text);
		session_free(s);
	}
}

/* What stood in the way is gone: take up the input that has gathered. */
static void
go_on(struct session *s)
{
	if (s->paused) {
		s->paused = false;
		io_pause(s->io, false);
	}
	run(s);
}

static void
on_drained(struct session *s)
{
	s->draining = false;
	if (s->state == SESSION_LINGER)
		shutdown(io_fd(s->io), SHUT_WR);
	else if (s->state != SESSION_COMMIT)
		go_on(s);
}

void
session_resume(struct session *s)
{
	if (!s->io) {
		session_free(s);
		return;
	}
	session_enter(s, SESSION_COMMAND);
	leave_if_stopping(s);
	go_on(s);
	settle(s);
}

static void
on_io(struct io *io, enum io_event what, void *arg)
{
	struct session *s = arg;

	(void)io;
	switch (what) {
	case IO_DATA:
		on_data(s);
		break;
	case IO_DRAINED:
		on_drained(s);
		break;
	case IO_EOF:
		s->eof = true;
		break;
	case IO_TIMEOUT:
		on_timeout(s);
		break;
	case IO_ERROR:
		on_lost(s);
		break;
	case IO_CONNECTED:
	case IO_SECURED:
		break;
	}
	settle(s);
}

void
session_stop_all(bool now)
{
	struct session *s, *next;

	LIST_FOREACH_SAFE(s, &receiver.sessions, link, next)
	{
		if (s->state == SESSION_COMMIT)
			continue;
		if (s->state == SESSION_CONTENT && !now)
			continue;
		if (s->state != SESSION_LINGER)
			session_bye(s, "421 4.3.2", "Shutting down");
		s->state = SESSION_OVER;
		settle(s);
	}
}
