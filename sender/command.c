/* SPDX-License-Identifier: ISC */
#include "command.h"

#include <inttypes.h>

#include "job.h"
#include "sender.h"

void
command_hello(struct buf *out, const char *verb)
{
	buf_addf(out, "%s %s\r\n", verb, sender.set->hostname);
}

void
command_mail(struct buf *out, const struct offers *o, const struct job *job)
{
	const struct envelope *env = &job->qf.envelope;
	const struct preamble *p = &job->qf.preamble;

	buf_addf(out, "MAIL FROM:<%s>", job_sender(job));
	if (o->size)
		buf_addf(
		    out, " SIZE=%" PRIu64, p->content_len + job->headers.len);
	if (o->eightbit && (p->flags & CONTENT_8BIT))
		buf_add_str(out, " BODY=8BITMIME");
	if (o->utf8 && (p->flags & CONTENT_UTF8))
		buf_add_str(out, " SMTPUTF8");
	if (o->dsn && env->ret != RET_UNSAID)
		buf_addf(
		    out, " RET=%s", env->ret == RET_FULL ? "FULL" : "HDRS");
	if (o->dsn && env->envid != NULL)
		buf_addf(out, " ENVID=%s", env->envid);
	buf_add_str(out, "\r\n");
}

static void
add_notify(struct buf *out, unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
	    {NOTIFY_NEVER,   "NEVER"  },
	    {NOTIFY_SUCCESS, "SUCCESS"},
	    {NOTIFY_FAILURE, "FAILURE"},
	    {NOTIFY_DELAY,   "DELAY"  },
	};
	const char *before = " NOTIFY=";

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (notify & words[i].bit) {
			buf_addf(out, "%s%s", before, words[i].word);
			before = ",";
		}
}

void
command_rcpt(
    struct buf *out, const struct offers *o, const struct recipient *rcpt)
{
	buf_addf(out, "RCPT TO:<%s>", rcpt->address);
	if (o->dsn)
		add_notify(out, rcpt->notify);
	if (o->dsn && rcpt->original != NULL)
		buf_addf(out, " ORCPT=%s", rcpt->original);
	buf_add_str(out, "\r\n");
}
