/* SPDX-License-Identifier: ISC */
/*
 * The patterns of tables that are no plain keys: address patterns, regular
 * expressions and senders.  What is compared is canonical: lower case, without
 * quotes in the local part.  Layer: mail.
 */
#ifndef MAIL_PATTERN_H
#define MAIL_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "mail/address.h"

/*
 * An address as it is looked up, "local@domain"; of an address literal too.
 * -1 when it is too long to be one.
 */
int pattern_address(const struct address *addr, char key_r[ADDRESS_MAX + 1]);

/* A domain, or an address literal, as it is looked up: 0, or -1. */
int pattern_domain(struct str domain, char *key_r, size_t size);

/* Is it written as an address pattern: "user*@a.example", "info@.example",
 * "abuse@*"? */
bool pattern_is_glob(struct str text);

/*
 * Parse one: a local part in which "*" stands for any number of characters,
 * and a domain, ".domain" for all below it, or "*".  NULL, or what was
 * expected.
 */
const char *pattern_glob(struct str text, char local_r[ADDRESS_MAX + 1],
    char domain_r[ADDRESS_MAX + 1]);
bool pattern_glob_match(struct str glob, struct str text);

/* Is it written as a regular expression, "/.../"?  What stands between. */
bool pattern_is_regex(struct str text);
struct str pattern_regex(struct str text);

/*
 * Whom an entry is limited to: an address, a domain, ".domain" for all below
 * it, or "<>".  NULL, or what was expected.
 */
const char *pattern_sender(struct str text, char key_r[ADDRESS_MAX + 1]);
/* Does that hold for a sender: an address as it is looked up, or ""? */
bool pattern_sender_match(struct str key, struct str sender);

#endif
