/* SPDX-License-Identifier: ISC */
/*
 * The parent's children: each place has a worker, or waits to have one anew.
 *
 *	starting -> ready -> died -> (back-off) -> starting
 *	any -> SIGTERM -> ended         the daemon is told to stop
 *	any -> SIGKILL -> ended         it takes too long, or is told twice
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "proc/outage.h"
#include "proc/parent_private.h"

#define DELAY_MIN_MS  100
#define DELAY_MAX_MS  10000
#define DELAY_LONG_MS 500   /* from here on the others get its connections */
#define LONG_LIFE_MS  60000 /* after so long a death is no row of deaths */

struct child {
	pid_t pid;        /* 0: none */
	int64_t born_ms;  /* on the steady clock, as all of these */
	int64_t due_ms;   /* when to start it anew; 0: not waiting */
	int64_t delay_ms; /* the next back-off */
	bool ready;
	bool resting; /* its sockets */
};

static struct {
	const struct room_main *room;
	struct worker *w;
	int *listeners; /* a row for each worker */
	int map_dir;
	struct child children[WORKERS_MAX];
	int lifeline[2]; /* the workers see its end when the parent dies */
	int ready[2];
	int signals;
	bool announced; /* all have been ready once */
	bool stopping;
	bool killed;
	bool failed;     /* one could not even start */
	int64_t kill_ms; /* when to kill the rest; 0: not yet */
} parent;

static int *
listeners_of(unsigned number)
{
	return parent.listeners + number * parent.w->nlisteners;
}

static bool
any_alive(void)
{
	for (unsigned i = 0; i < parent.w->count; i++) {
		if (parent.children[i].pid > 0)
			return true;
	}
	return false;
}

/* ---- birth ---- */

/* Its own sockets, and none of the others'. */
static void
take_listeners(unsigned number)
{
	struct worker *w = parent.w;

	for (size_t i = 0; i < w->count * w->nlisteners; i++) {
		if (i / w->nlisteners != number)
			fd_close(&parent.listeners[i]);
	}
	if (w->nlisteners > 0)
		w->listeners = listeners_of(number);
}

static void
become_worker(unsigned number)
{
	struct parent_ends ends = {.map_dir = parent.map_dir,
	    .lifeline = parent.lifeline[0],
	    .ready = parent.ready[1]};

	fd_close(&parent.lifeline[1]);
	fd_close(&parent.ready[0]);
	fd_close(&parent.signals);
	parent_syslog_leave();
	take_listeners(number);
	parent.w->number = number;
	parent_worker(parent.room, parent.w, &ends);
}

static void
start_child(unsigned number)
{
	struct child *c = &parent.children[number];
	int64_t now = clock_steady_ms();
	pid_t pid;

	if (c->resting)
		parent_listen_resume(
		    listeners_of(number), parent.w->nlisteners);
	c->resting = false;
	pid = fork();
	if (pid == 0)
		become_worker(number);
	c->born_ms = now;
	c->ready = false;
	c->due_ms = 0;
	if (pid == -1) {
		log_warn("fork worker %u", number);
		c->due_ms = now + DELAY_MAX_MS;
		return;
	}
	c->pid = pid;
}

static void
announce(void)
{
	struct buf listening = {0};

	for (unsigned i = 0; i < parent.w->count; i++) {
		if (!parent.children[i].ready)
			return;
	}
	parent.announced = true;
	parent_listen_names(
	    parent.w->listeners, parent.w->nlisteners, &listening);
	if (listening.len > 0)
		log_info("ready workers=%u listen=%s", parent.w->count,
		    buf_text(&listening));
	else
		log_info("ready workers=%u", parent.w->count);
	buf_free(&listening);
	systemd_notify("READY=1");
}

static void
on_ready(void)
{
	unsigned char numbers[WORKERS_MAX];
	ssize_t n;

	n = read(parent.ready[0], numbers, sizeof(numbers));
	for (ssize_t i = 0; i < n; i++) {
		if (numbers[i] < parent.w->count)
			parent.children[numbers[i]].ready = true;
	}
	if (!parent.announced && !parent.stopping)
		announce();
}

/* ---- the end ---- */

static void
signal_children(int signo)
{
	for (unsigned i = 0; i < parent.w->count; i++) {
		if (parent.children[i].pid > 0)
			kill(parent.children[i].pid, signo);
	}
}

static void
kill_children(const char *why)
{
	log_warnx("%s: killing the workers", why);
	parent.killed = true;
	parent.kill_ms = 0;
	signal_children(SIGKILL);
}

/* The sockets are closed here too, or who connects now would wait for nobody. */
static void
stop(void)
{
	parent.stopping = true;
	for (size_t i = 0; i < parent.w->count * parent.w->nlisteners; i++)
		fd_close(&parent.listeners[i]);
	parent.kill_ms = clock_steady_ms() + PARENT_PATIENCE_S * 1000;
	for (unsigned i = 0; i < parent.w->count; i++)
		parent.children[i].due_ms = 0;
	systemd_notify("STOPPING=1");
	signal_children(SIGTERM);
}

static void
on_stop_signal(int signo)
{
	log_info("received SIG%s", sigabbrev_np(signo));
	if (!parent.stopping)
		stop();
	else if (!parent.killed)
		kill_children("told twice");
}

/* ---- death ---- */

/* Is it the message's fault? Not when somebody killed the worker. */
static bool
is_crash(int status)
{
	if (!WIFSIGNALED(status))
		return false;
	switch (WTERMSIG(status)) {
	case SIGSEGV:
	case SIGBUS:
	case SIGABRT:
	case SIGILL:
	case SIGFPE:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}

/* again_ms 0: it is not started again. */
static void
log_death(unsigned number, int status, const char *id, int64_t again_ms)
{
	struct buf line = {0};

	if (*id != '\0')
		buf_addf(&line, "%s: ", id);
	buf_addf(&line, "worker %u ", number);
	if (WIFSIGNALED(status))
		buf_addf(&line, "was killed by SIG%s",
		    sigabbrev_np(WTERMSIG(status)));
	else
		buf_addf(&line, "ended with status %d", WEXITSTATUS(status));
	if (*id != '\0')
		buf_add_str(&line, " while at it");
	if (again_ms > 0)
		buf_addf(&line, ": again in %d ms", (int)again_ms);
	log_warnx("%s", buf_text(&line));
	buf_free(&line);
}

/* Returns in how many ms. */
static int64_t
restart_later(unsigned number)
{
	struct child *c = &parent.children[number];
	int64_t now = clock_steady_ms(), again_ms;

	if (c->delay_ms == 0 || now - c->born_ms >= LONG_LIFE_MS)
		c->delay_ms = DELAY_MIN_MS;
	again_ms = c->delay_ms;
	c->due_ms = now + again_ms;
	c->delay_ms *= 2;
	if (c->delay_ms > DELAY_MAX_MS)
		c->delay_ms = DELAY_MAX_MS;
	if (again_ms >= DELAY_LONG_MS && any_alive()) {
		c->resting = true;
		parent_listen_rest(listeners_of(number), parent.w->nlisteners);
	}
	return again_ms;
}

/* Where a worker could not even start, another would not either: the log says
 * what is wrong, and the daemon ends. */
static void
bury(unsigned number, int status)
{
	struct child *c = &parent.children[number];
	const char *id = parent_notes_end(number, is_crash(status));
	bool hopeless = !parent.announced && !c->ready && WIFEXITED(status);

	parent_clients_end(number);
	parent_deal_end(number);
	c->pid = 0;
	if (!parent.stopping && !hopeless)
		log_death(number, status, id, restart_later(number));
	else if (status != 0)
		log_death(number, status, id, 0);
	if (!parent.stopping && hopeless) {
		log_warnx("a worker cannot start: ending");
		parent.failed = true;
		stop();
	}
}

static void
reap(void)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (parent_syslog_died(pid))
			continue;
		for (unsigned i = 0; i < parent.w->count; i++) {
			if (parent.children[i].pid == pid)
				bury(i, status);
		}
	}
}

/* ---- watching over them ---- */

static void
on_signal(void)
{
	struct signalfd_siginfo info;

	if (read(parent.signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap();
	else
		on_stop_signal(info.ssi_signo);
}

/* Do what is due; returns how long nothing will be, -1: for ever. */
static int
act_on_time(void)
{
	int64_t now = clock_steady_ms(), next = 0;

	if (parent.kill_ms != 0 && now >= parent.kill_ms)
		kill_children("not finished in time");
	next = parent.kill_ms;
	for (unsigned i = 0; i < parent.w->count; i++) {
		struct child *c = &parent.children[i];

		if (c->due_ms != 0 && now >= c->due_ms)
			start_child(i);
		if (c->due_ms != 0 && (next == 0 || c->due_ms < next))
			next = c->due_ms;
	}
	if (next == 0)
		return -1;
	return next > now ? next - now : 0;
}

static void
watch_over(void)
{
	struct pollfd fds[] = {
	    {.fd = parent.signals,  .events = POLLIN},
	    {.fd = parent.ready[0], .events = POLLIN},
	};
	int timeout_ms = act_on_time();

	log_flush();
	if (poll(fds, 2, timeout_ms) == -1 && errno != EINTR)
		fatal("wait for the workers");
	if (fds[1].revents != 0) /* first: who died afterwards was ready */
		on_ready();
	if (fds[0].revents != 0)
		on_signal();
}

static void
prepare(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		fatal("hold signals back");
	parent.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (parent.signals == -1)
		fatal("read signals");
	if (pipe2(parent.lifeline, O_CLOEXEC) == -1 ||
	    pipe2(parent.ready, O_CLOEXEC) == -1)
		fatal("make pipes to the workers");
	parent_notes_share();
	parent_clients_share();
	if (parent.w->nlisteners > 0)
		parent_deal_share(parent.w->count);
	outage_share();
}

int
parent_children(const struct room_main *room, struct worker *w, int map_dir)
{
	parent.room = room;
	parent.w = w;
	parent.listeners = w->listeners;
	parent.map_dir = map_dir;
	prepare();
	for (unsigned i = 0; i < w->count; i++)
		start_child(i);
	while (!parent.stopping || any_alive())
		watch_over();
	log_info("stopped");
	return parent.failed || parent.killed ? 1 : 0;
}
