/* SPDX-License-Identifier: ISC */
#include "auth.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "connect.h"
#include "destination.h"
#include "mail/credential.h"
#include "proc/io.h"
#include "proc/loop.h"
#include "sasl.h"
#include "secret.h"
#include "sender.h"

bool
auth_wanted(const struct conn *c)
{
	return c->dest->profile.auth[0] != '\0';
}

/* What cannot be found now is refused when it is needed. */
void
auth_prepare(struct conn *c)
{
	struct credential who;

	if (!auth_wanted(c))
		return;
	c->secret = secret_new();
	if (credential_find(
		sender.spool->map, str_of(c->dest->profile.auth), &who) == 0)
		secret_add_password(c->secret, str_of(who.password));
	credential_wipe(&who);
}

static void
refuse(struct conn *c, const char *code, const char *why)
{
	const struct profile *p = &c->dest->profile;
	struct buf text = {0};

	buf_addf(
	    &text, "%s auth %s (profile %s): %s", code, p->auth, p->name, why);
	log_warnx("host %s: %s", c->host, buf_text(&text));
	connect_refused(c, false, buf_text(&text));
	buf_free(&text);
}

/* Of what is said all that begins at `secret` is one. */
static void
say(struct conn *c, struct buf *line, size_t secret)
{
	secret_add(
	    c->secret, (struct str){line->data + secret, line->len - secret});
	buf_add_str(line, "\r\n");
	io_write(c->io, line->data, line->len);
	explicit_bzero(line->data, line->len);
	buf_free(line);
	dialogue_await(c, WAIT_REPLY);
}

static const char *
why_no_credential(void)
{
	switch (errno) {
	case ENOENT:
		return "there is no such credential";
	case EPERM:
		return "others can read map/credentials.cdb";
	}
	return strerror(errno);
}

/* The best of those that it offers: NULL and refused. */
static struct sasl *
choose(struct conn *c, enum sasl_mechanism *m_r)
{
	const struct profile *p = &c->dest->profile;
	struct credential who;
	struct sasl *s;

	*m_r = 0;
	while (
	    *m_r < SASL_MECHANISMS && !(c->dialogue.offers.auth & 1U << *m_r))
		++*m_r;
	if (*m_r == SASL_MECHANISMS) {
		refuse(c, "4.7.4", "no mechanism that we know is offered");
		return NULL;
	}
	if (credential_find(sender.spool->map, str_of(p->auth), &who) == -1) {
		refuse(c, "4.3.5", why_no_credential());
		return NULL;
	}
	s = sasl_new(*m_r, &who);
	secret_add_password(c->secret, str_of(who.password)); /* a new one? */
	credential_wipe(&who);
	if (s == NULL)
		refuse(c, "4.3.0", "the library has no such mechanism");
	return s;
}

void
auth_begin(struct conn *c)
{
	enum sasl_mechanism m;
	struct buf line = {0};
	const char *why;
	size_t len;

	if (c->tls == NULL && !c->dest->profile.auth_in_clear) {
		refuse(c, "4.7.11", "the connection is not encrypted");
		return;
	}
	c->sasl = choose(c, &m);
	if (c->sasl == NULL)
		return;
	buf_addf(&line, "AUTH %s", sasl_name(m));
	len = line.len;
	if (sasl_begins(m)) {
		buf_add_char(&line, ' ');
		if (sasl_answer(c->sasl, str_of(""), &line, &why) !=
		    SASL_ANSWERS) {
			buf_free(&line);
			refuse(c, "4.7.8", why);
			return;
		}
	}
	c->dialogue.step = STEP_AUTH;
	say(c, &line, len);
}

/* What is next, once the library has said this of the challenge. */
static void
proceed(
    struct conn *c, enum sasl_result result, struct buf *line, const char *why)
{
	if (result == SASL_ANSWERS) {
		say(c, line, 0);
		return;
	}
	buf_free(line);
	if (result == SASL_WORKS)
		loop_timer_set(c->work, 0); /* after others had their turn */
	else
		refuse(c, "4.7.8", why);
}

static void
on_work(void *arg)
{
	struct conn *c = arg;
	struct buf line = {0};
	const char *why = "";
	enum sasl_result result = sasl_work(c->sasl, &line, &why);

	proceed(c, result, &line, why);
}

static void
answer(struct conn *c, const struct reply *r)
{
	struct str lines = r->lines, challenge = {0};
	struct buf line = {0};
	const char *why = "";
	enum sasl_result result;

	if (c->work == NULL)
		c->work = loop_timer_new(on_work, c);
	reply_line(&lines, &challenge);
	result = sasl_answer(c->sasl, challenge, &line, &why);
	proceed(c, result, &line, why);
}

/* 235 from a host that has not proven to know the password is not from the
 * host that we mean. */
void
auth_reply(struct conn *c, const struct reply *r)
{
	if (r->code == 334) {
		answer(c, r);
	} else if (r->code != 235) {
		refuse(c, "4.7.8", r->text);
	} else if (!sasl_done(c->sasl)) {
		refuse(c, "4.7.8", "it says 235 and has not proven itself");
	} else {
		sasl_free(&c->sasl);
		c->dialogue.step = STEP_READY;
		connect_greeted(c);
	}
}

void
auth_conceal(const struct conn *c, unsigned code, struct buf *text)
{
	if (c->secret == NULL ||
	    !secret_shows(c->secret, (struct str){text->data, text->len}))
		return;
	explicit_bzero(text->data, text->len);
	buf_clear(text);
	buf_addf(text, "%03u (what it says shows a secret)", code);
}
