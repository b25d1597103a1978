/* SPDX-License-Identifier: ISC */
/*
 * Private to queue-tool.  An order's way: queue_tool.c (which command) ->
 * select.c (which entries) -> view.c, standing.c (what is known of one) ->
 * list.c, show.c, cat.c, change.c, pause.c, explain.c (explain.h), verify.c;
 * json.c writes for programs.
 */
#ifndef QUEUE_TOOL_H
#define QUEUE_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "mail/entry.h"
#include "mail/map.h"
#include "mail/pause.h"
#include "mail/profile.h"
#include "mail/progress.h"
#include "mail/queuefile.h"
#include "mail/route.h"
#include "mail/spool.h"

/* Exit statuses, the same for every command. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_NONE = 1,   /* nothing matched, or what was looked at is bad */
	EXIT_USAGE = 2,  /* the command line is wrong */
	EXIT_BROKEN = 3, /* the spool or the map cannot be used */
};

struct tool {
	const char *spool_path;
	struct spool *spool;  /* NULL for commands that open none */
	struct map *map;      /* tool_map() */
	struct pauses pauses; /* tool_pauses() */
	bool pauses_read;
};

/* The compiled map, opened when first asked for; NULL with the reason logged. */
struct map *tool_map(struct tool *t);

/* The pauses, read when first asked for. */
const struct pauses *tool_pauses(struct tool *t);

/* Who gives the order: the person behind sudo, where root runs it; nobody else
 * may say to be another.  Not to be changed. */
char *tool_operator(void);

/* A command gets its own words, argv[0] being its name, and returns an
 * enum exit_status. */
typedef int command_fn(struct tool *t, int argc, char *argv[]);

command_fn run_list;    /* list.c */
command_fn run_show;    /* show.c */
command_fn run_cat;     /* cat.c */
command_fn run_hold;    /* change.c */
command_fn run_release; /* change.c */
command_fn run_requeue; /* change.c */
command_fn run_delete;  /* change.c */
command_fn run_flush;   /* change.c */
command_fn run_pause;   /* pause.c */
command_fn run_resume;  /* pause.c */
command_fn run_pauses;  /* pause.c */
command_fn run_route;   /* explain.c */
command_fn run_verify;  /* verify.c */

/* ---- view.c: an entry and what is in its file ---- */

struct view {
	struct entry entry;
	int fd;
	struct queuefile qf;
	struct buf store;
	struct str journal; /* points into qf or store */
	struct progress progress;
};

/* Open and read it: NULL, or what is wrong with it in a few words ("gone" when
 * it has moved on meanwhile).  view_close() in any case. */
const char *view_open(struct tool *t, const struct entry *e, struct view *v_r);
void view_close(struct view *v);

/* The first recipient that the entry stands for and that still waits, or
 * NULL. */
const struct recipient *view_first_pending(const struct view *v);
/* Where that one goes by the map as it is now; ROUTE_NONE when there is none. */
enum route_answer view_route(
    struct tool *t, const struct view *v, struct route *route_r);

/* ---- standing.c: what stands about an entry ---- */

struct hold {
	char *who;       /* "rule", or the operator */
	char *why;       /* of a rule: the name under which it is held */
	char where[256]; /* FILE:LINE of the rule; "" */
	int64_t since_s;
};

/* Who holds it: false when it is not held, or nobody says why. */
bool view_hold(const struct view *v, struct hold *h_r);
void hold_free(struct hold *h);

/* Orders that will be carried out after the attempt that is being made. */
void waiting_orders(struct tool *t, const struct view *v,
    void (*on_order)(
	void *arg, const char *name, const char *who, const char *why),
    void *arg);

/* ---- select.c: which entries ---- */

/*
 * The options that choose entries, the same for every command, and the ids on
 * the command line.
 */
struct selection {
	bool states[STATES];
	bool some_state;
	bool by_tag;
	char tag[TAG_LEN + 1];      /* --destination */
	const char *sender;         /* --sender; "" is the null sender */
	int64_t older_s, younger_s; /* --older, --younger: age; -1 */
	bool json;                  /* --json */
	const char *why;            /* --why: for the journal */
	char **ids;                 /* the words that are left */
	int nids;
};

/* Read the options: 0, or an enum exit_status with the reason printed. */
int selection_parse(
    struct tool *t, int argc, char *argv[], struct selection *s_r);

/* A tag as `list` shows it, or a domain, which means where its mail goes: 0 and
 * the tag, or an enum exit_status with the reason printed. */
int selection_destination(
    struct tool *t, const char *text, char tag[TAG_LEN + 1]);

/* Did anything choose entries, or would it be all of them? */
bool selection_narrows(const struct selection *s);

/*
 * Call for each entry that is chosen, its file open, states in the order of a
 * message's way.  `why` is NULL, or what is wrong with its file.  Returns how
 * many there were, or -1 when a directory cannot be read.
 */
long select_each(struct tool *t, const struct selection *s,
    void (*on_view)(void *arg, struct view *v, const char *why), void *arg);

/* ---- pause.c: pauses ---- */

/* The one that holds up the entry; NULL: none. */
const struct pause *pause_of(struct tool *t, const struct view *v);
/* What, since when, until when, who and why, on one line without its end. */
void pause_print(const struct pause *p);

/* ---- calendar.c: attempts to come ---- */

#define CALENDAR_LINES 100 /* attempts that are listed one by one */

struct calendar {
	unsigned done; /* attempts that were made before */
	int64_t first_s, last_s;
	size_t n; /* attempts to come, listed or not; at least one */
	int64_t at_s[CALENDAR_LINES];
};

/* The next attempt is at first_s, after so many that were deferred. */
void calendar_make(const struct profile *p, unsigned attempts,
    int64_t arrival_s, int64_t first_s, struct calendar *c_r);
/* Of an entry, by the profile that it has now: false when nothing is to come. */
bool calendar_of(
    const struct view *v, const struct profile *p, struct calendar *c_r);
void calendar_print(const struct calendar *c, const char *indent, bool discard);

/* ---- json.c: an object a line ---- */

void json_print_entry(const struct view *v, const struct pause *pause);
/* The same with its journal, its route and its calendar (either may be
 * NULL). */
void json_print_story(struct tool *t, const struct view *v,
    const struct pause *pause, const struct route *route,
    const struct calendar *calendar);
void json_print_damaged(const struct view *v, const char *why);
void json_print_pause(const struct pause *p);

/* ---- text.c: strangers' bytes for people's eyes ---- */

/* Printable ASCII as it is, everything else as \ooo. */
void print_safe(FILE *out, const char *text, size_t len);
/* A span of time: "3d04h", "2h05m", "7m10s", "12s". */
void print_span(FILE *out, int64_t seconds);

#endif
