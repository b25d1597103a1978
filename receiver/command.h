/* SPDX-License-Identifier: ISC */
/*
 * Commands of SMTP as text: verbs, arguments, parameters (RFC 5321, 4.1).
 * Nothing here knows a session; all results are slices of the line.
 */
#ifndef RECEIVER_COMMAND_H
#define RECEIVER_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/envelope.h"

/* The longest command line with its CR LF.  RFC 5321, 4.5.3.1.4 asks for 512,
 * SIZE, BODY and the parameters of RFC 3461 for some 1,100 more. */
#define COMMAND_MAX 2048

enum verb {
	VERB_HELO,
	VERB_EHLO,
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_RSET,
	VERB_NOOP,
	VERB_QUIT,
	VERB_VRFY,
	VERB_HELP,
	VERB_LATER,   /* of SMTP, but not offered here: EXPN, STARTTLS... */
	VERB_FOREIGN, /* of HTTP: a browser was led here */
	VERB_UNKNOWN,
};
#define VERBS (VERB_UNKNOWN + 1)

/* May this line be looked at: no control characters? */
bool command_is_clean(struct str line);

/* Which command is it, in either case of letters?  *args_r is the rest without
 * blanks around it. */
enum verb command_verb(struct str line, struct str *args_r);

/* What stands behind HELO or EHLO: a name or an address literal, or the
 * harmless nonsense that clients send instead; nothing that could end a
 * comment or a field in a Received: line. */
bool command_helo_ok(struct str args);

struct mail_command {
	struct address from;
	bool sized;
	uint64_t size; /* RFC 1870; UINT64_MAX for more than that */
	bool eightbit; /* BODY=8BITMIME */
	enum ret ret;
	struct str envid; /* "": not said */
};

struct rcpt_command {
	struct address to;
	unsigned notify;     /* enum notify bits; 0: not said */
	struct str original; /* ORCPT; "": not said */
};

/*
 * Parse what stands behind MAIL and RCPT.  0, or -1 with the reply to give,
 * without its line end, appended to *reply.
 */
int command_mail(struct str args, struct mail_command *m_r, struct buf *reply);
int command_rcpt(struct str args, struct rcpt_command *r_r, struct buf *reply);

#endif
