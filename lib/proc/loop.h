/* SPDX-License-Identifier: ISC */
/*
 * The event loop of a worker, through libevent; the only file of ours that
 * includes <event2/...>.  Layer: proc.
 *
 * Made after the fork.  Handlers are plain functions; one may free the object
 * that it was called for.  After each turn (all handlers of one wake-up) the
 * turn functions run: that is where batches are handed on; then the log is
 * flushed.
 */
#ifndef PROC_LOOP_H
#define PROC_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop_watch; /* a descriptor */
struct loop_timer;

/* In a forked helper: a loop of its own, with nothing of the worker's in it. */
void loop_init(void);
void loop_run(void);  /* until loop_stop() */
void loop_stop(void); /* after this turn; before loop_run(): at once */

/* Call at the end of every turn, in the order of adding. */
void loop_on_turn(void (*on_turn)(void *arg), void *arg);
/* Call as the last thing before the loop sleeps, after all turn functions; the
 * answer true: go through another turn first.  There is one, io.c's. */
void loop_on_sleep(bool (*on_sleep)(void));

/* Watch a descriptor; starts with neither. */
struct loop_watch *loop_watch_new(int fd,
    void (*on_ready)(void *arg, bool readable, bool writable), void *arg);
void loop_watch_want(struct loop_watch *w, bool read, bool write);
void loop_watch_free(struct loop_watch **w); /* does not close; stores NULL */

/* A timer, not running at first.  set: call once in ms from now (again later
 * replaces); cheap enough for each command of a session: to put it off is no
 * more than to note the new time. */
struct loop_timer *loop_timer_new(void (*on_time)(void *arg), void *arg);
void loop_timer_set(struct loop_timer *t, int64_t ms);
void loop_timer_stop(struct loop_timer *t);
void loop_timer_free(struct loop_timer **t);

/* Call from the loop, not from the signal. */
void loop_signal(int signo, void (*on_signal)(void *arg), void *arg);

/* Call `fn` once in the next turn, never from within this call.  It cannot be
 * taken back: arg must live. */
void loop_soon(void (*fn)(void *arg), void *arg);

/* For libraries that attach themselves to libevent. */
struct event_base;
struct event_base *loop_event_base(void);

#endif
