/* SPDX-License-Identifier: ISC */
/*
 * The words of a rule, private to rule.c and rule_action.c.  Layer: mail.
 */
#ifndef MAIL_RULE_SCAN_H
#define MAIL_RULE_SCAN_H

#include <stdbool.h>

#include "mail/rule.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_REGEX };

struct rule_scan {
	struct rule *rule;
	struct str rest;
	const char *at;           /* of a mistake */
	const char *const *known; /* what could stand there, or NULL */
	/* the token that was looked at and not yet taken */
	enum token_kind kind;
	struct str token;   /* with its quotes or slashes */
	const char *broken; /* what it lacks, or NULL */
};

/* Look at the next token; take the one that was looked at. */
void rule_look(struct rule_scan *p);
void rule_take(struct rule_scan *p);

/* A mistake at the token: what was expected, or what the token lacks. */
const char *rule_expected(struct rule_scan *p, const char *what);
const char *rule_expected_word(
    struct rule_scan *p, const char *what, const char *const known[]);

/* Is the token that word; which of the words is it, or -1? */
bool rule_is_word(const struct rule_scan *p, const char *word);
int rule_find_word(
    const struct rule_scan *p, const char *const words[], size_t n);

/* The text of the token without its quotes. */
struct str rule_plain(struct rule_scan *p);

/* A copy that lives as long as the rule. */
char *rule_keep(struct rule *r, const void *text, size_t len);

/* Letters, digits, "-" and "_": a rule, a header field, a profile. */
bool rule_is_name(struct str name);

/* All that stands behind "then": rule_action.c. */
const char *rule_parse_actions(struct rule_scan *p);

#endif
