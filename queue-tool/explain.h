/* SPDX-License-Identifier: ISC */
/*
 * Private to queue-tool: where a recipient's mail goes, and why.  A message, one
 * of the queue or one that is supposed, goes through the steps that engine and
 * sender would take with it, by their own functions, and each step is noted.
 *
 *	explain.c (command) -> explain_message.c (the steps) ->
 *	explain_rules.c, explain_expand.c (the first of them) ->
 *	explain_text.c or json_route.c
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "mail/recipient.h"
#include "mail/rule.h"
#include "queue_tool.h"

/* One thing that was asked, and what came of it. */
struct step {
	char *name;         /* "rule", "alias", "parent domain" */
	char *key;          /* what was looked up, or the name of the rule */
	const char *answer; /* "matches", "no entry" */
	bool matches;
	char *where; /* FILE:LINE of what is written about it, "" */
	char *why;   /* a reason or what follows from it, "" */
};

struct steps {
	struct step *list;
	size_t n;
};

void steps_add(struct steps *s, const char *name, const char *key,
    const char *answer, const char *where, const char *why);

/* What becomes of mail for a recipient. */
enum fate {
	FATE_FOUND,     /* a route */
	FATE_NONE,      /* no route: 5.4.4 */
	FATE_LATER,     /* nobody knows for now: it waits */
	FATE_REPLACED,  /* others take its place */
	FATE_REFUSED,   /* by a rule */
	FATE_DISCARDED, /* by a rule */
};

/* "found", "none", "later", "replaced", "refused", "discarded" */
const char *fate_name(enum fate fate);

/* A route, and which servers of the DNS are asked on it. */
struct target {
	const struct route *route;
	const struct endpoint *servers;
	size_t nservers;
};

/* All that is told of one recipient. */
struct account {
	const struct view *view; /* NULL: of a message that is supposed */
	const char *address;
	const struct steps *steps;
	enum fate fate;
	/* FATE_REPLACED: by "alias" or "rewritten", where that is written, and
	 * by whom, a blank between */
	const char *by, *replaced_where, *targets;
	const char *reason; /* FATE_REFUSED: the reply */
	const char *hold;   /* a rule holds the message under that name */
	const char *sender; /* it is sent on as from this one; NULL: as it is */
	const char *sender_where;
	/* FATE_FOUND; the fallback's route is NULL when there is none */
	struct target target, fallback;
	const struct profile *profile;
	const char *profile_where;
	const struct calendar *calendar; /* NULL: nothing will be tried */
	enum recipient_answer known;     /* at RCPT */
	const char *known_where;
	const struct pause *pause;
};

/* What is known of a message that is only supposed. */
struct given {
	const char *from; /* NULL: not said; "": the null sender */
	const char *client, *login, *listener;
	bool has_size;
	uint64_t size;
	struct buf header; /* --header, a line each */
};

/* A message on its way through the steps. */
struct explaining {
	struct tool *t;
	const struct given *given; /* NULL: it is one of the queue */
	struct view *view;         /* NULL: it is supposed */
	struct envelope env;       /* its recipients are ours */
	char **kept;               /* strings of added recipients */
	size_t nkept;
	struct buf journal; /* what is there, and what would be written */
	struct progress progress;
	struct buf header;
	bool whole;          /* the header is not longer than may be read */
	struct steps *steps; /* for each recipient */
	size_t nsteps;
};

/* That of the entry; a message that is supposed has none. */
struct str explaining_suffix(const struct explaining *x);

/*
 * Go through all steps and call for each recipient that is still to be
 * delivered, replaced ones before those who take their place: an enum
 * exit_status.
 */
int explain_supposed(struct tool *t, const struct given *given,
    const char *address, void (*tell)(const struct account *a));
int explain_entry(
    struct tool *t, struct view *v, void (*tell)(const struct account *a));

/* Does it come by the engine once more?  Who is held does when it is
 * released. */
bool explaining_arrives(const struct explaining *x);

/* NULL: they cannot be read. */
const struct settings *explaining_settings(const struct explaining *x);

/* Ask the rules as the engine would, and note in the journal what they order;
 * or tell what they have ordered.  0, or -1: they have no answer for now. */
int explain_rules(struct explaining *x);

/* Rewrite and expand as the engine would, and note that in the journal: 0, or
 * -1: nobody knows for now. */
int explain_expand(struct explaining *x);
/* Note who fails since the message has come too far. */
void explain_hops(struct explaining *x);

/* The part of its weight class that a hop has; the classes are tried in the
 * order of their ranks, from 1. */
double hop_share(
    const struct route *r, const struct hop *hop, unsigned *rank_r);
/* mx: whose mail exchangers are asked for. */
struct str route_domain(const struct route *r);

void text_account(const struct account *a);
void json_account(const struct account *a);

#endif
