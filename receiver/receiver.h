/* SPDX-License-Identifier: ISC */
/*
 * What the files of this room know of each other.  The parsers data.h and
 * command.h stand alone.
 */
#ifndef RECEIVER_RECEIVER_H
#define RECEIVER_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/draft.h"
#include "mail/envelope.h"
#include "proc/io.h"
#include "proc/parent.h"
#include "data.h"

/* ---- the worker: receiver.c ---- */

LIST_HEAD(session_list, session);

struct receiver {
	struct worker *worker; /* its map and settings are the newest ones */
	bool stopping;
	struct session_list sessions;
	unsigned nsessions;
};
extern struct receiver receiver;

/* A session has gone: when we are stopping and it was the last, end. */
void receiver_session_gone(void);

/* The slot of tmp/ and incoming/ for the next draft. */
unsigned receiver_slot(void);

/* ---- sockets: listen.c ---- */

/* Begin to accept on all of the worker's listeners. */
void listen_start(void);
/* Close them: nobody waits in our queue while another could serve him. */
void listen_stop(void);

/* ---- client addresses: client.c ---- */

struct client {
	struct client *next; /* with the same hash */
	union {
		struct sockaddr any;
		struct sockaddr_storage space;
	} address;
	char text[64];         /* "192.0.2.1", "2001:db8::1" */
	unsigned sessions;     /* here */
	unsigned all_sessions; /* in all workers, when the latest began */
	int rights;            /* client_rights() */
	uint64_t generation;
};

/* One more session of this client; counted in this worker alone. */
struct client *client_enter(const struct sockaddr *address);
/* One less; the last one forgets the client.  Stores NULL. */
void client_leave(struct client **c);
/* enum network_right bits by the present map; -1: the map is damaged. */
int client_rights(struct client *c);

/* ---- from MAIL to the end of data: transaction.c ---- */

struct transaction {
	struct envelope env; /* all of its strings are ours */
	size_t capacity;     /* of env.recipients */
	struct data data;
	struct draft draft; /* begun by DATA */
	bool drafting;      /* it holds a file or memory */
	int committed;      /* by ourselves: 0 or an errno */
};

struct transaction *transaction_new(struct str sender);
void transaction_add(struct transaction *t, const char *address,
    struct str original, unsigned notify);
/* A draft that was not handed to the committer is abandoned.  Stores NULL. */
void transaction_free(struct transaction **t);

/* ---- sessions: session.c ---- */

enum session_state {
	SESSION_COMMAND, /* a command is expected */
	SESSION_SKIP,    /* the rest of a line that was too long */
	SESSION_CONTENT, /* DATA was answered 354 */
	SESSION_COMMIT,  /* the committer has it; input stands */
	SESSION_LINGER,  /* the last reply is on its way; input is dropped */
	SESSION_OVER,    /* to be freed at the end of the handler */
};

struct session {
	LIST_ENTRY(session) link;
	struct io *io; /* NULL: the connection was lost during the commit */
	struct client *client;
	const char *listener;
	char *helo; /* NULL: not said yet */
	struct transaction *mail;
	struct str line;     /* the command at hand, while it is worked on */
	int64_t deadline_ms; /* of the command or the next KiB of content */
	uint64_t paced;      /* bytes of content since then; or dropped */
	enum session_state state;
	unsigned errors;
	bool esmtp;
	bool eof;
	bool draining; /* no more commands until the replies have left */
	bool paused;   /* no more input is read */
};

/* Take over a new connection and greet. */
void session_new(int fd, struct client *client, const char *listener);

/* Send a reply; the line end is added. */
void session_reply(struct session *s, const char *text);

/* Send a reply of 4xx or 5xx, log it, count a 5xx as the client's error; at
 * the limit of those, 421 and the end. */
void session_refuse(struct session *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "421 4.3.2 HOSTNAME WHY": the words before the end. */
void session_bye(struct session *s, const char *code, const char *why);

/* No more input is taken; close as soon as the replies have left.  `linger`:
 * what the client still sends is read and dropped for a while, since a close
 * with unread input would tear up the reply on its way. */
void session_end(struct session *s, bool linger);

/* The commit is over, with the reply given: go on with what has come. */
void session_resume(struct session *s);

/* Go to another state and start its timeout. */
void session_enter(struct session *s, enum session_state state);

/* The daemon stops: idle sessions get 421 and end; one in its content or its
 * commit may finish that.  With `now` they may not. */
void session_stop_all(bool now);

/* ---- answers to commands: dialogue.c ---- */

/* Answer s->line. */
void dialogue_command(struct session *s);

/* ---- content and commit: received.c, content.c, commit.c ---- */

/* Append our Received: field (RFC 5321, 4.4; RFC 3848). */
void received_format(struct buf *out, const struct envelope *env,
    const char *id, const char *hostname);

/* 354 was said: begin the draft. */
void content_begin(struct session *s);
/* Take content; returns how many bytes were used.  At its end the message is
 * refused or goes to commit_begin(). */
size_t content_take(struct session *s, struct str in);

/* The message is whole: have it committed.  The answer comes when no power cut
 * can lose it any more.  -1: it could not be written, see its draft's error. */
int commit_begin(struct session *s);
/* It could not be stored: the reply for this errno. */
void commit_refuse(struct session *s, int error);

#endif
