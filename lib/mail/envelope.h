/* SPDX-License-Identifier: ISC */
/*
 * What SMTP says about a message outside its content: who sent it, who is to
 * get it, where it came from.  Written once, at the front of a queue file, as
 * lines of "tag value".  Layer: mail.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* RFC 3461, 4.1: when a recipient's fate is to be reported. 0 = not said. */
enum notify {
	NOTIFY_NEVER = 1,
	NOTIFY_SUCCESS = 2,
	NOTIFY_FAILURE = 4,
	NOTIFY_DELAY = 8,
};

enum ret { RET_UNSAID, RET_FULL, RET_HEADERS }; /* RFC 3461, 4.3 */

struct recipient {
	const char *address;
	const char *original; /* ORCPT as given, xtext; NULL: not said */
	unsigned notify;      /* enum notify bits */
};

struct envelope {
	const char *sender; /* "" is the null sender */
	const char *envid;  /* ENVID as given, xtext; NULL: not said */
	enum ret ret;
	struct recipient *recipients;
	size_t nrecipients;
	const char *client; /* address of the client, "192.0.2.1"; NULL: ours */
	const char *helo;   /* what it called itself; NULL: nothing */
	const char *protocol; /* SMTP, ESMTP, ESMTPS...; "local" for a DSN */
	const char *login;    /* NULL: not authenticated */
	const char *listener; /* "127.0.0.1:2525"; NULL: none */
	int64_t arrival_s;    /* wall time of acceptance */
	char *storage;        /* owned by envelope_parse(), else NULL */
};

/*
 * Append the lines: 0, or -1 and EMSGSIZE when there are no recipients, or
 * more of them or more bytes than the limits below; then nothing is appended.
 * No value may hold a line end, no recipient is empty (the parsers of commands
 * see to it; this asserts it).
 *
 *	arrival 1795240862
 *	sender jo@a.example         (may be empty, as any but recipient)
 *	envid, client, helo, protocol, login, listener: when there is one
 *	ret full                    (or headers; when said)
 *	recipient kim@b.example     (each followed by what was said of it:)
 *	original rfc822;kim@b.example
 *	notify success,failure      (or never)
 */
int envelope_format(const struct envelope *env, struct buf *out);

/*
 * Read the lines: 0, or -1 when anything is malformed, unknown, missing or out
 * of bounds; then *env_r is empty.  Everything lies in env_r->storage and
 * ->recipients.
 */
int envelope_parse(struct str lines, struct envelope *env_r);

/* Free what envelope_parse() made; leaves it empty.  Twice is fine. */
void envelope_free(struct envelope *env);

#define ENVELOPE_MAX       (16u << 20) /* bytes */
#define ENVELOPE_RCPTS_MAX 65535u

#endif
