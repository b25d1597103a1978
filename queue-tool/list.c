/* SPDX-License-Identifier: ISC */
/*
 * queue-tool list: a line an entry, or with --json an object a line.
 */
#include "queue_tool.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

static void
print_next(const struct view *v, const struct pause *pause)
{
	if (pause != NULL) {
		printf("paused");
		return;
	}
	switch (v->entry.state) {
	case STATE_DEFERRED:
		print_span(stdout, v->entry.due_s - clock_wall_s());
		break;
	case STATE_HELD:
	case STATE_CORRUPT:
		putchar('-');
		break;
	default:
		printf("now");
	}
}

static void
print_line(const struct view *v, const struct pause *pause)
{
	const struct envelope *env = &v->qf.envelope;
	const struct recipient *first = view_first_pending(v);
	size_t pending = progress_pending(&v->progress);

	printf("%s %-9s %8s ", v->entry.id, state_name(v->entry.state),
	    *v->entry.tag != '\0' ? v->entry.tag : "-");
	print_span(stdout, clock_wall_s() - env->arrival_s);
	printf(" next=");
	print_next(v, pause);
	printf(" tries=%u size=%" PRIu64 " from=<", v->progress.attempts,
	    v->qf.preamble.content_len);
	print_safe(stdout, env->sender, strlen(env->sender));
	printf("> to=<");
	if (first != NULL)
		print_safe(stdout, first->address, strlen(first->address));
	putchar('>');
	if (pending > 1)
		printf(" (+%zu)", pending - 1);
	if (pause != NULL) {
		printf(" paused: ");
		pause_print(pause);
	}
	putchar('\n');
}

static void
print_damaged(const struct view *v, const char *why, bool json)
{
	if (json)
		json_print_damaged(v, why);
	else
		printf("%s %-9s damaged: %s\n", v->entry.id,
		    state_name(v->entry.state), why);
}

struct listing {
	struct tool *t;
	struct selection s;
};

static void
on_view(void *arg, struct view *v, const char *why)
{
	struct listing *l = arg;

	if (why != NULL)
		print_damaged(v, why, l->s.json);
	else if (l->s.json)
		json_print_entry(v, pause_of(l->t, v));
	else
		print_line(v, pause_of(l->t, v));
}

int
run_list(struct tool *t, int argc, char *argv[])
{
	struct listing l = {.t = t};
	int status;
	long n;

	if ((status = selection_parse(t, argc, argv, &l.s)) != 0)
		return status;
	n = select_each(t, &l.s, on_view, &l);
	if (n == -1)
		return EXIT_BROKEN;
	if (n == 0 && !l.s.json)
		fprintf(stderr, "queue-tool: %s\n",
		    selection_narrows(&l.s) ? "nothing matches"
					    : "the queue is empty");
	return n > 0 || !selection_narrows(&l.s) ? EXIT_DONE : EXIT_NONE;
}
