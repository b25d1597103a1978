/* SPDX-License-Identifier: ISC */
#include "proc/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

struct loop_watch {
	struct event event;
	short wanted; /* EV_READ, EV_WRITE */
	void (*on_ready)(void *arg, bool readable, bool writable);
	void *arg;
};

/*
 * Most timers are put off long before they are due, with every command of a
 * session.  So set only notes the deadline; the event goes off at the earliest
 * time that was ever asked for and is then armed for what is left.
 */
struct loop_timer {
	struct event event;
	int64_t deadline_ms; /* on the steady clock; 0: not running */
	int64_t armed_ms;    /* when the event goes off; 0: it does not */
	void (*on_time)(void *arg);
	void *arg;
};

struct loop_signal {
	struct event event;
	void (*on_signal)(void *arg);
	void *arg;
	struct loop_signal *next;
};

struct call {
	void (*fn)(void *arg);
	void *arg;
};
struct calls {
	struct call *list;
	size_t n, room;
};

static struct {
	struct event_base *base;
	struct calls turns, soon, now;
	bool (*on_sleep)(void);
	struct loop_signal *signals;
	bool stopping, awake;
} loop;

void
loop_init(void)
{
	struct event_config *config = event_config_new();

	/* The change list saves system calls when a descriptor's events change
	 * twice in a turn.  Without a cached time a timer counts from now and
	 * not from when a busy turn began. */
	if (config == NULL ||
	    event_config_set_flag(
		config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
			    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST |
			    EVENT_BASE_FLAG_NO_CACHE_TIME) == -1)
		fatalx("configure the event loop");
	memset(&loop, 0, sizeof(loop));
	loop.base = event_base_new_with_config(config);
	if (loop.base == NULL)
		fatalx("make the event loop");
	event_config_free(config);
}

struct event_base *
loop_event_base(void)
{
	return loop.base;
}

static void
calls_add(struct calls *c, void (*fn)(void *arg), void *arg)
{
	if (c->n == c->room) {
		c->room = c->room ? 2 * c->room : 8;
		c->list = mem_resize(c->list, c->room, sizeof(*c->list));
	}
	c->list[c->n++] = (struct call){fn, arg};
}

/* What is added by a call comes after this turn. */
static void
calls_soon(void)
{
	struct calls due = loop.soon;

	loop.soon = loop.now;
	for (size_t i = 0; i < due.n; i++)
		due.list[i].fn(due.list[i].arg);
	due.n = 0;
	loop.now = due;
}

static void
run_turn(void)
{
	bool awake = loop.awake || loop.soon.n > 0;
	int rc;

	rc = event_base_loop(
	    loop.base, EVLOOP_ONCE | (awake ? EVLOOP_NONBLOCK : 0));
	if (rc == -1)
		fatalx("wait for events");
	if (rc == 1 && !awake)
		fatalx("nothing left to wait for");
	calls_soon();
	for (size_t i = 0; i < loop.turns.n; i++)
		loop.turns.list[i].fn(loop.turns.list[i].arg);
	loop.awake = loop.on_sleep != NULL && loop.on_sleep();
	log_flush();
}

void
loop_run(void)
{
	loop.awake = true; /* for what was begun before */
	while (!loop.stopping)
		run_turn();
	loop.stopping = false;
}

void
loop_stop(void)
{
	loop.stopping = true;
}

void
loop_on_turn(void (*on_turn)(void *arg), void *arg)
{
	calls_add(&loop.turns, on_turn, arg);
}

void
loop_on_sleep(bool (*on_sleep)(void))
{
	assert(loop.on_sleep == NULL || loop.on_sleep == on_sleep);
	loop.on_sleep = on_sleep;
}

void
loop_soon(void (*fn)(void *arg), void *arg)
{
	calls_add(&loop.soon, fn, arg);
}

/* ---- descriptors ---- */

static void
on_descriptor(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;

	(void)fd;
	w->on_ready(w->arg, what & EV_READ, what & EV_WRITE);
}

struct loop_watch *
loop_watch_new(int fd,
    void (*on_ready)(void *arg, bool readable, bool writable), void *arg)
{
	struct loop_watch *w = mem_alloc(sizeof(*w));

	w->on_ready = on_ready;
	w->arg = arg;
	if (event_assign(
		&w->event, loop.base, fd, EV_PERSIST, on_descriptor, w) == -1)
		fatalx("watch a descriptor");
	return w;
}

void
loop_watch_want(struct loop_watch *w, bool read, bool write)
{
	short wanted = (read ? EV_READ : 0) | (write ? EV_WRITE : 0);
	evutil_socket_t fd = event_get_fd(&w->event);

	if (wanted == w->wanted)
		return;
	if (w->wanted != 0)
		event_del(&w->event);
	w->wanted = wanted;
	if (wanted == 0)
		return;
	if (event_assign(&w->event, loop.base, fd, wanted | EV_PERSIST,
		on_descriptor, w) == -1 ||
	    event_add(&w->event, NULL) == -1)
		fatalx("watch a descriptor");
}

void
loop_watch_free(struct loop_watch **w)
{
	if (*w == NULL)
		return;
	if ((*w)->wanted != 0)
		event_del(&(*w)->event);
	free(*w);
	*w = NULL;
}

/* ---- timers ---- */

static void
timer_arm(struct loop_timer *t, int64_t now)
{
	int64_t ms = t->deadline_ms - now;
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	t->armed_ms = t->deadline_ms;
	if (event_add(&t->event, &tv) == -1)
		fatalx("arm a timer");
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;
	int64_t now;

	(void)fd;
	(void)what;
	t->armed_ms = 0;
	if (t->deadline_ms == 0)
		return;
	now = clock_steady_ms();
	if (now < t->deadline_ms) {
		timer_arm(t, now);
		return;
	}
	t->deadline_ms = 0;
	t->on_time(t->arg);
}

struct loop_timer *
loop_timer_new(void (*on_time)(void *arg), void *arg)
{
	struct loop_timer *t = mem_alloc(sizeof(*t));

	t->on_time = on_time;
	t->arg = arg;
	if (evtimer_assign(&t->event, loop.base, on_timer, t) == -1)
		fatalx("make a timer");
	return t;
}

void
loop_timer_set(struct loop_timer *t, int64_t ms)
{
	int64_t now = clock_steady_ms();

	t->deadline_ms = now + (ms > 0 ? ms : 0);
	if (t->armed_ms == 0 || t->deadline_ms < t->armed_ms)
		timer_arm(t, now);
}

void
loop_timer_stop(struct loop_timer *t)
{
	t->deadline_ms = 0;
}

void
loop_timer_free(struct loop_timer **t)
{
	if (*t == NULL)
		return;
	event_del(&(*t)->event);
	free(*t);
	*t = NULL;
}

/* ---- signals ---- */

static void
on_signal_event(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *s = arg;

	(void)signo;
	(void)what;
	s->on_signal(s->arg);
}

void
loop_signal(int signo, void (*on_signal)(void *arg), void *arg)
{
	struct loop_signal *s = mem_alloc(sizeof(*s));

	s->on_signal = on_signal;
	s->arg = arg;
	s->next = loop.signals;
	loop.signals = s;
	if (evsignal_assign(&s->event, loop.base, signo, on_signal_event, s) ==
		-1 ||
	    evsignal_add(&s->event, NULL) == -1)
		fatalx("watch signal %d", signo);
}
