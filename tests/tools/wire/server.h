/* SPDX-License-Identifier: ISC */
/*
 * One connection of the sink: SMTP or LMTP, pipelined, by the script.
 * What the log lines mean: smtp-sink.c.
 */
#ifndef WIRE_SERVER_H
#define WIRE_SERVER_H

#include <stdbool.h>
#include <stdio.h>

#include "capture.h"
#include "channel.h"
#include "counters.h"
#include "dots.h"
#include "rules.h"

enum { SERVER_LINE_MAX = 4096, SERVER_HEAD_MAX = 16384 };

struct server_plan {
	bool lmtp;
	const char *hostname;
	const char *rules_path, *save_dir; /* or NULL */
	struct rules rules;
	struct counters *counters; /* or NULL */
	FILE *log;                 /* line buffered, or NULL */
	SSL_CTX *tls;              /* or NULL: no STARTTLS */
};

/* What an answer is held back for, while a scripted delay runs. */
enum server_pending {
	PENDING_NONE,
	PENDING_GREETING,
	PENDING_COMMAND, /* it is in line */
	PENDING_EOD,
};

struct server {
	struct channel channel;
	unsigned port; /* the peer's */
	struct server_plan *plan;
	enum server_pending pending;
	unsigned delay_ms;
	bool in_content, has_sender;
	bool closing; /* no answer any more, only reading to the end */
	bool closed;  /* the owner frees it */
	bool said_quit;
	bool secured; /* the handshake is done */
	unsigned messages;
	char line[SERVER_LINE_MAX];
	size_t line_len;
	char hello[SERVER_LINE_MAX], sender[SERVER_LINE_MAX];
	char **recipients; /* RCPT commands as they came */
	unsigned n_recipients;
	struct dots dots;
	char *head; /* the first octets of the content, for the id */
	size_t head_len;
	uint64_t octets;
	struct capture capture;
	char *out;
	size_t out_len, out_size;
	char *rest; /* input that waits for the delay to end */
	size_t rest_len;
};

/*
 * Each call ends with one of: closed set; delay_ms set (call server_resume()
 * after so long, read nothing before); neither (call server_input() with more).
 */
struct server *server_accept(struct server_plan *plan, int fd);
void server_input(struct server *s, const char *data, size_t len);
void server_resume(struct server *s);
void server_free(struct server *s);

#endif
