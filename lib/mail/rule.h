/* SPDX-License-Identifier: ISC */
/*
 * Rules: an ordered list of conditions on a message and what is to be done
 * with it.  cdbmaps checks them, the engine asks them once for each message,
 * queue-tool explains them.  Layer: mail.
 *
 *	NAME [CONDITION...] then ACTION [and ACTION...]
 *
 *	conditions	from PATTERN...   to PATTERN...   client NETWORK...
 *			login NAME...   listener ADDRESS:PORT...
 *			size over|under SIZE   header NAME [PATTERN...]
 *			inbound   outbound	each may follow "not"
 *	actions		route ROUTE   hold NAME   copy ADDRESS [via ROUTE]
 *			add-header NAME: VALUE   profile NAME   priority DIGIT
 *			reject [CODE] [TEXT]   discard   stop   continue
 */
#ifndef MAIL_RULE_H
#define MAIL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "mail/envelope.h"
#include "mail/map.h"
#include "mail/network.h"

enum condition_kind {
	CONDITION_FROM,
	CONDITION_TO,
	CONDITION_CLIENT,
	CONDITION_LOGIN,
	CONDITION_LISTENER,
	CONDITION_SIZE,
	CONDITION_HEADER,
	CONDITION_INBOUND,
	CONDITION_OUTBOUND,
};

struct regex;

/* One value of a condition: any of them will do. */
struct rule_value {
	struct str text;     /* canonical; what a regex was made of */
	char *glob_domain;   /* an address pattern: text is its local part */
	struct regex *regex; /* instead of text */
	struct cidr network;
};

struct condition {
	enum condition_kind kind;
	bool negated;
	bool under;       /* size: else over */
	uint64_t size;    /* octets */
	struct str field; /* header: its name */
	struct rule_value *values;
	size_t nvalues;
	struct str written; /* slice of the rule's text, for people */
};

enum action_kind {
	ACTION_ROUTE,
	ACTION_HOLD,
	ACTION_COPY,
	ACTION_HEADER,
	ACTION_PROFILE,
	ACTION_PRIORITY,
	ACTION_REJECT,
	ACTION_DISCARD,
	ACTION_STOP,
	ACTION_CONTINUE,
};

struct action {
	enum action_kind kind;
	/* the route; a name; an address; "NAME: VALUE"; a digit; a reply as
	 * "554 5.7.1 text" */
	struct str value;
	struct str via;     /* copy: its route, "" for that of the map */
	struct str written; /* slice of the rule's text, for people */
};

struct rule {
	char *text; /* as written, one blank between words; all else points
	             * into it or into `made` */
	struct str name;
	char where[256]; /* FILE:LINE */
	struct condition *conditions;
	size_t nconditions;
	struct action *actions;
	size_t nactions;
	bool stops; /* for whom it matched no later rule is asked */
	char **made;
	size_t nmade;
};

/*
 * Parse the written form.  NULL, or what was expected, with *at_r the offset of
 * the mistake, and *known_r (ended by NULL) the words that could stand there,
 * when it is one of few.  Routes, profiles and listeners are for cdbmaps to
 * check.  rule_free() in any case.
 */
const char *rule_parse(struct str text, struct rule *r_r, size_t *at_r,
    const char *const **known_r);
void rule_free(struct rule *r);

/* ---- the rules of a map: rule_match.c ---- */

struct rules {
	struct rule *list;
	size_t n;
	bool headers; /* some of them look at header fields */
};

/* Read them all: 0, or -1 with the reason logged: the map is damaged. */
int rules_load(struct map *m, struct rules *r_r);
void rules_free(struct rules *r);

/* What rules see of a message. */
struct rule_subject {
	struct map *map; /* for the direction */
	/* its sender may be NULL, not known: then no pattern matches */
	const struct envelope *envelope;
	uint64_t size;     /* octets of the content */
	struct str header; /* without stuffed dots */
};

enum rule_answer {
	RULE_NO,
	RULE_YES,
	RULE_LATER, /* a limit of a regular expression was reached, or the map
	             * is damaged: nobody knows */
};

/*
 * Do the conditions on the message hold; and those on recipient number i?  Of
 * a rule that matches both do.  *failing_r is the condition that does not hold,
 * or that could not be answered.
 */
enum rule_answer rule_match_message(const struct rule *r,
    const struct rule_subject *s, const struct condition **failing_r);
enum rule_answer rule_match_recipient(const struct rule *r,
    const struct rule_subject *s, size_t i, const struct condition **failing_r);

#endif
