/* SPDX-License-Identifier: ISC */
/*
 * The message as a person's mail program reads it, out of a queue file: our
 * trace fields first, lines ending in LF, the dots of SMTP taken off.
 */
#ifndef SENDER_MAILDIR_WRITE_H
#define SENDER_MAILDIR_WRITE_H

#include "mail/queuefile.h"

/*
 * Write it to fd, with the header fields that rules have ordered for this
 * recipient (its number in the envelope): 0, or -1 and errno; EBADMSG when the
 * content does not match its checksum: then what was written is not the
 * message.
 */
int maildir_write(int fd, struct queuefile *qf, const char *sender,
    const char *address, size_t number);

#endif
