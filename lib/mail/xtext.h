/* SPDX-License-Identifier: ISC */
/*
 * The encoding of ENVID and of the address in ORCPT (RFC 3461, 4): printable
 * ASCII without "+" and "=", everything else as "+" and two capital hex
 * digits.  Layer: mail.
 */
#ifndef MAIL_XTEXT_H
#define MAIL_XTEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* Is it xtext?  Nothing is. */
bool xtext_check(struct str in);

/* Append what it stands for: 0, or -1 when it is no xtext; then nothing is
 * appended.  What was encoded can be any byte. */
int xtext_decode(struct str in, struct buf *out);
void xtext_encode(struct str in, struct buf *out);

#endif
