/* SPDX-License-Identifier: ISC */
/*
 * What is said to a next hop: SMTP (RFC 5321) or LMTP (RFC 2033), pipelined
 * where it offers that (RFC 2920).
 *
 *	opening.h -> READY
 *	transaction.h: READY -> (RSET) -> MAIL -> RCPT... -> DATA -> CONTENT
 *	    -> DOT -> READY
 *
 * The step is whose reply is awaited.  With pipelining MAIL, RCPT and DATA
 * leave in one write and their replies are taken one by one all the same.
 */
#ifndef SENDER_DIALOGUE_H
#define SENDER_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/profile.h"
#include "offers.h"

#define DIALOGUE_RCPTS 100 /* a transaction; RFC 5321, 4.5.3.1.8 */

struct conn;

enum step {
	STEP_GREETING,
	STEP_HELLO, /* EHLO, LHLO */
	STEP_HELO,
	STEP_STARTTLS,
	STEP_TLS, /* no reply: the handshake */
	STEP_AUTH,
	STEP_READY,
	STEP_RSET,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_CONTENT,
	STEP_DOT,
};

struct dialogue {
	enum step step;
	size_t behind; /* bytes said after what is being answered */
	bool lmtp;
	struct offers offers;
	/* the transaction */
	size_t rcpts[DIALOGUE_RCPTS]; /* of the job */
	size_t nrcpts;
	size_t cursor;    /* whose reply is next */
	size_t naccepted; /* whose RCPT was accepted */
	bool next_ahead;  /* those of c->next were sent, too */
	bool ahead;       /* RCPT and DATA were sent with MAIL */
	bool refused;     /* MAIL was: what follows means nothing */
	bool hollow;      /* 354, but nobody to send to: a lone dot */
	bool needs_rset;  /* a transaction was left open */
	uint64_t offset;  /* of the content */
	uint32_t crc;
};

/* Bytes have come; all that was written has left; no reply came in time. */
void dialogue_input(struct conn *c);
void dialogue_drained(struct conn *c);
void dialogue_late(struct conn *c);
/* The connection broke, with this errno, or ended, 0. */
void dialogue_lost(struct conn *c, int error);

/* For opening.c, auth.c and transaction.c: wait as long as the profile has it. */
void dialogue_await(struct conn *c, enum wait wait);

/* Say QUIT, without waiting for the answer, where that is polite. */
void dialogue_quit(struct conn *c);

/* Where the dialogue stands, for messages: "MAIL", "end of data". */
const char *dialogue_where(const struct conn *c);

#endif
