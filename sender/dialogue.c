/* SPDX-License-Identifier: ISC */
#include "dialogue.h"

#include <errno.h>
#include <string.h>

#include "auth.h"
#include "connect.h"
#include "destination.h"
#include "opening.h"
#include "proc/io.h"
#include "proc/loop.h"
#include "proc/tls.h"
#include "reply.h"
#include "security.h"
#include "sender.h"
#include "transaction.h"

void
dialogue_await(struct conn *c, enum wait wait)
{
	uint32_t s = profile_wait_s(
	    &c->dest->profile, wait, sender.set->reply_timeout_s);

	loop_timer_set(c->deadline, (int64_t)s * 1000);
}

/* A reply that ends the connection (RFC 5321, 3.8), whatever it answers. */
static bool
is_closing(const struct reply *r)
{
	return r->code == 421;
}

/* The last words of a host that closes: they count for what was asked, and
 * whatever else was under way is temporary. */
static void
take_closing(struct conn *c, const struct reply *r)
{
	if (c->dialogue.step < STEP_STARTTLS || c->dialogue.step == STEP_AUTH)
		connect_refused(c, false, r->text);
	else
		transaction_closing(c, r);
}

/* No reply is awaited during a handshake, and none while idle. */
static bool
is_expected(const struct conn *c)
{
	return c->dialogue.step != STEP_TLS && c->dialogue.step != STEP_READY;
}

/*
 * A reply to what has not left yet is none: it would be taken for the answer to
 * whatever comes next, and the last of them for "your message is taken".  A
 * refusal may come at any time.
 */
static bool
is_early(const struct conn *c, const struct reply *r)
{
	return r->code < 400 && io_unsent(c->io) > c->dialogue.behind;
}

static void
say_early(struct conn *c)
{
	static struct buf why;

	buf_clear(&why);
	buf_addf(
	    &why, "4.5.0 it answers %s before that is said", dialogue_where(c));
	if (opening_secures(c)) /* no reason to go on in clear */
		connect_refused(c, false, security_failed(c, buf_text(&why)));
	else
		connect_lost(c, buf_text(&why));
}

static void
take(struct conn *c, const struct reply *r)
{
	if (is_closing(r))
		take_closing(c, r);
	else if (c->dialogue.step == STEP_GREETING)
		opening_greeting(c, r);
	else if (c->dialogue.step < STEP_STARTTLS)
		opening_hello(c, r);
	else if (c->dialogue.step == STEP_STARTTLS)
		opening_starttls(c, r);
	else if (c->dialogue.step == STEP_AUTH)
		auth_reply(c, r);
	else
		transaction_reply(c, r);
}

void
dialogue_input(struct conn *c)
{
	static struct buf lines, text; /* the handler may close c->io */
	struct io *io = c->io;
	struct buf *in = io_in(io);
	struct reply r;
	ssize_t n;

	while (c->io == io && in->len > 0) {
		n = reply_parse((struct str){in->data, in->len}, &r);
		if (n == 0)
			break;
		if (n == -1 || !is_expected(c)) {
			connect_lost(c, "4.5.0 what it says is no reply");
			break;
		}
		if (is_early(c, &r)) {
			say_early(c);
			break;
		}
		buf_clear(&text);
		reply_format(&r, &text);
		auth_conceal(c, r.code, &text);
		r.text = buf_text(&text);
		buf_clear(&lines);
		buf_add(&lines, r.lines.s, r.lines.len);
		r.lines.s = lines.data;
		buf_drop(in, (size_t)n);
		take(c, &r);
	}
}

void
dialogue_drained(struct conn *c)
{
	if (c->dialogue.step == STEP_CONTENT)
		transaction_drained(c);
}

void
dialogue_lost(struct conn *c, int error)
{
	static struct buf why;

	if (c->dialogue.step == STEP_TLS) {
		connect_lost(c, tls_why(c->tls));
		return;
	}
	buf_clear(&why);
	buf_addf(&why, "4.4.2 lost connection after %s", dialogue_where(c));
	if (error == EPROTO && c->tls != NULL)
		buf_addf(&why, ": %s", tls_why(c->tls));
	else if (error != 0)
		buf_addf(&why, ": %s", strerror(error));
	connect_lost(c, buf_text(&why));
}

void
dialogue_late(struct conn *c)
{
	static struct buf why;

	buf_clear(&why);
	if (c->dialogue.step == STEP_CONTENT)
		buf_add_str(&why, "4.4.2 the content is not taken in time");
	else if (c->dialogue.step == STEP_GREETING)
		buf_add_str(&why, "4.4.2 no greeting in time");
	else
		buf_addf(
		    &why, "4.4.2 no reply to %s in time", dialogue_where(c));
	connect_lost(c, buf_text(&why));
}

void
dialogue_quit(struct conn *c)
{
	if (c->io != NULL && c->dialogue.step == STEP_READY)
		io_write(c->io, "QUIT\r\n", 6);
}

const char *
dialogue_where(const struct conn *c)
{
	static const char *const names[] = {
	    [STEP_GREETING] = "connect",
	    [STEP_HELLO] = "EHLO",
	    [STEP_HELO] = "HELO",
	    [STEP_STARTTLS] = "STARTTLS",
	    [STEP_TLS] = "TLS handshake",
	    [STEP_AUTH] = "AUTH",
	    [STEP_READY] = "EHLO",
	    [STEP_RSET] = "RSET",
	    [STEP_MAIL] = "MAIL",
	    [STEP_RCPT] = "RCPT",
	    [STEP_DATA] = "DATA",
	    [STEP_CONTENT] = "content",
	    [STEP_DOT] = "end of data",
	};

	return names[c->dialogue.step];
}
