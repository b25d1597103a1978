/* SPDX-License-Identifier: ISC */
/*
 * The rules by which a route and a domain become addresses to try, as a
 * calculation that waits for nothing: it says what to ask of the DNS, is told
 * the answers, and draws the conclusion (RFC 5321, 5.1; RFC 7505).
 *
 *	mx: the MX hosts by preference, equal ones shuffled, and the addresses
 *	    of each;
 *	    no MX: the addresses of the domain itself, unless it is an alias
 *	    (or, with follow_alias, whatever it is);
 *	    a host that is ourselves: away with it and all not better than it;
 *	    an address literal: that address.
 *	smtp, lmtp: the hops in their order, and the addresses of each.
 *
 * What cannot be looked up now leaves its host out; it makes the conclusion a
 * temporary failure only when nothing else is left.
 */
#ifndef SENDER_PLAN_H
#define SENDER_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "names.h"
#include "resolve.h"
#include "self.h"

#define PLAN_MX_MAX 20 /* best hosts of a domain, RFC 5321: at least 5 */

struct plan_question {
	enum names_type type;
	char name[NAMES_HOST_SIZE];
	size_t tag; /* for plan_answer() */
};

struct plan;

/* Begin; nothing of the arguments but `self` is needed afterwards. */
struct plan *plan_new(const struct route *route, const char *domain,
    bool follow_alias, const struct self *self);
void plan_free(struct plan **p);

/* Take the next question that can be asked now; false: none. */
bool plan_ask(struct plan *p, struct plan_question *q_r);
void plan_answer(struct plan *p, size_t tag, const struct names_answer *a);

/* Nothing more to ask and no answer missing. */
bool plan_done(const struct plan *p);

/* The conclusion; its targets and text live as long as the plan. */
void plan_conclude(struct plan *p, struct resolve_answer *answer_r);

#endif
