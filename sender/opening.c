/* SPDX-License-Identifier: ISC */
#include "opening.h"

#include "auth.h"
#include "command.h"
#include "connect.h"
#include "destination.h"
#include "proc/io.h"
#include "security.h"

static void
say(struct conn *c, enum step step, struct buf *command)
{
	c->dialogue.step = step;
	io_write(c->io, command->data, command->len);
	buf_free(command);
	dialogue_await(c, WAIT_REPLY);
}

static void
say_hello(struct conn *c, enum step step)
{
	struct buf command = {0};

	command_hello(&command, c->dialogue.lmtp     ? "LHLO"
				: step == STEP_HELLO ? "EHLO"
						     : "HELO");
	say(c, step, &command);
}

void
opening_begin(struct conn *c)
{
	c->dialogue = (struct dialogue){.step = STEP_GREETING, .lmtp = c->lmtp};
	auth_prepare(c);
	dialogue_await(c, WAIT_GREETING);
}

void
opening_greeting(struct conn *c, const struct reply *r)
{
	if (reply_positive(r))
		say_hello(c, STEP_HELLO);
	else
		connect_refused(c, r->code / 100 == 5, r->text);
}

/* It has said all that it offers: it may have the message, when it gives what
 * the profile asks. */
static void
agreed(struct conn *c)
{
	const char *lacks = security_lacks(c);

	if (lacks != NULL) {
		connect_refused(c, false, lacks);
		return;
	}
	if (auth_wanted(c)) {
		auth_begin(c);
		return;
	}
	c->dialogue.step = STEP_READY;
	connect_greeted(c);
}

void
opening_hello(struct conn *c, const struct reply *r)
{
	struct dialogue *dl = &c->dialogue;
	struct buf command = {0};
	bool hello = dl->step == STEP_HELLO;

	if (!reply_positive(r)) {
		if (hello && !dl->lmtp && (r->code == 500 || r->code == 502))
			say_hello(c, STEP_HELO);
		else
			connect_refused(c, r->code / 100 == 5, r->text);
		return;
	}
	if (hello)
		offers_parse(r, &dl->offers);
	if (dl->offers.starttls && security_wanted(c)) {
		buf_add_str(&command, "STARTTLS\r\n");
		say(c, STEP_STARTTLS, &command);
		return;
	}
	agreed(c);
}

/* A 5xx here is about the host's certificate or its load: nothing that the
 * sender of a message could mend. */
void
opening_starttls(struct conn *c, const struct reply *r)
{
	if (r->code == 220) {
		c->dialogue.step = STEP_TLS;
		dialogue_await(c, WAIT_REPLY);
		if (!security_begin(c))
			connect_refused(c, false,
			    security_failed(
				c, "bytes in clear after STARTTLS"));
	} else if (c->dest->profile.tls == TLS_OPPORTUNISTIC) {
		agreed(c);
	} else {
		connect_refused(c, false, security_failed(c, r->text));
	}
}

/* What is known of the host was said in clear: it is forgotten, and what it
 * lacks is found before another word is said. */
void
opening_secured(struct conn *c)
{
	const char *lacks = security_lacks(c);

	c->dialogue.offers = (struct offers){0};
	if (lacks != NULL)
		connect_refused(c, false, lacks);
	else
		say_hello(c, STEP_HELLO);
}

bool
opening_secures(const struct conn *c)
{
	return c->dialogue.step == STEP_STARTTLS ||
	       c->dialogue.step == STEP_TLS ||
	       (c->dialogue.step == STEP_HELLO && c->tls != NULL);
}
