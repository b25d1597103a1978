/* SPDX-License-Identifier: ISC */
/*
 * One claimed entry: what is to be sent to whom, and what became of it.
 */
#ifndef SENDER_JOB_H
#define SENDER_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "mail/entry.h"
#include "mail/profile.h"
#include "mail/progress.h"
#include "mail/queuefile.h"
#include "mail/route.h"
#include "proc/tls.h"

struct destination;

enum result {
	RESULT_NONE,     /* not asked yet, or to be asked again */
	RESULT_ACCEPTED, /* its RCPT was, in the transaction under way */
	RESULT_DELIVERED,
	RESULT_TEMPORARY,
	RESULT_PERMANENT,
	RESULT_DIVERTED, /* unknown there: its fallback is to be tried */
};

/* What was answered, by whom; shared by all recipients it is about. */
struct answer {
	struct answer *next;  /* all of one job */
	const char *host;     /* "mx.example[192.0.2.1]:25", or "" */
	bool reports;         /* the next hop sees to NOTIFY=SUCCESS itself */
	bool relayed;         /* it is no final delivery, and it does not */
	struct tls_facts tls; /* of the connection */
	char text[];
};

struct job_rcpt {
	size_t number; /* in the envelope */
	enum result result;
	const struct answer *answer; /* the latest; NULL: none yet */
};

struct job {
	TAILQ_ENTRY(job) link;  /* while its outcome is being settled */
	LIST_ENTRY(job) claims; /* all that this worker has claimed */
	struct entry entry;     /* in sending/ */
	int fd;                 /* -1: all of it is in memory */
	struct queuefile qf;
	struct buf journal; /* as read, and what we added */
	struct buf owed;    /* records of reports that are in the queue already,
	                     * not written yet */
	struct buf headers; /* what rules have us send before the content; no
	                     * line of it begins with a dot */
	struct progress progress;
	char *sender; /* as it is sent on, when it is rewritten; NULL: is not */
	struct profile profile; /* of the route */
	struct job_rcpt *rcpts; /* those that are to be sent to */
	size_t nrcpts;
	struct answer *answers;
	bool uncertain; /* all of it was sent and no answer came: no other
	                   host is tried now, it may have been taken */
	bool give_up;   /* it has waited too long to be tried again */
	bool stays;     /* outcome.c: there was no attempt, it goes back */
	bool stuck;     /* outcome.c: its marks were not taken before */
	int stage;      /* outcome.c: how far it is settled */
	int64_t due_s;  /* outcome.c: of the next attempt; -1: none */
};

/*
 * Claim the next entry of a destination that there is something to send of.
 * NULL: there is none; entries that are damaged, that belong elsewhere now or
 * that only need a report are seen to on the way.
 */
struct job *job_take(struct destination *d);

/* The same for one entry of processed/. */
struct job *job_claim(struct destination *d, struct entry *e);

/* Note an answer for recipient i of the job; a new answer with the text. */
struct answer *job_answer(struct job *job, const char *host, const char *text);
void job_result(
    struct job *job, size_t i, enum result result, const struct answer *answer);
/* The same for all recipients that were not decided yet. */
void job_result_all(
    struct job *job, enum result result, const char *host, const char *text);
size_t job_count(const struct job *job, enum result result);

/* The sender as it is sent on: rewritten, or as it was given. */
const char *job_sender(const struct job *job);

/* The address of recipient i. */
const char *job_address(const struct job *job, size_t i);

/* Read the progress anew from the journal as it is in memory: 0, or -1. */
int job_read_progress(struct job *job);

/* Open its file again when it was closed: 0, or -1 with the reason logged. */
int job_reopen(struct job *job);

/* The attempt never began: back to processed/.  Frees the job. */
void job_return(struct job *job);

/* Its entry was moved out of sending/, with this result: 0 or ENOENT frees the
 * job, else it is kept until the entry can go back to processed/.  What stays
 * in sending/ nobody sees before the next start. */
void job_left(struct job *job, int result);
void job_free(struct job *job);

/* The claimed job of that id, NULL when this worker has none. */
struct job *job_find(const char *id);

/* ---- where it goes: job_route.c ---- */

/* The route of recipient i by the map as it is and by what rules ordered. */
enum route_answer job_find_route(
    const struct job *job, size_t i, struct route *r_r);

/* Is there a fallback for recipient i, and was it not diverted before? */
bool job_may_divert(const struct job *job, size_t i);

/*
 * Does the map still send all its recipients to the destination that its name
 * says, and to nobody in their place?  ROUTE_NONE: it does not.  What is known
 * of the destination is renewed on the way, and so is the sender as it is sent
 * on.
 */
enum route_answer job_route(struct job *job, struct destination *d);

/*
 * Some of its recipients go on by a fallback, others have to wait: the engine is
 * to split it.  job_waits() then knows what is left of it for this destination,
 * once, and that it is not due yet.  Other workers, or this one after a crash,
 * do not: what waits is tried earlier.
 */
void job_divide(const struct job *job);
bool job_waits(const struct job *job);

/* It goes elsewhere now: the engine is to route it anew.  Frees the job. */
void job_reroute(struct job *job);

#endif
