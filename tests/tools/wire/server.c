/* SPDX-License-Identifier: ISC */
#include "server.h"

#include <err.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "address.h"
#include "letter.h"
#include "record.h"

static void *
grown(void *p, size_t size)
{
	p = realloc(p, size);
	if (p == NULL)
		err(1, "realloc");
	return p;
}

static void __attribute__((format(printf, 2, 3)))
say(struct server *s, const char *fmt, ...)
{
	va_list ap;

	if (s->out_size - s->out_len < SERVER_LINE_MAX) {
		s->out_size = s->out_len + 2 * SERVER_LINE_MAX;
		s->out = grown(s->out, s->out_size);
	}
	va_start(ap, fmt);
	s->out_len += (size_t)vsnprintf(
	    s->out + s->out_len, SERVER_LINE_MAX - 2, fmt, ap);
	va_end(ap);
	memcpy(s->out + s->out_len, "\r\n", 2);
	s->out_len += 2;
}

/* Answers are short; a peer that does not read them loses the connection. */
static void
flush(struct server *s)
{
	if (s->out_len > 0 && !s->closed &&
	    !channel_write(&s->channel, s->out, s->out_len))
		s->closed = true;
	s->out_len = 0;
}

/* The answer was the last: the client is to read it before we are gone. */
static void
hang_up(struct server *s)
{
	flush(s);
	channel_finish(&s->channel);
	s->closing = true;
}

/* The script's answer to this step, or ours; returns its first digit. */
static char
answer(struct server *s, enum rule_step step, const char *address,
    const char *normal)
{
	const char *scripted = rules_find(&s->plan->rules, step, address);
	const char *reply = scripted != NULL ? scripted : normal;

	say(s, "%s", reply);
	if (strncmp(reply, "421", 3) == 0 ||
	    (step == RULE_GREETING && reply[0] != '2'))
		hang_up(s);
	return reply[0];
}

/*
 * Before a step: true when the connection is closed here by script, or the
 * step has to wait (it is then taken again by server_resume()).
 */
static bool
held_back(struct server *s, enum rule_step step, enum server_pending what)
{
	const struct rules *r = &s->plan->rules;

	if (r->close_at[step]) {
		s->closed = true;
		return true;
	}
	if (r->delay_ms[step] == 0 || s->pending != PENDING_NONE)
		return false;
	s->pending = what;
	s->delay_ms = r->delay_ms[step];
	return true;
}

static void
greet(struct server *s)
{
	char normal[256];

	snprintf(normal, sizeof(normal), "220 %s ready", s->plan->hostname);
	answer(s, RULE_GREETING, "", normal);
}

static void
forget_envelope(struct server *s)
{
	while (s->n_recipients > 0)
		free(s->recipients[--s->n_recipients]);
	s->has_sender = false;
}

static bool
may_start_tls(const struct server *s)
{
	return s->plan->tls != NULL && s->channel.ssl == NULL;
}

/* What was said before is forgotten: RFC 3207, 4.2. */
static void
start_tls(struct server *s)
{
	say(s, "220 2.0.0 go ahead");
	flush(s);
	forget_envelope(s);
	s->hello[0] = '\0';
	if (!channel_secure(&s->channel, s->plan->tls))
		s->closed = true;
}

/* The first octets inside: the handshake is done. */
static void
on_secured(struct server *s)
{
	bool resumed = SSL_session_reused(s->channel.ssl);

	s->secured = true;
	record(s->plan->log, "tls", "-", "%u %s %s", s->port,
	    resumed ? "resumed" : "new", SSL_get_version(s->channel.ssl));
	if (s->plan->counters == NULL)
		return;
	s->plan->counters->handshakes++;
	s->plan->counters->resumed += resumed;
}

static void
on_ehlo(struct server *s)
{
	const struct rules *r = &s->plan->rules;
	unsigned i;

	snprintf(s->hello, sizeof(s->hello), "%s", s->line);
	forget_envelope(s);
	if (strncasecmp(s->line, "HELO", 4) == 0 ||
	    rules_find(r, RULE_EHLO, "") != NULL) {
		if (strncasecmp(s->line, "HELO", 4) == 0)
			say(s, "250 %s", s->plan->hostname);
		else
			answer(s, RULE_EHLO, "", "");
		return;
	}
	say(s, "250-%s", s->plan->hostname);
	if (!r->no_pipelining)
		say(s, "250-PIPELINING");
	if (!r->no_size)
		say(s, "250-SIZE 104857600");
	if (!r->no_8bitmime)
		say(s, "250-8BITMIME");
	if (may_start_tls(s))
		say(s, "250-STARTTLS");
	for (i = 0; i < r->n_extensions; i++)
		say(s, "250-%s", r->extensions[i]);
	say(s, "250 ENHANCEDSTATUSCODES");
}

static void
on_mail(struct server *s)
{
	char address[SERVER_LINE_MAX];

	rules_address(s->line, address, sizeof(address));
	if (s->has_sender)
		say(s, "503 5.5.1 one sender is enough");
	else if (answer(s, RULE_MAIL, address, "250 2.1.0 sender ok") == '2')
		s->has_sender = true;
	snprintf(s->sender, sizeof(s->sender), "%s", s->line);
}

static void
on_rcpt(struct server *s)
{
	char address[SERVER_LINE_MAX];

	rules_address(s->line, address, sizeof(address));
	if (!s->has_sender) {
		say(s, "503 5.5.1 MAIL first");
		return;
	}
	if (answer(s, RULE_RCPT, address, "250 2.1.5 recipient ok") != '2')
		return;
	s->recipients = grown(
	    s->recipients, (s->n_recipients + 1) * sizeof(*s->recipients));
	s->recipients[s->n_recipients] = strdup(s->line);
	if (s->recipients[s->n_recipients++] == NULL)
		err(1, "strdup");
}

static void
add_content(void *owner, const char *data, size_t len)
{
	struct server *s = owner;
	size_t room = SERVER_HEAD_MAX - s->head_len;

	s->octets += len;
	capture_add(&s->capture, data, len);
	if (s->plan->log == NULL || room == 0)
		return;
	s->head = grown(s->head, SERVER_HEAD_MAX + 1);
	memcpy(s->head + s->head_len, data, len < room ? len : room);
	s->head_len += len < room ? len : room;
}

static void
on_data(struct server *s)
{
	char address[SERVER_LINE_MAX];
	unsigned i;

	if (s->n_recipients == 0) {
		say(s, "503 5.5.1 no valid recipients");
		return;
	}
	rules_address(s->recipients[0], address, sizeof(address));
	if (answer(s, RULE_DATA, address, "354 end with a dot") != '3')
		return;
	s->in_content = true;
	dots_begin(&s->dots, add_content, s);
	s->head_len = s->octets = 0;
	capture_begin(&s->capture, s->plan->save_dir);
	capture_line(&s->capture, s->hello);
	capture_line(&s->capture, s->sender);
	for (i = 0; i < s->n_recipients; i++)
		capture_line(&s->capture, s->recipients[i]);
	capture_line(&s->capture, "");
}

static const struct command {
	const char *word;
	enum rule_step step;
	void (*run)(struct server *);
} commands[] = {
    {"EHLO", RULE_EHLO, on_ehlo},
    {"HELO", RULE_EHLO, on_ehlo},
    {"LHLO", RULE_EHLO, on_ehlo},
    {"MAIL", RULE_MAIL, on_mail},
    {"RCPT", RULE_RCPT, on_rcpt},
    {"DATA", RULE_DATA, on_data},
};

static bool
is(const struct server *s, const char *word)
{
	return strncasecmp(s->line, word, strlen(word)) == 0;
}

/* The command in line; it stays there while a delay runs. */
static void
on_command(struct server *s)
{
	const struct command *c = commands;
	const struct command *end =
	    commands + sizeof(commands) / sizeof(commands[0]);

	while (c < end && !is(s, c->word))
		c++;
	if (is(s, "MAIL"))
		rules_refresh(&s->plan->rules, s->plan->rules_path);
	if (c < end && held_back(s, c->step, PENDING_COMMAND))
		return;
	s->pending = PENDING_NONE;
	s->line_len = 0;
	if (c < end &&
	    (c->step != RULE_EHLO || is(s, "LHLO") == s->plan->lmtp)) {
		c->run(s);
	} else if (is(s, "STARTTLS") && may_start_tls(s)) {
		start_tls(s);
	} else if (is(s, "RSET")) {
		forget_envelope(s);
		say(s, "250 2.0.0 forgotten");
	} else if (is(s, "NOOP")) {
		say(s, "250 2.0.0 ok");
	} else if (is(s, "QUIT")) {
		say(s, "221 2.0.0 bye");
		s->said_quit = true;
		flush(s);
		s->closed = true;
	} else {
		say(s, "500 5.5.2 unknown command");
	}
}

/* The message's id, or "-". */
static const char *
test_id(struct server *s, char *id_r, size_t size)
{
	if (s->plan->log == NULL)
		return "-";
	s->head = grown(s->head, SERVER_HEAD_MAX + 1);
	s->head[s->head_len] = '\0';
	return letter_id(s->head, id_r, size) ? id_r : "-";
}

/* The reply to the content: for this recipient (LMTP), or for all (SMTP). */
static const char *
content_reply(const struct server *s, unsigned recipient)
{
	char address[SERVER_LINE_MAX];
	const char *reply;
	unsigned i;

	for (i = 0; s->plan->rules.n > 0 && i < s->n_recipients; i++) {
		if (s->plan->lmtp && i != recipient)
			continue;
		rules_address(s->recipients[i], address, sizeof(address));
		reply = rules_find(&s->plan->rules, RULE_EOD, address);
		if (reply != NULL)
			return reply;
	}
	return "250 2.0.0 taken";
}

static void
answer_for(struct server *s, const char *id, unsigned recipient)
{
	const char *reply = content_reply(s, recipient);
	char address[SERVER_LINE_MAX] = "";

	if (s->plan->lmtp)
		rules_address(
		    s->recipients[recipient], address, sizeof(address));
	say(s, "%s", reply);
	flush(s);
	if (reply[0] == '2')
		record(s->plan->log, "ok", id, "%s", address);
	else
		record(s->plan->log, "refused", id, "%.3s %s", reply, address);
	if (strncmp(reply, "421", 3) == 0)
		hang_up(s);
}

/* The file is complete before the answer: who has a 250 has a file. */
static void
answer_content(struct server *s)
{
	char buf[256];
	const char *id = test_id(s, buf, sizeof(buf));
	unsigned i, answers = s->plan->lmtp ? s->n_recipients : 1;
	bool taken = false;

	s->pending = PENDING_NONE;
	s->in_content = false;
	for (i = 0; i < answers; i++)
		if (content_reply(s, i)[0] == '2')
			taken = true;
	if (taken)
		capture_keep(&s->capture);
	else
		capture_drop(&s->capture);
	if (taken && s->plan->counters != NULL)
		counters_add(s->plan->counters, s->octets, s->secured);
	for (i = 0; i < answers; i++)
		answer_for(s, id, i);
	forget_envelope(s);
	if (++s->messages == s->plan->rules.close_after)
		hang_up(s);
}

static void
on_eod(struct server *s)
{
	char id[256];

	record(s->plan->log, "eod", test_id(s, id, sizeof(id)), "%u", s->port);
	if (!held_back(s, RULE_EOD, PENDING_EOD))
		answer_content(s);
}

static size_t
take_content(struct server *s, const char *data, size_t len)
{
	bool end;
	size_t n = dots_take(&s->dots, data, len, &end);

	if (end)
		on_eod(s);
	return n;
}

static size_t
take_line(struct server *s, const char *data, size_t len)
{
	const char *nl = memchr(data, '\n', len);
	size_t n = nl != NULL ? (size_t)(nl - data) : len;
	size_t room = sizeof(s->line) - 1 - s->line_len;

	memcpy(s->line + s->line_len, data, n < room ? n : room);
	s->line_len += n < room ? n : room;
	if (nl == NULL)
		return len;
	if (s->line_len > 0 && s->line[s->line_len - 1] == '\r')
		s->line_len--;
	s->line[s->line_len] = '\0';
	on_command(s);
	return n + 1;
}

struct server *
server_accept(struct server_plan *plan, int fd)
{
	struct server *s = grown(NULL, sizeof(*s));

	memset(s, 0, sizeof(*s));
	s->channel.fd = fd;
	s->plan = plan;
	s->port = address_peer_port(fd);
	rules_refresh(&plan->rules, plan->rules_path);
	if (plan->counters != NULL)
		plan->counters->connections++;
	record(s->plan->log, "open", "-", "%u", s->port);
	if (!held_back(s, RULE_GREETING, PENDING_GREETING))
		greet(s);
	flush(s);
	return s;
}

void
server_input(struct server *s, const char *data, size_t len)
{
	bool clear = s->channel.ssl == NULL;
	size_t n;

	if (!clear && !s->secured)
		on_secured(s);
	while (len > 0 && !s->closed && !s->closing && s->delay_ms == 0) {
		if (s->in_content && s->plan->rules.close_at[RULE_CONTENT])
			s->closed = true;
		n = s->in_content ? take_content(s, data, len)
		                  : take_line(s, data, len);
		data += n;
		len -= n;
		if (clear && s->channel.ssl != NULL && len > 0)
			s->closed = true; /* said in clear behind STARTTLS */
	}
	flush(s);
	if (len == 0 || s->delay_ms == 0)
		return;
	s->rest = grown(s->rest, s->rest_len + len);
	memcpy(s->rest + s->rest_len, data, len);
	s->rest_len += len;
}

void
server_resume(struct server *s)
{
	char *rest = s->rest;
	size_t len = s->rest_len;

	s->rest = NULL;
	s->rest_len = s->delay_ms = 0;
	if (s->pending == PENDING_GREETING) {
		s->pending = PENDING_NONE;
		greet(s);
	} else if (s->pending == PENDING_COMMAND) {
		on_command(s);
	} else if (s->pending == PENDING_EOD) {
		answer_content(s);
	}
	server_input(s, rest, len);
	free(rest);
}

void
server_free(struct server *s)
{
	record(s->plan->log, "closed", "-", "%u %s", s->port,
	    s->said_quit ? "quit" : "lost");
	forget_envelope(s);
	capture_drop(&s->capture);
	channel_close(&s->channel);
	free(s->recipients);
	free(s->head);
	free(s->out);
	free(s->rest);
	free(s);
}
