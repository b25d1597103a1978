/* SPDX-License-Identifier: ISC */
/*
 * Commands of SMTP and LMTP, written with the parameters that the next hop
 * offers to understand.
 */
#ifndef SENDER_COMMAND_H
#define SENDER_COMMAND_H

#include "base/buf.h"
#include "mail/envelope.h"
#include "mail/queuefile.h"
#include "offers.h"

/* "EHLO", "LHLO" or "HELO". */
void command_hello(struct buf *out, const char *verb);
/* `added` octets of header fields are sent before the content. */
void command_mail(struct buf *out, const struct offers *o,
    const struct queuefile *qf, size_t added);
void command_rcpt(
    struct buf *out, const struct offers *o, const struct recipient *rcpt);

#endif
