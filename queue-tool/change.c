/* SPDX-License-Identifier: ISC */
/*
 * Orders: hold, release, requeue, delete, flush.  Each is a journal record and
 * a rename.  An entry that a sender has claimed is not touched; the order is
 * left in control/ and obeyed after the attempt, and the person is told.
 */
#include "queue_tool.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/control.h"
#include "mail/route.h"

struct change {
	struct tool *t;
	const char *done;      /* "held" */
	const char *why;       /* --why */
	enum record_kind kind; /* journalled before the rename */
	bool journals;
	enum order order; /* left for claimed entries */
	bool claimed;     /* ...if it can be about such */
	bool from[STATES];
	int (*move)(struct spool *sp, struct entry *e);
	long changed, left, failed;
};

static int
journal(const struct change *c, const struct view *v)
{
	struct record rec = {.kind = c->kind, .time_s = clock_wall_s()};
	struct buf line = {0};
	int rc;

	rec.suffix = id_suffix(v->entry.id);
	rec.who = str_of(tool_operator());
	rec.text = str_of(c->why != NULL ? c->why : "");
	record_format(&rec, &line);
	rc = queuefile_append(v->fd, &line);
	if (rc == -1)
		log_warn("%s: journal", v->entry.id);
	buf_free(&line);
	return rc;
}

static void
leave_order(struct change *c, const struct view *v)
{
	if (control_leave(c->t->spool, c->order, v->entry.id, tool_operator(),
		c->why != NULL ? c->why : "") == -1) {
		c->failed++;
		return;
	}
	printf("%s is being delivered by the sender now; it will be %s after "
	       "the attempt, unless that delivers it\n",
	    v->entry.id, c->done);
	c->left++;
}

static void
on_view(void *arg, struct view *v, const char *why)
{
	struct change *c = arg;
	enum state from = v->entry.state;

	if (from == STATE_SENDING && c->claimed) {
		leave_order(c, v);
		return;
	}
	if (!c->from[from])
		return;
	/* A damaged one can be deleted, and then journals nothing. */
	if (c->journals && (why != NULL || journal(c, v) == -1)) {
		fprintf(stderr, "queue-tool: %s: %s\n", v->entry.id,
		    why != NULL ? why : "not journalled");
		c->failed++;
		return;
	}
	if (c->move(c->t->spool, &v->entry) == 0) {
		printf(
		    "%s %s (was %s)\n", v->entry.id, c->done, state_name(from));
		c->changed++;
	} else if (errno != ENOENT) {
		c->failed++;
	}
}

static int
change(struct change *c, int argc, char *argv[])
{
	struct selection s;
	int status;

	if ((status = selection_parse(c->t, argc, argv, &s)) != 0)
		return status;
	c->why = s.why;
	if (!selection_narrows(&s)) {
		fprintf(stderr, "queue-tool: name entries, or choose them\n");
		return EXIT_USAGE;
	}
	if (spool_share_slot(c->t->spool) == -1 ||
	    select_each(c->t, &s, on_view, c) == -1 ||
	    (c->changed > 0 && spool_flush(c->t->spool) == -1) || c->failed > 0)
		return EXIT_BROKEN;
	if (c->changed + c->left == 0) {
		fprintf(
		    stderr, "queue-tool: nothing that can be %s\n", c->done);
		return EXIT_NONE;
	}
	return EXIT_DONE;
}

int
run_hold(struct tool *t, int argc, char *argv[])
{
	struct change c = {
	    .t = t,
	    .done = "held",
	    .kind = RECORD_HOLD,
	    .journals = true,
	    .order = ORDER_HOLD,
	    .claimed = true,
	    .from = {[STATE_INCOMING] = true,
		     [STATE_PROCESSED] = true,
		     [STATE_DEFERRED] = true},
	    .move = spool_hold
        };

	return change(&c, argc, argv);
}

int
run_release(struct tool *t, int argc, char *argv[])
{
	struct change c = {.t = t,
	    .done = "released",
	    .kind = RECORD_RELEASE,
	    .journals = true,
	    .from = {[STATE_HELD] = true},
	    .move = spool_reroute};

	return change(&c, argc, argv);
}

int
run_requeue(struct tool *t, int argc, char *argv[])
{
	struct change c = {
	    .t = t,
	    .done = "requeued",
	    .kind = RECORD_REQUEUE,
	    .journals = true,
	    .order = ORDER_REQUEUE,
	    .claimed = true,
	    .from = {[STATE_PROCESSED] = true, [STATE_DEFERRED] = true},
	    .move = spool_reroute
        };

	return change(&c, argc, argv);
}

int
run_delete(struct tool *t, int argc, char *argv[])
{
	struct change c = {
	    .t = t,
	    .done = "deleted",
	    .order = ORDER_DELETE,
	    .claimed = true,
	    .from = {[STATE_INCOMING] = true,
		     [STATE_PROCESSED] = true,
		     [STATE_DEFERRED] = true,
		     [STATE_HELD] = true,
		     [STATE_CORRUPT] = true},
	    .move = spool_remove
        };

	return change(&c, argc, argv);
}

/* ---- flush ---- */

struct flushing {
	struct spool *sp;
	const char *tag; /* NULL: all */
	long n;
};

/* By the name alone: no file is opened. */
static int
on_deferred(void *arg, const struct entry *e)
{
	struct flushing *f = arg;
	struct entry copy = *e;

	if ((f->tag == NULL || strcmp(e->tag, f->tag) == 0) &&
	    spool_wake(f->sp, &copy) == 0)
		f->n++;
	return 0;
}

int
run_flush(struct tool *t, int argc, char *argv[])
{
	struct flushing f = {.sp = t->spool};
	char tag[TAG_LEN + 1];
	int status;

	if (argc > 2)
		return EXIT_USAGE;
	if (argc == 2) {
		if ((status = selection_destination(t, argv[1], tag)) != 0)
			return status;
		f.tag = tag;
	}
	if (spool_share_slot(t->spool) == -1)
		return EXIT_BROKEN;
	for (unsigned s = 0; s < SHARDS; s++)
		if (spool_list(t->spool, STATE_DEFERRED, s, false, on_deferred,
			&f) == -1)
			return EXIT_BROKEN;
	if (control_leave(t->spool, ORDER_FLUSH, f.tag != NULL ? tag : "all",
		tool_operator(), "") == -1)
		return EXIT_BROKEN;
	printf("%ld deferred %s due now\n", f.n,
	    f.n == 1 ? "entry is" : "entries are");
	return EXIT_DONE;
}
