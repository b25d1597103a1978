/* SPDX-License-Identifier: ISC */
/*
 * A crowd of SMTP clients that send numbered messages and write down what the
 * server said to each.  What the log lines mean: smtp-load.c.
 */
#ifndef WIRE_CLIENT_H
#define WIRE_CLIENT_H

#include <stdbool.h>
#include <stdio.h>

#include "address.h"

enum { CLIENT_RECIPIENTS_MAX = 100 };

struct client_plan {
	struct address server;
	unsigned sessions, messages;
	size_t size;   /* of a message's body, in octets */
	bool reuse;    /* one connection for all messages of a session */
	bool pipeline; /* MAIL, RCPT and DATA in one write */
	bool retry;    /* until it is taken, each try under a new id */
	const char *sender, *prefix;
	const char *recipients[CLIENT_RECIPIENTS_MAX]; /* patterns, with % */
	unsigned n_recipients;
	FILE *log; /* line buffered, or NULL */
};

struct client_count {
	unsigned acked, refused, lost;
	unsigned finished; /* messages, each counted once */
};

/*
 * Send everything.  Returns 0, or -1 when nothing happened for stall_s
 * seconds.  What did happen is counted either way.
 */
int client_run(
    const struct client_plan *plan, int stall_s, struct client_count *count_r);

#endif
