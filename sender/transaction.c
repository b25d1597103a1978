/* SPDX-License-Identifier: ISC */
#include "transaction.h"

#include <errno.h>
#include <string.h>

#include "base/crc.h"
#include "command.h"
#include "connect.h"
#include "job.h"
#include "proc/io.h"
#include "proc/tls.h"
#include "reply.h"

#define CHUNK       65536
#define UNSENT_HIGH (4 * CHUNK) /* so much may wait for the peer */
#define UNSENT_LOW  CHUNK

static struct buf out; /* commands, on their way into c->io */

static void
say(struct conn *c)
{
	io_write(c->io, out.data, out.len);
	buf_clear(&out);
}

/* ---- commands ---- */

static void
choose_rcpts(struct dialogue *dl, const struct job *job)
{
	dl->nrcpts = 0;
	for (size_t i = 0; i < job->nrcpts; i++)
		if (job->rcpts[i].result == RESULT_NONE &&
		    dl->nrcpts < DIALOGUE_RCPTS)
			dl->rcpts[dl->nrcpts++] = i;
}

static void
add_mail(const struct conn *c, const struct job *job)
{
	command_mail(&out, &c->dialogue.offers, job);
}

static void
add_rcpt(const struct conn *c, const struct job *job, size_t i)
{
	command_rcpt(&out, &c->dialogue.offers,
	    &job->qf.envelope.recipients[job->rcpts[i].number]);
}

/* MAIL, RCPT and DATA, to leave in one write. */
static void
add_all(const struct conn *c, const struct job *job)
{
	size_t n = 0;

	add_mail(c, job);
	for (size_t i = 0; i < job->nrcpts && n < DIALOGUE_RCPTS; i++)
		if (job->rcpts[i].result == RESULT_NONE) {
			add_rcpt(c, job, i);
			n++;
		}
	buf_add_str(&out, "DATA\r\n");
}

/* Go to a step of the transaction: its command leaves now, unless it left with
 * MAIL. */
static void
proceed(struct conn *c, enum step step)
{
	struct dialogue *dl = &c->dialogue;

	dl->step = step;
	dialogue_await(c, step == STEP_DATA ? WAIT_DATA : WAIT_REPLY);
	if (dl->ahead)
		return;
	dl->behind = 0;
	if (step == STEP_MAIL)
		add_mail(c, c->job);
	else if (step == STEP_RCPT)
		add_rcpt(c, c->job, dl->rcpts[dl->cursor]);
	else if (step == STEP_DATA)
		buf_add_str(&out, "DATA\r\n");
	say(c);
}

/* ---- results ---- */

static enum result
result_of(const struct reply *r)
{
	if (reply_positive(r))
		return RESULT_DELIVERED;
	return r->code / 100 == 5 ? RESULT_PERMANENT : RESULT_TEMPORARY;
}

static const struct answer *
answer_of(struct conn *c, const struct reply *r)
{
	struct answer *answer = job_answer(c->job, c->host, r->text);

	if (c->tls != NULL)
		answer->tls = tls_facts(c->tls);
	answer->reports = c->dialogue.offers.dsn;
	answer->relayed = !c->dialogue.offers.dsn && !c->dialogue.lmtp;
	return answer;
}

/* The same result for all whose RCPT was accepted. */
static void
settle_accepted(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;
	const struct answer *answer = answer_of(c, r);

	for (size_t i = 0; i < dl->nrcpts; i++)
		if (c->job->rcpts[dl->rcpts[i]].result == RESULT_ACCEPTED)
			job_result(c->job, dl->rcpts[i], result_of(r), answer);
}

static void
transaction_end(struct conn *c)
{
	c->dialogue.step = STEP_READY;
	connect_sent(c);
}

static void
out_of_step(struct conn *c, const struct reply *r)
{
	static struct buf why;

	buf_clear(&why);
	buf_addf(&why, "4.5.0 unexpected reply to %s: %s", dialogue_where(c),
	    r->text);
	connect_lost(c, buf_text(&why));
}

/* ---- steps ---- */

static void
reset(struct conn *c)
{
	struct dialogue *dl = &c->dialogue;

	choose_rcpts(dl, c->job);
	dl->cursor = dl->naccepted = 0;
	dl->ahead = dl->refused = dl->hollow = false;
}

void
transaction_begin(struct conn *c)
{
	struct dialogue *dl = &c->dialogue;
	const char *why = offers_refuse(&dl->offers, &c->job->qf.preamble);

	if (why != NULL) {
		job_result_all(c->job, RESULT_PERMANENT, c->host, why);
		connect_sent(c);
		return;
	}
	reset(c);
	if (dl->needs_rset)
		buf_add_str(&out, "RSET\r\n");
	if (dl->offers.pipelining) {
		add_all(c, c->job);
		dl->ahead = true;
		dl->behind = out.len - 1; /* some of it has to have left */
	}
	if (out.len > 0)
		say(c);
	proceed(c, dl->needs_rset ? STEP_RSET : STEP_MAIL);
}

void
transaction_resume(struct conn *c)
{
	struct dialogue *dl = &c->dialogue;

	if (!dl->next_ahead) {
		transaction_begin(c);
		return;
	}
	dl->next_ahead = false;
	reset(c);
	dl->ahead = true;
	dl->behind--; /* as in transaction_begin() */
	proceed(c, STEP_MAIL);
}

/*
 * With the end of one message the commands of the next may leave in the same
 * write (RFC 2920, 3.1): one round trip and two system calls less.  Only when
 * nothing else is to be said about this message.
 */
static void
send_ahead(struct conn *c)
{
	struct dialogue *dl = &c->dialogue;

	if (!dl->offers.pipelining || c->next != NULL ||
	    job_count(c->job, RESULT_NONE) > 0 ||
	    job_count(c->job, RESULT_TEMPORARY) > 0)
		return;
	c->next = connect_next(c);
	if (c->next == NULL ||
	    offers_refuse(&dl->offers, &c->next->qf.preamble) != NULL)
		return;
	add_all(c, c->next);
	dl->behind = out.len;
	dl->next_ahead = true;
	say(c);
}

static void
take_rset(struct conn *c, const struct reply *r)
{
	if (!reply_positive(r)) {
		out_of_step(c, r);
		return;
	}
	c->dialogue.needs_rset = false;
	proceed(c, STEP_MAIL);
}

static void
take_mail(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;

	if (!reply_positive(r)) {
		job_result_all(c->job, result_of(r), c->host, r->text);
		dl->refused = true;
		if (!dl->ahead) {
			transaction_end(c);
			return;
		}
	}
	proceed(c, STEP_RCPT);
}

/* Unknown here, and the map says who may know it (stagepost-routes(5)). */
static enum result
result_of_rcpt(const struct conn *c, size_t i, const struct reply *r)
{
	if (reply_unknown(r) && job_may_divert(c->job, i))
		return RESULT_DIVERTED;
	return result_of(r);
}

static void
note_rcpt(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;
	size_t i = dl->rcpts[dl->cursor];

	if (reply_positive(r)) {
		job_result(c->job, i, RESULT_ACCEPTED, NULL);
		dl->naccepted++;
	} else if (r->code != 452 || dl->naccepted == 0)
		job_result(c->job, i, result_of_rcpt(c, i, r), answer_of(c, r));
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

	dialogue_await(c, WAIT_CONTENT);
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
	dialogue_await(c, WAIT_END);
	send_ahead(c);
}

/*
 * A server that answers 354 although it took no recipient is given a lone dot
 * (RFC 2920, 3.1).  In LMTP no reply would follow that.
 */
static void
send_nothing(struct conn *c, const struct reply *r)
{
	if (c->dialogue.lmtp) {
		connect_lost(c, r->text);
		return;
	}
	c->dialogue.hollow = true;
	c->dialogue.behind = 0;
	c->dialogue.step = STEP_DOT;
	io_write(c->io, ".\r\n", 3);
	dialogue_await(c, WAIT_END);
}

static void
take_data(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;

	if (r->code == 354 && dl->naccepted == 0) {
		send_nothing(c, r);
	} else if (r->code == 354) {
		dl->step = STEP_CONTENT;
		dl->behind = 0;
		dl->offset = 0;
		dl->crc = 0;
		if (c->job->headers.len > 0) /* no line begins with a dot */
			io_write(
			    c->io, c->job->headers.data, c->job->headers.len);
		send_content(c);
	} else if (r->code < 400) {
		out_of_step(c, r);
	} else {
		if (dl->naccepted > 0)
			settle_accepted(c, r);
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
		out_of_step(c, r);
		return;
	}
	settle_accepted(c, r);
	connect_lost(c, r->text);
}

/* LMTP answers for each accepted recipient in turn (RFC 2033, 4.2). */
static void
take_dot_of_one(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;

	while (c->job->rcpts[dl->rcpts[dl->cursor]].result != RESULT_ACCEPTED)
		dl->cursor++;
	job_result(
	    c->job, dl->rcpts[dl->cursor++], result_of(r), answer_of(c, r));
	dialogue_await(c, WAIT_END);
	if (--dl->naccepted == 0)
		transaction_end(c);
}

static void
take_dot(struct conn *c, const struct reply *r)
{
	if (r->code / 100 == 3) {
		out_of_step(c, r);
	} else if (c->dialogue.lmtp) {
		take_dot_of_one(c, r);
	} else {
		if (!c->dialogue.hollow)
			settle_accepted(c, r);
		transaction_end(c);
	}
}

/* ---- events ---- */

static void (*const takers[])(struct conn *c, const struct reply *r) = {
    [STEP_RSET] = take_rset,
    [STEP_MAIL] = take_mail,
    [STEP_RCPT] = take_rcpt,
    [STEP_DATA] = take_data,
    [STEP_CONTENT] = take_early,
    [STEP_DOT] = take_dot,
};

void
transaction_reply(struct conn *c, const struct reply *r)
{
	takers[c->dialogue.step](c, r);
}

void
transaction_closing(struct conn *c, const struct reply *r)
{
	if (c->dialogue.step == STEP_DOT && !c->dialogue.lmtp)
		settle_accepted(c, r);
	connect_lost(c, r->text);
}

void
transaction_drained(struct conn *c)
{
	send_content(c);
}
