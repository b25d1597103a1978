/* SPDX-License-Identifier: ISC */
/*
 * Between the files parent*.c only.  Layer: proc.
 */
#ifndef PROC_PARENT_PRIVATE_H
#define PROC_PARENT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "proc/parent.h"

/* ---- sockets: parent_listen.c ---- */

/* Bind and listen on all of them, `count` workers' sockets one row after the
 * other; ends the process when an address cannot be had.  A worker of a parent
 * that was killed may still hold one for a moment: it is waited for. */
int *parent_listen(const struct settings *set, unsigned count);
/* A row whose worker is away for long takes no connections: the others get
 * them.  Until it resumes. */
void parent_listen_rest(const int *fds, size_t n);
void parent_listen_resume(const int *fds, size_t n);
/* "127.0.0.1:2525,[::1]:25": what they are bound to in truth. */
void parent_listen_names(const int *fds, size_t n, struct buf *out);

/* ---- memory shared with the workers: parent_notes.c ---- */

void parent_notes_share(void);             /* before the first fork */
void parent_notes_become(unsigned number); /* this process is that worker */
/* A worker has ended: its sessions are gone; the id it had noted counts when it
 * crashed.  Returns that id, "" for none, valid until the next call. */
const char *parent_notes_end(unsigned number, bool crashed);

unsigned parent_sessions_of(unsigned number); /* of one worker */

/* ---- connections dealt between workers: parent_deal.c ---- */

void parent_deal_share(unsigned count); /* before the first fork */
void parent_deal_become(unsigned number);
/* A worker has ended: it takes no sessions. */
void parent_deal_end(unsigned number);

/* ---- sessions of clients: parent_clients.c ---- */

void parent_clients_share(void); /* before the first fork */
/* A worker has ended: it has no sessions. */
void parent_clients_end(unsigned number);

/* ---- service managers: parent_systemd.c ---- */

bool systemd_reads_stderr(void);
/* "READY=1"; does nothing where nobody asked for it. */
void systemd_notify(const char *state);

/* ---- syslog: parent_syslog.c ---- */

/* Log to syslog(3) from now on, through a process of its own. */
void parent_syslog_start(const char *program);
/* Was that the logger? Then it has been started anew. */
bool parent_syslog_died(pid_t pid);
/* In a worker: the logger's end of the pipe is not ours. */
void parent_syslog_leave(void);

/* ---- the parent's side: parent_children.c ---- */

/* Fork them all, start those anew that die, end them when told so.  `w` is what
 * each is given, its listeners being the row of the first.  Returns the exit status of the daemon. */
int parent_children(
    const struct room_main *room, struct worker *w, int map_dir);

/* ---- the worker's side: parent_worker.c ---- */

struct parent_ends {
	int map_dir;  /* open at SPOOL/map */
	int lifeline; /* its end means that the parent is dead */
	int ready;    /* where the worker's number is written to */
};

void parent_worker(const struct room_main *room, struct worker *w,
    const struct parent_ends *ends) __attribute__((noreturn));

#endif
