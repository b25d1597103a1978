/* SPDX-License-Identifier: ISC */
#include "proc/loop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "tap.h"

#define SETS 1000000

static struct buf told;
static unsigned turns;

static void
tell(void *arg)
{
	buf_add_str(&told, arg);
}

static void
tell_and_stop(void *arg)
{
	tell(arg);
	loop_stop();
}

static void
run_and_check(const char *want, const char *what)
{
	loop_run();
	is_str(buf_text(&told), want, "%s", what);
	buf_clear(&told);
}

static void
test_timers(void)
{
	struct loop_timer *a = loop_timer_new(tell, "a");
	struct loop_timer *b = loop_timer_new(tell, "b");
	struct loop_timer *end = loop_timer_new(tell_and_stop, ".");
	int64_t began = clock_steady_ms();

	loop_timer_set(end, 60);
	loop_timer_set(b, 5);
	loop_timer_set(a, 30);
	run_and_check("ba.", "timers go off in the order of their times");
	ok(clock_steady_ms() - began >= 60, "and not before their time");

	began = clock_steady_ms();
	loop_timer_set(a, 5);
	loop_timer_set(a, 40); /* put off */
	loop_timer_set(b, 5);
	loop_timer_stop(b);
	loop_timer_set(end, 1000);
	loop_timer_set(end, 50); /* brought forward */
	run_and_check("a.", "put off, stopped, brought forward");
	ok(clock_steady_ms() - began >= 50, "the last time set counts");
	ok(clock_steady_ms() - began < 1000, "not the first");

	loop_timer_set(a, 1);
	loop_timer_free(&a);
	loop_timer_free(&a);
	ok(a == NULL, "freeing leaves nothing, twice is fine");
	loop_timer_stop(b);
	loop_timer_set(b, 1);
	loop_timer_set(end, 10);
	run_and_check(
	    "b.", "a freed timer is silent, a stopped one can be set");
	loop_timer_free(&b);
	loop_timer_free(&end);
}

static struct loop_timer *self;

static void
free_self(void *arg)
{
	tell(arg);
	loop_timer_free(&self);
	loop_stop();
}

static void
test_timer_frees_itself(void)
{
	self = loop_timer_new(free_self, "x");
	loop_timer_set(self, 0);
	run_and_check("x", "a timer may be freed by its own handler");
}

static void
test_timer_cost(void)
{
	struct loop_timer *t = loop_timer_new(tell, "never");
	int64_t began = clock_steady_ms(), took;

	for (int i = 0; i < SETS; i++)
		loop_timer_set(t, 300000);
	took = clock_steady_ms() - began;
	diag("%d settings of a timer: %d ms", SETS, (int)took);
	ok(took < 5000, "putting a timer off costs next to nothing");
	loop_timer_free(&t);
}

struct pipe_end {
	struct loop_watch *watch;
	int fd;
	bool frees;
};

static void
on_pipe(void *arg, bool readable, bool writable)
{
	struct pipe_end *p = arg;
	char c[2] = "";

	if (writable) {
		buf_add_str(&told, "w");
		loop_watch_want(p->watch, true, false);
	}
	if (!readable || read(p->fd, c, 1) != 1)
		return;
	buf_add_str(&told, c);
	if (p->frees)
		loop_watch_free(&p->watch);
	if (*c == '.')
		loop_stop();
}

static void
test_watches(void)
{
	struct pipe_end in = {0}, out = {0};
	int ends[2];

	if (pipe(ends) == -1)
		bail_out("make a pipe");
	in.fd = ends[0];
	in.watch = loop_watch_new(ends[0], on_pipe, &in);
	out.fd = ends[1];
	out.watch = loop_watch_new(ends[1], on_pipe, &out);
	loop_watch_want(in.watch, true, false);
	loop_watch_want(out.watch, false, true);
	fd_write_all(ends[1], "a.", 2);
	loop_run();
	ok(strchr(buf_text(&told), 'w') != NULL, "told that it is writable");
	ok(strchr(buf_text(&told), 'a') != NULL, "and that it is readable");
	ok(strstr(buf_text(&told), ".") != NULL, "again for what is left");
	buf_clear(&told);

	loop_watch_want(in.watch, false, false);
	fd_write_all(ends[1], ".", 1);
	loop_soon(tell_and_stop, "-");
	run_and_check("-", "silent when nothing is wanted");

	in.frees = true;
	loop_watch_want(in.watch, true, false);
	run_and_check(".", "a watch may be freed by its own handler");
	ok(in.watch == NULL, "and is gone");
	loop_watch_free(&in.watch);
	loop_watch_free(&out.watch);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void
again_soon(void *arg)
{
	buf_addf(&told, "%u", turns);
	if (arg != NULL)
		loop_soon(again_soon, NULL);
	else
		loop_stop();
}

static void
on_turn(void *arg)
{
	buf_add_str(&told, arg);
	turns++;
}

static bool
on_sleep(void)
{
	buf_add_str(&told, "z");
	return turns < 4;
}

static void
test_turns(void)
{
	loop_soon(again_soon, "again");
	is_str(buf_text(&told), "", "soon is not now");
	loop_on_turn(on_turn, "A");
	loop_on_turn(on_turn, "B");
	run_and_check("0AB2AB", "calls of a turn, then the turn functions");
	turns = 0;
	loop_on_sleep(on_sleep);
	loop_soon(tell, "x");
	loop_stop();
	run_and_check("", "stopped before it runs");
	self = loop_timer_new(free_self, ".");
	loop_timer_set(self, 20);
	run_and_check("xABzABz.ABz", "another turn first when asked for");
}

static void
test_signal(void)
{
	loop_signal(SIGUSR1, tell_and_stop, "usr1");
	raise(SIGUSR1);
	is_str(buf_text(&told), "", "not called from the signal");
	loop_run();
	ok(strstr(buf_text(&told), "usr1") != NULL, "but from the loop");
	buf_free(&told);
}

int
main(void)
{
	loop_init();
	test_timers();
	test_timer_frees_itself();
	test_timer_cost();
	test_watches();
	test_turns();
	test_signal();
	return done();
}
