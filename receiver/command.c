/* SPDX-License-Identifier: ISC */
#include "command.h"

#include <string.h>

#include "mail/xtext.h"

#define ENVID_MAX 100 /* RFC 3461, 4.4 */
#define ORCPT_MAX 500 /* RFC 3461, 4.2 */

static const struct {
	const char *name;
	enum verb verb;
} verbs[] = {
    {"EHLO",     VERB_EHLO   },
    {"HELO",     VERB_HELO   },
    {"MAIL",     VERB_MAIL   },
    {"RCPT",     VERB_RCPT   },
    {"DATA",     VERB_DATA   },
    {"QUIT",     VERB_QUIT   },
    {"RSET",     VERB_RSET   },
    {"NOOP",     VERB_NOOP   },
    {"VRFY",     VERB_VRFY   },
    {"HELP",     VERB_HELP   },
    {"EXPN",     VERB_LATER  },
    {"STARTTLS", VERB_LATER  },
    {"AUTH",     VERB_LATER  },
    {"BDAT",     VERB_LATER  },
    {"ETRN",     VERB_LATER  },
    {"TURN",     VERB_LATER  },
    {"SEND",     VERB_LATER  },
    {"SOML",     VERB_LATER  },
    {"SAML",     VERB_LATER  },
    {"GET",      VERB_FOREIGN},
    {"POST",     VERB_FOREIGN},
    {"PUT",      VERB_FOREIGN},
    {"HEAD",     VERB_FOREIGN},
    {"OPTIONS",  VERB_FOREIGN},
    {"CONNECT",  VERB_FOREIGN},
};
#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

bool
command_is_clean(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.s[i] < ' ' || line.s[i] == 0x7f)
			return false;
	return true;
}

static void
trim(struct str *s)
{
	while (s->len > 0 && s->s[0] == ' ')
		s->s++, s->len--;
	while (s->len > 0 && s->s[s->len - 1] == ' ')
		s->len--;
}

enum verb
command_verb(struct str line, struct str *args_r)
{
	struct str name = str_cut(&line, ' ');

	trim(&line);
	*args_r = line;
	for (size_t i = 0; i < NVERBS; i++)
		if (str_eq_nocase(name, verbs[i].name))
			return verbs[i].verb;
	return VERB_UNKNOWN;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

bool
command_helo_ok(struct str args)
{
	if (args.len == 0 || args.len > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < args.len; i++)
		if (!is_alnum(args.s[i]) &&
		    !memchr("-._:[]+/~#!*'", args.s[i], 13))
			return false;
	return true;
}

/* ---- the values of parameters: NULL, or what is wrong ---- */

static bool
is_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.s[i] < '0' || s.s[i] > '9')
			return false;
	return s.len > 0;
}

static const char *
take_size(void *command, struct str value)
{
	struct mail_command *m = command;

	if (!is_digits(value) || value.len > 20) /* RFC 1870, 3 */
		return "501 5.5.4 SIZE: a number of octets was expected";
	if (str_number(value, UINT64_MAX, &m->size) == -1)
		m->size = UINT64_MAX;
	m->sized = true;
	return NULL;
}

static const char *
take_body(void *command, struct str value)
{
	struct mail_command *m = command;

	m->eightbit = str_eq_nocase(value, "8BITMIME");
	if (!m->eightbit && !str_eq_nocase(value, "7BIT"))
		return "504 5.5.4 BODY: only 7BIT and 8BITMIME here";
	return NULL;
}

static const char *
take_ret(void *command, struct str value)
{
	struct mail_command *m = command;

	if (str_eq_nocase(value, "FULL"))
		m->ret = RET_FULL;
	else if (str_eq_nocase(value, "HDRS"))
		m->ret = RET_HEADERS;
	else
		return "501 5.5.4 RET: FULL or HDRS was expected";
	return NULL;
}

static const char *
take_envid(void *command, struct str value)
{
	struct mail_command *m = command;

	if (value.len == 0 || value.len > ENVID_MAX || !xtext_check(value))
		return "501 5.5.4 ENVID: up to 100 characters of xtext "
		       "were expected";
	m->envid = value;
	return NULL;
}

static const char *
take_notify(void *command, struct str value)
{
	struct rcpt_command *r = command;
	struct str word;

	if (value.len == 0 || value.s[value.len - 1] == ',')
		goto fail;
	do {
		word = str_cut(&value, ',');
		if (str_eq_nocase(word, "NEVER"))
			r->notify |= NOTIFY_NEVER;
		else if (str_eq_nocase(word, "SUCCESS"))
			r->notify |= NOTIFY_SUCCESS;
		else if (str_eq_nocase(word, "FAILURE"))
			r->notify |= NOTIFY_FAILURE;
		else if (str_eq_nocase(word, "DELAY"))
			r->notify |= NOTIFY_DELAY;
		else
			goto fail;
	} while (value.len > 0);
	if ((r->notify & NOTIFY_NEVER) && r->notify != NOTIFY_NEVER)
		goto fail;
	return NULL;
fail:
	return "501 5.5.4 NOTIFY: NEVER, or some of SUCCESS,FAILURE,DELAY, "
	       "was expected";
}

static const char *
take_orcpt(void *command, struct str value)
{
	struct rcpt_command *r = command;
	struct str type, address = value;

	type = str_cut(&address, ';');
	for (size_t i = 0; i < type.len; i++)
		if (!is_alnum(type.s[i]) && type.s[i] != '-')
			goto fail;
	if (type.len == 0 || address.len == 0 || value.len > ORCPT_MAX ||
	    !xtext_check(address))
		goto fail;
	r->original = value;
	return NULL;
fail:
	return "501 5.5.4 ORCPT: type;address in xtext was expected";
}

/* ---- parameters ---- */

struct parameter {
	const char *name;
	const char *(*take)(void *command, struct str value);
};

static const struct parameter mail_parameters[] = {
    {"SIZE",  take_size },
    {"BODY",  take_body },
    {"RET",   take_ret  },
    {"ENVID", take_envid},
    {NULL,    NULL      },
};

static const struct parameter rcpt_parameters[] = {
    {"NOTIFY", take_notify},
    {"ORCPT",  take_orcpt },
    {NULL,     NULL       },
};

/* All parameters of a command: NULL, or the reply. */
static const char *
take_parameters(struct str args, const struct parameter *known, void *command)
{
	const char *reply;
	struct str name, value;
	unsigned seen = 0, i;

	for (;;) {
		value = str_word(&args);
		if (value.len == 0)
			return NULL;
		name = str_cut(&value, '=');
		for (i = 0; known[i].name; i++)
			if (str_eq_nocase(name, known[i].name))
				break;
		if (!known[i].name)
			return "555 5.5.4 Unknown parameter";
		if (seen & (1u << i))
			return "501 5.5.4 Parameter given twice";
		seen |= 1u << i;
		reply = known[i].take(command, value);
		if (reply)
			return reply;
	}
}

/* "FROM:<path>" or "TO:<path>", then parameters or nothing.  A blank behind the
 * colon, which many clients send, is let pass.  NULL, or what was expected. */
static const char *
take_path(struct str *args, const char *keyword, struct address *addr_r)
{
	const char *expected;
	size_t len = strlen(keyword);

	if (!str_starts_nocase(*args, keyword))
		return keyword;
	args->s += len;
	args->len -= len;
	trim(args);
	expected = address_cut_path(args, addr_r);
	if (!expected && args->len > 0 && args->s[0] != ' ')
		return "a blank behind the address";
	return expected;
}

int
command_mail(struct str args, struct mail_command *m_r, struct buf *reply)
{
	const char *wrong;

	*m_r = (struct mail_command){0};
	wrong = take_path(&args, "FROM:", &m_r->from);
	if (wrong) {
		buf_addf(reply, "501 5.1.7 MAIL: expected %s", wrong);
		return -1;
	}
	if (m_r->from.utf8) {
		buf_add_str(reply, "550 5.6.7 Only ASCII addresses here");
		return -1;
	}
	wrong = take_parameters(args, mail_parameters, m_r);
	if (wrong)
		buf_add_str(reply, wrong);
	return wrong ? -1 : 0;
}

int
command_rcpt(struct str args, struct rcpt_command *r_r, struct buf *reply)
{
	const char *wrong;

	*r_r = (struct rcpt_command){0};
	wrong = take_path(&args, "TO:", &r_r->to);
	if (!wrong && r_r->to.whole.len == 0)
		wrong = "a recipient";
	if (wrong) {
		buf_addf(reply, "501 5.1.3 RCPT: expected %s", wrong);
		return -1;
	}
	if (r_r->to.utf8) {
		buf_add_str(reply, "553 5.6.7 Only ASCII addresses here");
		return -1;
	}
	wrong = take_parameters(args, rcpt_parameters, r_r);
	if (wrong)
		buf_add_str(reply, wrong);
	return wrong ? -1 : 0;
}
