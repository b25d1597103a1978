/* SPDX-License-Identifier: ISC */
/*
 * What rules have ordered for a message, as it stands in its journal: the body
 * of a `ruled` record, a line for each order.  Written by the engine once; read
 * by everybody who routes, sends or shows the message.  Layer: mail.
 */
#ifndef MAIL_RULING_H
#define MAIL_RULING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/envelope.h"
#include "mail/progress.h"
#include "mail/route.h"

enum ruled {
	RULED_ROUTE,    /* goes there, whatever the tables say */
	RULED_PROFILE,  /* by this profile */
	RULED_PRIORITY, /* with this priority, a digit */
	RULED_HEADER,   /* "NAME: VALUE" is sent before the content */
	RULED_COPY,     /* the id of a copy that was made */
	RULED_HOLD,     /* the name under which the message is held */
	RULED_REJECT,   /* refused for good, with this reply */
	RULED_DISCARD,  /* not delivered and not reported; no value */
};

struct ruling {
	enum ruled kind;
	struct str recipients; /* by number, "0-3,7" */
	struct str where;      /* FILE:LINE of the rule */
	struct str value;
};

/* What is ordered where rules cannot read all of the header. */
#define RULING_HEADER_TOO_LARGE "554 5.6.0 the header is too large"

/* Append the line.  No field holds a tab or a line end (asserted). */
void ruling_format(const struct ruling *r, struct buf *out);
/* Cut the next order off *rest; what cannot be read is skipped.  False at the
 * end. */
bool ruling_next(struct str *rest, struct ruling *r_r);
/* "route", as it is written. */
const char *ruling_name(enum ruled kind);

/*
 * Append the header fields that rules have ordered for a recipient, each a line
 * with CRLF: what is sent before the content.  All recipients of one entry in
 * processed/ have the same ones, since the engine splits by them.
 */
void ruling_headers(struct str journal, size_t recipient, struct buf *out);

/*
 * The route of a recipient of an entry: as a rule has ordered, else as the map
 * says (route_find); of that the fallback when it was diverted; a profile and a
 * priority by order of a rule in any case.  An order that the map no longer
 * allows, since the profile is gone, is ROUTE_TEMPFAIL.
 */
enum route_answer ruling_route(struct map *m, const struct envelope *env,
    size_t i, const struct rcpt_progress *p, struct route *r_r);
/* The same, with each step of the search told. */
enum route_answer ruling_explain(struct map *m, const struct envelope *env,
    size_t i, const struct rcpt_progress *p, route_step_fn *on_step, void *arg,
    struct route *r_r);

#endif
