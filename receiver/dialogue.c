/* SPDX-License-Identifier: ISC */
/*
 * The answer to each command, and the order in which they must come (RFC 5321,
 * 4.1.4).
 */
#include "receiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "mail/network.h"
#include "mail/recipient.h"
#include "mail/route.h"
#include "command.h"

static const struct settings *
settings(void)
{
	return &receiver.worker->settings;
}

/* HELO and EHLO begin anew: what was under way is forgotten. */
static bool
greet(struct session *s, struct str args, bool esmtp)
{
	if (!command_helo_ok(args)) {
		session_refuse(s, "501 5.5.4 A host name was expected");
		return false;
	}
	transaction_free(&s->mail);
	free(s->helo);
	s->helo = mem_ndup(args.s, args.len);
	s->esmtp = esmtp;
	return true;
}

static void
on_helo(struct session *s, struct str args)
{
	char reply[sizeof(settings()->hostname) + 8];

	if (!greet(s, args, false))
		return;
	snprintf(reply, sizeof(reply), "250 %s", settings()->hostname);
	session_reply(s, reply);
}

static void
on_ehlo(struct session *s, struct str args)
{
	char reply[sizeof(settings()->hostname) + 160];

	if (!greet(s, args, true))
		return;
	snprintf(reply, sizeof(reply),
	    "250-%s\r\n"
	    "250-PIPELINING\r\n"
	    "250-SIZE %llu\r\n"
	    "250-8BITMIME\r\n"
	    "250-ENHANCEDSTATUSCODES\r\n"
	    "250 DSN",
	    settings()->hostname,
	    (unsigned long long)settings()->message_size_max);
	session_reply(s, reply);
}

/* Is there a place for a message of that size? Else the client was told. */
static bool
has_place(struct session *s, uint64_t size)
{
	struct spool *sp = receiver.worker->spool;

	if (size > settings()->message_size_max) {
		session_refuse(s, "552 5.3.4 The message is too big");
		return false;
	}
	if (spool_space(sp, size) == 0)
		return true;
	if (spool_failed(sp)) {
		session_refuse(s, "421 4.3.0 %s The spool has failed",
		    settings()->hostname);
		session_end(s, true);
	} else if (errno == ENOSPC) {
		session_refuse(s, "452 4.3.1 No space for mail, try later");
	} else {
		session_refuse(s, "451 4.3.0 The spool does not answer");
	}
	return false;
}

/* "postmaster" alone is ours (RFC 5321, 4.5.1). */
static void
complete(const struct address *addr, struct buf *out)
{
	buf_add(out, addr->whole.s, addr->whole.len);
	if (addr->whole.len > 0 && addr->domain.len == 0)
		buf_addf(out, "@%s", settings()->hostname);
}

static void
on_mail(struct session *s, struct str args)
{
	struct mail_command m;
	struct buf text = {0};

	if (!s->helo) {
		session_refuse(s, "503 5.5.1 EHLO or HELO comes first");
	} else if (s->mail) {
		session_refuse(s, "503 5.5.1 There is a sender already");
	} else if (command_mail(args, &m, &text) == -1) {
		session_refuse(s, "%s", buf_text(&text));
	} else if (has_place(s, m.size)) {
		complete(&m.from, &text);
		s->mail = transaction_new((struct str){text.data, text.len});
		s->mail->env.ret = m.ret;
		if (m.envid.len > 0)
			s->mail->env.envid = mem_ndup(m.envid.s, m.envid.len);
		session_reply(s, "250 2.1.0 Ok");
	}
	buf_free(&text);
}

/* May this client send there? 1, 0, or -1: the map is damaged. */
static int
may_reach(struct session *s, const struct address *to)
{
	int rights = client_rights(s->client);

	if (rights == -1)
		return -1;
	if ((rights & NETWORK_RELAY) || to->domain.len == 0)
		return 1;
	if (to->literal)
		return 0;
	return route_is_local(receiver.worker->map, to->domain);
}

/* Is it somebody's address?  Else the client was told. */
static bool
is_somebody(struct session *s, const struct address *to)
{
	struct buf address = {0};
	enum recipient_answer answer;

	complete(to, &address);
	answer =
	    recipient_check(receiver.worker->map, buf_text(&address), NULL);
	buf_free(&address);
	if (answer == RECIPIENT_UNKNOWN)
		session_refuse(s, "550 5.1.1 No such recipient here");
	else if (answer == RECIPIENT_TEMPFAIL)
		session_refuse(
		    s, "451 4.3.0 The map cannot be read, try later");
	return answer <= RECIPIENT_KNOWN;
}

static void
add_recipient(struct session *s, const struct rcpt_command *r)
{
	struct buf address = {0};

	complete(&r->to, &address);
	transaction_add(s->mail, buf_text(&address), r->original, r->notify);
	buf_free(&address);
	session_reply(s, "250 2.1.5 Ok");
}

static void
on_rcpt(struct session *s, struct str args)
{
	struct rcpt_command r;
	struct buf text = {0};
	int may;

	if (!s->mail) {
		session_refuse(s, "503 5.5.1 MAIL comes first");
	} else if (command_rcpt(args, &r, &text) == -1) {
		session_refuse(s, "%s", buf_text(&text));
	} else if (s->mail->env.nrecipients >= settings()->recipients_max) {
		session_refuse(s, "452 4.5.3 Too many recipients");
	} else if ((may = may_reach(s, &r.to)) == 1) {
		if (is_somebody(s, &r.to))
			add_recipient(s, &r);
	} else if (may == 0) {
		session_refuse(s, "550 5.7.1 No relaying from your network");
	} else {
		session_refuse(
		    s, "451 4.3.0 The map cannot be read, try later");
	}
	buf_free(&text);
}

static void
on_data(struct session *s, struct str args)
{
	if (args.len > 0) {
		session_refuse(s, "501 5.5.4 DATA takes nothing behind it");
	} else if (!s->mail) {
		session_refuse(s, "503 5.5.1 MAIL comes first");
	} else if (s->mail->env.nrecipients == 0) {
		session_refuse(s, "503 5.5.1 RCPT comes first");
	} else {
		session_reply(s, "354 End with CR LF . CR LF");
		content_begin(s);
	}
}

static void
on_rset(struct session *s, struct str args)
{
	if (args.len > 0) {
		session_refuse(s, "501 5.5.4 RSET takes nothing behind it");
		return;
	}
	transaction_free(&s->mail);
	session_reply(s, "250 2.0.0 Ok");
}

static void
on_noop(struct session *s, struct str args)
{
	(void)args;
	session_reply(s, "250 2.0.0 Ok");
}

static void
on_quit(struct session *s, struct str args)
{
	if (args.len > 0) {
		session_refuse(s, "501 5.5.4 QUIT takes nothing behind it");
		return;
	}
	session_bye(s, "221 2.0.0", "closing");
	session_end(s, false);
}

static void
on_vrfy(struct session *s, struct str args)
{
	if (args.len == 0)
		session_refuse(s, "501 5.5.4 An address was expected");
	else
		session_reply(s, "252 2.5.0 Not verified, but mail is tried");
}

static void
on_help(struct session *s, struct str args)
{
	(void)args;
	session_reply(
	    s, "214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP");
}

static void
on_later(struct session *s, struct str args)
{
	(void)args;
	session_refuse(s, "502 5.5.1 Not offered here");
}

/* A web page can make a browser post to us, with SMTP in the body. */
static void
on_foreign(struct session *s, struct str args)
{
	(void)args;
	session_refuse(s, "421 4.7.0 This is a mail server");
	session_end(s, true);
}

static void
on_unknown(struct session *s, struct str args)
{
	(void)args;
	session_refuse(s, "500 5.5.1 Unknown command");
}

static void (*const answers[VERBS])(struct session *s, struct str args) = {
    [VERB_HELO] = on_helo,
    [VERB_EHLO] = on_ehlo,
    [VERB_MAIL] = on_mail,
    [VERB_RCPT] = on_rcpt,
    [VERB_DATA] = on_data,
    [VERB_RSET] = on_rset,
    [VERB_NOOP] = on_noop,
    [VERB_QUIT] = on_quit,
    [VERB_VRFY] = on_vrfy,
    [VERB_HELP] = on_help,
    [VERB_LATER] = on_later,
    [VERB_FOREIGN] = on_foreign,
    [VERB_UNKNOWN] = on_unknown,
};

void
dialogue_command(struct session *s)
{
	struct str args;
	enum verb verb = command_verb(s->line, &args);

	answers[verb](s, args);
}
