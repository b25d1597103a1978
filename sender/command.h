/* SPDX-License-Identifier: ISC */
/*
 * Commands of SMTP and LMTP, written with the parameters that the next hop
 * offers to understand.
 */
#ifndef SENDER_COMMAND_H
#define SENDER_COMMAND_H

#include "base/buf.h"
#include "mail/envelope.h"
#include "offers.h"

struct job;

/* "EHLO", "LHLO" or "HELO". */
void command_hello(struct buf *out, const char *verb);
/* Its header fields that are sent before the content count in SIZE. */
void command_mail(
    struct buf *out, const struct offers *o, const struct job *job);
void command_rcpt(
    struct buf *out, const struct offers *o, const struct recipient *rcpt);

#endif
