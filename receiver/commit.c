/* SPDX-License-Identifier: ISC */
/*
 * From the end of data to the answer.  Whoever was told 250 has a message that
 * no power cut can take any more; whoever was not told will send it again.
 */
#include "receiver.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "proc/committer.h"
#include "proc/loop.h"

#define MANY_SESSIONS 20 /* of all workers */
#define PATIENCE_MS   3

static void
log_accepted(const struct session *s)
{
	const struct transaction *t = s->mail;
	const struct envelope *env = &t->env;

	log_info("%s: accepted from=<%s> to=<%s>(+%zu) client=%s helo=%s "
		 "proto=%s size=%llu",
	    t->draft.id, env->sender, env->recipients[0].address,
	    env->nrecipients - 1, s->client->text, s->helo, env->protocol,
	    (unsigned long long)t->draft.preamble.content_len);
}

void
commit_refuse(struct session *s, int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		session_refuse(s, "452 4.3.1 No space for it now, try later");
		break;
	case EMSGSIZE: /* the envelope has grown too large */
		session_refuse(s, "452 4.5.3 Too many recipients");
		break;
	default:
		session_refuse(
		    s, "451 4.3.0 It could not be stored, try later");
	}
}

static void
answer(struct session *s, int status)
{
	char reply[64];

	s->line = str_of("(content)");
	if (status != 0) {
		commit_refuse(s, status);
		return;
	}
	snprintf(
	    reply, sizeof(reply), "250 2.0.0 %s accepted", s->mail->draft.id);
	session_reply(s, reply);
	s->errors = 0;
}

/*
 * The line is logged even when the client has gone: the message is ours.  He
 * has seen no 250 and sends it again, which no server can help (RFC 1047).
 */
static void
on_committed(void *arg, int status)
{
	struct session *s = arg;

	if (status == 0)
		log_accepted(s);
	if (s->io)
		answer(s, status);
	transaction_free(&s->mail);
	session_resume(s);
}

static void
on_committed_here(void *arg)
{
	struct session *s = arg;

	on_committed(s, s->mail->committed);
}

/*
 * So many messages are worth a flush: of many sessions those that are not
 * waiting for it keep the worker busy, and there will be more in a moment.
 */
static size_t
company(void)
{
	return parent_sessions(0) < MANY_SESSIONS ? 0 : receiver.nsessions / 3;
}

/*
 * While this session is the only one of the worker nobody else waits when the
 * worker waits for the disk, and no other message can share its flushes: so it
 * spares itself the way to the committer and back.  The order is the same.
 */
int
commit_begin(struct session *s)
{
	struct transaction *t = s->mail;
	struct spool *sp = receiver.worker->spool;

	if (draft_complete(&t->draft, sp) == -1)
		return -1;
	t->drafting = false; /* tmp/ or incoming/: no longer ours */
	session_enter(s, SESSION_COMMIT);
	if (receiver.nsessions == 1) {
		t->committed =
		    spool_commit_draft(sp, &t->draft) == -1 ? errno : 0;
		loop_soon(on_committed_here, s);
	} else {
		committer_company(company(), PATIENCE_MS);
		committer_commit(&t->draft, false, on_committed, s);
	}
	return 0;
}
