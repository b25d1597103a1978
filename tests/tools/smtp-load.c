/* SPDX-License-Identifier: ISC */
/*
 * smtp-load: send many messages over many sessions and write down, message by
 * message, what the server said.  It is the witness of "acknowledged" in the
 * crash tests, so the log line of a 250 is written before anything else is
 * done with it.  One process, one epoll loop, nothing of Stagepost inside.
 *
 *	smtp-load [-dpr] [-s SESSIONS] [-m MESSAGES] [-l SIZE] [-f FROM]
 *	    [-t TO]... [-i PREFIX] [-T SECONDS] [-o LOGFILE] ADDRESS:PORT
 *
 *	-d  send all messages of a session over one connection
 *	-p  pipeline MAIL, RCPT and DATA
 *	-r  after a lost connection, a 4xx or a refused connection try again,
 *	    under a new id, until the server has taken the message
 *	-t  a recipient, may be given again; % stands for the message's number,
 *	    %N for the number modulo N
 *	-T  give up when nothing has happened for so long (default 60)
 *
 * A message carries its id in "X-Test-Id: PREFIX-NUMBER-TRY".  Log lines:
 *
 *	acked ID TIME REPLY	the 250 for the content has been read
 *	lost ID TIME STEP	the connection ended before the answer
 *	refused ID TIME REPLY	any other answer, at any step
 *
 * TIME is CLOCK_REALTIME, seconds with six decimals.  Exit 0: everything was
 * taken; 1: something was not; 2: usage; 3: nothing happened for -T seconds.
 */
#include <err.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "wire/client.h"

static FILE *
open_log(const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		err(1, "%s", path);
	setvbuf(f, NULL, _IOLBF, 0);
	return f;
}

static void
add_recipient(struct client_plan *plan, const char *pattern)
{
	if (plan->n_recipients == CLIENT_RECIPIENTS_MAX)
		errx(2, "too many recipients");
	plan->recipients[plan->n_recipients++] = pattern;
}

static void
parse_options(int argc, char *argv[], struct client_plan *plan, int *stall_s)
{
	int c;

	while ((c = getopt(argc, argv, "dprs:m:l:f:t:i:T:o:")) != -1) {
		if (c == 'd')
			plan->reuse = true;
		else if (c == 'p')
			plan->pipeline = true;
		else if (c == 'r')
			plan->retry = true;
		else if (c == 's')
			plan->sessions = (unsigned)atoi(optarg);
		else if (c == 'm')
			plan->messages = (unsigned)atoi(optarg);
		else if (c == 'l')
			plan->size = (size_t)atoll(optarg);
		else if (c == 'f')
			plan->sender = optarg;
		else if (c == 't')
			add_recipient(plan, optarg);
		else if (c == 'i')
			plan->prefix = optarg;
		else if (c == 'T')
			*stall_s = atoi(optarg);
		else if (c == 'o')
			plan->log = open_log(optarg);
		else
			errx(2, "unknown option; see the head of smtp-load.c");
	}
	if (optind != argc - 1)
		errx(2, "expected one ADDRESS:PORT");
	plan->server = address_parse(argv[optind]);
	if (plan->n_recipients == 0)
		add_recipient(plan, "recipient@example.test");
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int
main(int argc, char *argv[])
{
	char prefix[32];
	struct client_plan plan = {
	    .sessions = 1,
	    .messages = 1,
	    .size = 1024,
	    .sender = "sender@load.example",
	    .prefix = prefix,
	};
	struct client_count count;
	int rc, stall_s = 60;
	double seconds;

	signal(SIGPIPE, SIG_IGN);
	snprintf(prefix, sizeof(prefix), "t%x", (unsigned)getpid());
	parse_options(argc, argv, &plan, &stall_s);
	seconds = now();
	rc = client_run(&plan, stall_s, &count);
	seconds = now() - seconds;
	printf("messages=%u acked=%u refused=%u lost=%u seconds=%.3f "
	       "per_s=%.0f\n",
	    plan.messages, count.acked, count.refused, count.lost, seconds,
	    count.acked / seconds);
	if (rc == -1)
		return 3;
	return count.acked == plan.messages ? 0 : 1;
}
