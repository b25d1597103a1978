/* SPDX-License-Identifier: ISC */
/*
 * Delivery status notifications (RFC 3461, 3462, 3464).  Layer: mail.
 *
 * A report goes to the sender with the null sender itself, so it never makes
 * another one.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "mail/envelope.h"
#include "mail/journal.h"
#include "mail/progress.h"
#include "mail/queuefile.h"

struct dsn {
	enum report kind;
	const char *hostname;   /* reporting MTA */
	const char *postmaster; /* From: */
	const char *id;         /* of the reported entry, with suffix */
	const char *own_id;     /* of the report: its Message-ID */
	int64_t now_s;
	int64_t will_retry_until_s; /* delay: 0 is not said */
	bool relayed; /* success: passed on to a host that sends no reports */
	const struct envelope *envelope;
	const struct progress *progress;
	const struct rcptset *recipients; /* who is reported */
};

/*
 * Compose the report on the message in qf: its content in wire form (CRLF,
 * dot-stuffed) goes to *content, content_flag bits to *flags_r.  The original
 * comes back whole with RET=FULL and at most full_max bytes, else as its
 * header.  0, or -1 and errno (EBADMSG: the original is damaged; nothing of it
 * shall be sent, not even back).
 *
 * A report on a message with UTF-8 in its addresses or header is such a
 * message itself (RFC 6533): CONTENT_UTF8.
 */
int dsn_compose(const struct dsn *dsn, struct queuefile *qf, size_t full_max,
    struct buf *content, unsigned *flags_r);

/*
 * The enhanced status code of a reply, "550 5.1.1 No such user", or of a reason
 * of our own, "4.4.1 Connection refused"; else one made from the basic code,
 * else from the outcome (RFC 3463).
 */
#define DSN_STATUS_SIZE 12
void dsn_status(
    const char *reply, enum outcome outcome, char out[DSN_STATUS_SIZE]);

/* Does the recipient want this kind of report? (RFC 3461, 4.1) */
bool dsn_wanted(const struct recipient *rcpt, enum report kind);

#endif
