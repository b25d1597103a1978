/* SPDX-License-Identifier: ISC */
#include "receiver.h"

#include <string.h>

#include "base/clock.h"

/* The host names, addresses and paths have been checked when they came: none
 * of them can hold a line end or leave its place in the field.  A recipient is
 * named only when there is no other that might not know of it. */
void
received_format(struct buf *out, const struct envelope *env, const char *id,
    const char *hostname)
{
	char date[CLOCK_DATE_SIZE];

	clock_date(env->arrival_s, date);
	buf_addf(out,
	    "Received: from %s ([%s%s])\r\n"
	    "\tby %s with %s id %s",
	    env->helo, strchr(env->client, ':') ? "IPv6:" : "", env->client,
	    hostname, env->protocol, id);
	if (env->nrecipients == 1)
		buf_addf(out, "\r\n\tfor <%s>", env->recipients[0].address);
	buf_addf(out, ";\r\n\t%s\r\n", date);
}
