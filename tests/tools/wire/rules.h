/* SPDX-License-Identifier: ISC */
/*
 * The sink's script: how it misbehaves.  One rule a line, # for comments:
 *
 *	greeting 554 no service          answer, and hang up
 *	ehlo 500 what?                   the client may say HELO
 *	mail *@bad.example 550 5.7.1 no  by sender
 *	rcpt *@late.example 451 4.3.0 later
 *	data *@x.example 554 5.5.1 no    by the first recipient
 *	eod *@x.example 452 4.2.2 full   by any recipient; LMTP: by this one
 *	close-at STEP                    greeting ehlo mail rcpt data content eod
 *	delay STEP 50ms                  before the answer at that step
 *	close-after 3                    messages of a connection
 *	no-pipelining, no-8bitmime, no-size
 *	extension STARTTLS               one more line in the answer to EHLO
 *
 * The first rule whose pattern matches answers.  The file is looked at again
 * before each greeting and each MAIL, so a test that has written it anew has
 * changed the sink.
 */
#ifndef WIRE_RULES_H
#define WIRE_RULES_H

#include <stdbool.h>
#include <stddef.h>

enum rule_step {
	RULE_GREETING,
	RULE_EHLO,
	RULE_MAIL,
	RULE_RCPT,
	RULE_DATA,
	RULE_CONTENT,
	RULE_EOD,
	RULE_STEPS,
};

enum { RULE_EXTENSIONS_MAX = 8 };

struct rule {
	enum rule_step step;
	char *pattern; /* of fnmatch(3), without regard to case */
	char *reply;
};

struct rules {
	struct rule *list;
	unsigned n;
	bool close_at[RULE_STEPS];
	unsigned delay_ms[RULE_STEPS];
	unsigned close_after; /* messages; 0: never */
	bool no_pipelining, no_8bitmime, no_size;
	char *extensions[RULE_EXTENSIONS_MAX];
	unsigned n_extensions;
};

/* Read the file if it is not the one read last; a bad line ends the program. */
void rules_refresh(struct rules *r, const char *path);

/* The reply that the script has for this, or NULL. */
const char *rules_find(
    const struct rules *r, enum rule_step step, const char *address);

/* "user@domain" of MAIL FROM:<user@domain>, a source route left in. */
void rules_address(const char *command, char *address_r, size_t size);

#endif
