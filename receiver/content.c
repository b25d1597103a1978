/* SPDX-License-Identifier: ISC */
/*
 * The content of a message: from 354 to the end of data.
 */
#include "receiver.h"

#include "base/clock.h"
#include "mail/network.h"

/* What is over the size limit is read and dropped up to as much again and
 * this; then the client is hung up on. */
#define SWALLOW_MAX (1u << 20)

void
content_begin(struct session *s)
{
	struct transaction *t = s->mail;
	struct worker *w = receiver.worker;
	struct buf field = {0};
	int rights = client_rights(s->client);

	t->env.client = s->client->text;
	t->env.helo = s->helo;
	t->env.protocol = s->esmtp ? "ESMTP" : "SMTP";
	t->env.listener = s->listener;
	t->env.arrival_s = clock_wall_s();
	data_begin(&t->data, rights != -1 && (rights & NETWORK_BARE_LF));
	draft_begin(&t->draft, receiver_slot(), NULL, &t->env);
	t->drafting = true;
	received_format(&field, &t->env, t->draft.id, w->settings.hostname);
	draft_add(&t->draft, w->spool, field.data, field.len);
	buf_free(&field);
	session_enter(s, SESSION_CONTENT);
}

static bool
is_too_big(const struct data *d)
{
	return d->size > receiver.worker->settings.message_size_max;
}

/* Nothing is kept any more of a message that will be refused. */
static bool
is_lost(const struct transaction *t)
{
	return t->data.bare || t->data.overlong || is_too_big(&t->data) ||
	       t->draft.error != 0;
}

static void
on_piece(void *arg, const char *piece, size_t len)
{
	struct transaction *t = arg;

	if (!is_lost(t))
		draft_add(&t->draft, receiver.worker->spool, piece, len);
}

/* After an end that was none there may stand what a forger wanted to be taken
 * for commands: nothing more is read from him. */
static void
refuse_bare(struct session *s, bool false_end)
{
	session_refuse(s, "550 5.6.11 The content has a bare CR or LF%s",
	    false_end ? " that makes a false end of data" : "");
	if (false_end)
		session_end(s, true);
}

/* All content has come: the verdict. */
static void
finish(struct session *s)
{
	struct transaction *t = s->mail;
	struct data *d = &t->data;

	t->draft.preamble.flags |= d->flags;
	if (!is_lost(t) && commit_begin(s) == 0)
		return;
	session_enter(s, SESSION_COMMAND);
	if (d->bare)
		refuse_bare(s, d->false_end);
	else if (is_too_big(d))
		session_refuse(s, "552 5.3.4 The message is too big");
	else if (d->overlong)
		session_refuse(s, "550 5.6.0 A line is too long");
	else
		commit_refuse(s, t->draft.error);
	transaction_free(&s->mail);
}

size_t
content_take(struct session *s, struct str in)
{
	struct transaction *t = s->mail;
	size_t used = data_scan(&t->data, in, on_piece, t);

	if (is_lost(t) && t->drafting) {
		draft_abandon(&t->draft, receiver.worker->spool);
		t->drafting = false;
	}
	if (t->data.ended) {
		finish(s);
	} else if (is_too_big(&t->data) &&
		   t->data.size / 2 >
		       receiver.worker->settings.message_size_max +
			   SWALLOW_MAX) {
		session_refuse(s, "552 5.3.4 The message is too big");
		session_end(s, true);
	}
	return used;
}
