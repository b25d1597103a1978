/* SPDX-License-Identifier: ISC */
/*
 * What the header of a message tells of the way that it has come: by that loops
 * are seen (RFC 5321, 6.3).  Layer: mail.
 */
#ifndef MAIL_TRACE_H
#define MAIL_TRACE_H

#include <stdbool.h>

#include "base/str.h"
#include "mail/queuefile.h"

/* Why a recipient fails. */
#define TRACE_HOPS      "5.4.6 too many hops: the message is in a loop"
#define TRACE_DELIVERED "5.4.6 mail loop: it was delivered to this alias before"

/* How many Received: fields the header has; not all of them need be counted when
 * there are more than max.  -1 when the content cannot be read. */
int trace_hops(struct queuefile *qf, int max);

/* Has the header our mark that it went by that alias?  Case does not count. */
bool trace_delivered(struct str header, const char *address);

#endif
