/* SPDX-License-Identifier: ISC */
#include "dialogue.h"

#include <errno.h>
#include <string.h>

#include "base/crc.h"
#include "command.h"
#include "connect.h"
#include "job.h"
#include "opening.h"
#include "proc/io.h"
#include "proc/loop.h"
#include "proc/tls.h"
#include "reply.h"
#include "sender.h"

#define CHUNK       65536
#define UNSENT_HIGH (4 * CHUNK) /* so much may wait for the peer */
#define UNSENT_LOW  CHUNK

static struct buf out;  /* commands, on their way into c->io */
static struct buf said; /* the text of the reply that is being handled */

void
dialogue_await(struct conn *c, unsigned times)
{
	loop_timer_set(
	    c->deadline, (int64_t)sender.set->reply_timeout_s * 1000 * times);
}

const char *
dialogue_said(void)
{
	return buf_text(&said);
}

static void
say(struct conn *c)
{
	io_write(c->io, out.data, out.len);
	buf_clear(&out);
}

/* ---- commands ---- */

static void
add_rcpt(struct conn *c, size_t i)
{
	const struct job *job = c->job;
	size_t number = job->rcpts[c->dialogue.rcpts[i]].number;

	command_rcpt(
	    &out, &c->dialogue.offers, &job->qf.envelope.recipients[number]);
}

/* Go to a step of the transaction: its command leaves now, unless it left with
 * MAIL. */
static void
proceed(struct conn *c, enum step step)
{
	struct dialogue *dl = &c->dialogue;

	dl->step = step;
	dialogue_await(c, 1);
	if (dl->ahead)
		return;
	if (step == STEP_MAIL)
		command_mail(&out, &dl->offers, c->job);
	else if (step == STEP_RCPT)
		add_rcpt(c, dl->cursor);
	else if (step == STEP_DATA)
		buf_add_str(&out, "DATA\r\n");
	say(c);
}

/* ---- results ---- */

static bool
is_positive(const struct reply *r)
{
	return r->code / 100 == 2;
}

static enum result
result_of(const struct reply *r)
{
	if (is_positive(r))
		return RESULT_DELIVERED;
	return r->code / 100 == 5 ? RESULT_PERMANENT : RESULT_TEMPORARY;
}

static const struct answer *
answer_of(struct conn *c)
{
	struct answer *answer = job_answer(c->job, c->host, buf_text(&said));

	if (c->tls != NULL)
		answer->tls = tls_facts(c->tls);
	answer->reports = c->dialogue.offers.dsn;
	answer->relayed = !c->dialogue.offers.dsn && !c->dialogue.lmtp;
	return answer;
}

/* The same result for all whose RCPT was accepted. */
static void
settle_accepted(struct conn *c, enum result result)
{
	struct dialogue *dl = &c->dialogue;
	const struct answer *answer = answer_of(c);

	for (size_t i = 0; i < dl->nrcpts; i++)
		if (c->job->rcpts[dl->rcpts[i]].result == RESULT_ACCEPTED)
			job_result(c->job, dl->rcpts[i], result, answer);
}

/* A reply that ends the connection (RFC 5321, 3.8), whatever it answers. */
static bool
is_closing(const struct reply *r)
{
	return r->code == 421;
}

static void
transaction_end(struct conn *c)
{
	c->dialogue.step = STEP_READY;
	connect_sent(c);
}

static void
out_of_step(struct conn *c)
{
	static struct buf why;

	buf_clear(&why);
	buf_addf(&why, "4.5.0 unexpected reply to %s: %s", dialogue_where(c),
	    buf_text(&said));
	connect_lost(c, buf_text(&why));
}

/* ---- transaction ---- */

static void
choose_rcpts(struct dialogue *dl, const struct job *job)
{
	dl->nrcpts = 0;
	for (size_t i = 0; i < job->nrcpts; i++)
		if (job->rcpts[i].result == RESULT_NONE &&
		    dl->nrcpts < DIALOGUE_RCPTS)
			dl->rcpts[dl->nrcpts++] = i;
}

void
dialogue_send(struct conn *c)
{
	struct dialogue *dl = &c->dialogue;
	const char *why = offers_refuse(&dl->offers, &c->job->qf.preamble);

	if (why != NULL) {
		job_result_all(c->job, RESULT_PERMANENT, c->host, why);
		connect_sent(c);
		return;
	}
	choose_rcpts(dl, c->job);
	dl->cursor = dl->naccepted = 0;
	dl->ahead = dl->refused = dl->hollow = false;
	if (dl->needs_rset)
		buf_add_str(&out, "RSET\r\n");
	if (dl->offers.pipelining) {
		command_mail(&out, &dl->offers, c->job);
		for (size_t i = 0; i < dl->nrcpts; i++)
			add_rcpt(c, i);
		buf_add_str(&out, "DATA\r\n");
		dl->ahead = true;
	}
	if (out.len > 0)
		say(c);
	proceed(c, dl->needs_rset ? STEP_RSET : STEP_MAIL);
}

static void
take_rset(struct conn *c, const struct reply *r)
{
	if (!is_positive(r)) {
		out_of_step(c);
		return;
	}
	c->dialogue.needs_rset = false;
	proceed(c, STEP_MAIL);
}

static void
take_mail(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;

	if (!is_positive(r)) {
		job_result_all(c->job, result_of(r), c->host, buf_text(&said));
		dl->refused = true;
		if (!dl->ahead) {
			transaction_end(c);
			return;
		}
	}
	proceed(c, STEP_RCPT);
}

static void
note_rcpt(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;
	size_t i = dl->rcpts[dl->cursor];

	if (is_positive(r)) {
		job_result(c->job, i, RESULT_ACCEPTED, NULL);
		dl->naccepted++;
	} else if (r->code != 452 || dl->naccepted == 0)
		job_result(c->job, i, result_of(r), answer_of(c));
	/* else too many recipients (RFC 5321, 4.5.3.1.10): it stays for the
	 * next transaction */
}

static void
take_rcpt(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;

	if (!dl->refused)
		note_rcpt(c, r);
	if (++dl->cursor < dl->nrcpts) {
		proceed(c, STEP_RCPT);
	} else if (dl->naccepted > 0 || dl->ahead) {
		proceed(c, STEP_DATA);
	} else {
		dl->needs_rset = true;
		transaction_end(c);
	}
}

/* The content has left, or waits for the peer to take it. */
static void
send_content(struct conn *c)
{
	static char chunk[CHUNK];
	struct dialogue *dl = &c->dialogue;
	struct queuefile *qf = &c->job->qf;
	const char *data;
	ssize_t n;

	dialogue_await(c, 1);
	while (dl->offset < qf->preamble.content_len) {
		n = queuefile_content(
		    qf, dl->offset, chunk, sizeof(chunk), &data);
		if (n == -1 && errno != EBADMSG) {
			connect_lost(c, "4.3.0 cannot read the message");
			return;
		}
		if (n <= 0)
			break;
		dl->crc = crc32c(dl->crc, data, (size_t)n);
		dl->offset += (uint64_t)n;
		io_write(c->io, data, (size_t)n);
		if (io_unsent(c->io) > UNSENT_HIGH) {
			io_drain(c->io, UNSENT_LOW);
			return;
		}
	}
	if (dl->offset < qf->preamble.content_len ||
	    dl->crc != qf->preamble.content_crc) {
		connect_damaged(c);
		return;
	}
	io_write(c->io, ".\r\n", 3);
	dl->step = STEP_DOT;
	dl->cursor = 0;
	dialogue_await(c, 2);
}

/*
 * A server that answers 354 although it took no recipient is given a lone dot
 * (RFC 2920, 3.1).  In LMTP no reply would follow that.
 */
static void
send_nothing(struct conn *c)
{
	if (c->dialogue.lmtp) {
		connect_lost(c, buf_text(&said));
		return;
	}
	c->dialogue.hollow = true;
	c->dialogue.step = STEP_DOT;
	io_write(c->io, ".\r\n", 3);
	dialogue_await(c, 2);
}

static void
take_data(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;

	if (r->code == 354 && dl->naccepted == 0) {
		send_nothing(c);
	} else if (r->code == 354) {
		dl->step = STEP_CONTENT;
		dl->offset = 0;
		dl->crc = 0;
		if (c->job->headers.len > 0) /* no line begins with a dot */
			io_write(
			    c->io, c->job->headers.data, c->job->headers.len);
		send_content(c);
	} else if (r->code < 400) {
		out_of_step(c);
	} else {
		if (dl->naccepted > 0)
			settle_accepted(c, result_of(r));
		dl->needs_rset = true;
		transaction_end(c);
	}
}

/* A reply before the final dot: an error that the server could not keep to
 * itself.  What we are in the middle of cannot be ended but by leaving. */
static void
take_early(struct conn *c, const struct reply *r)
{
	if (r->code < 400) {
		out_of_step(c);
		return;
	}
	settle_accepted(c, result_of(r));
	connect_lost(c, buf_text(&said));
}

/* LMTP answers for each accepted recipient in turn (RFC 2033, 4.2). */
static void
take_dot_of_one(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;

	while (c->job->rcpts[dl->rcpts[dl->cursor]].result != RESULT_ACCEPTED)
		dl->cursor++;
	job_result(c->job, dl->rcpts[dl->cursor++], result_of(r), answer_of(c));
	dialogue_await(c, 2);
	if (--dl->naccepted == 0)
		transaction_end(c);
}

static void
take_dot(struct conn *c, const struct reply *r)
{
	if (r->code / 100 == 3) {
		out_of_step(c);
	} else if (c->dialogue.lmtp) {
		take_dot_of_one(c, r);
	} else {
		if (!c->dialogue.hollow)
			settle_accepted(c, result_of(r));
		transaction_end(c);
	}
}

/* ---- events ---- */

static void (*const takers[])(struct conn *c, const struct reply *r) = {
    [STEP_GREETING] = opening_greeting,
    [STEP_HELLO] = opening_hello,
    [STEP_HELO] = opening_hello,
    [STEP_STARTTLS] = opening_starttls,
    [STEP_RSET] = take_rset,
    [STEP_MAIL] = take_mail,
    [STEP_RCPT] = take_rcpt,
    [STEP_DATA] = take_data,
    [STEP_CONTENT] = take_early,
    [STEP_DOT] = take_dot,
};

/* The last words of a host that closes: they count for what was asked, and
 * whatever else was under way is temporary. */
static void
take_closing(struct conn *c)
{
	struct dialogue *dl = &c->dialogue;

	if (dl->step < STEP_STARTTLS) {
		connect_refused(c, false, buf_text(&said));
		return;
	}
	if (dl->step == STEP_DOT && !dl->lmtp)
		settle_accepted(c, RESULT_TEMPORARY);
	connect_lost(c, buf_text(&said));
}

void
dialogue_input(struct conn *c)
{
	static struct buf lines;
	struct io *io = c->io;
	struct buf *in = io_in(io);
	struct reply r;
	ssize_t n;

	while (c->io == io && in->len > 0) {
		n = reply_parse((struct str){in->data, in->len}, &r);
		if (n == 0)
			break;
		buf_clear(&said);
		if (n == -1 || takers[c->dialogue.step] == NULL) {
			connect_lost(c, "4.5.0 what it says is no reply");
			break;
		}
		reply_format(&r, &said);
		buf_clear(&lines); /* the handler may close c->io */
		buf_add(&lines, r.lines.s, r.lines.len);
		r.lines.s = lines.data;
		buf_drop(in, (size_t)n);
		if (is_closing(&r))
			take_closing(c);
		else
			takers[c->dialogue.step](c, &r);
	}
}

void
dialogue_drained(struct conn *c)
{
	if (c->dialogue.step == STEP_CONTENT)
		send_content(c);
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
	if (error != 0)
		buf_addf(&why, ": %s", strerror(error));
	connect_lost(c, buf_text(&why));
}

void
dialogue_late(struct conn *c)
{
	static struct buf why;

	buf_clear(&why);
	buf_addf(&why, "4.4.2 no reply to %s in time", dialogue_where(c));
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
