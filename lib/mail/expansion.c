/* SPDX-License-Identifier: ISC */
#include "mail/expansion.h"

#include <string.h>

#include "base/str.h"
#include "mail/xtext.h"

/* Most journals have none, and are not read for that. */
static bool
has_any(struct str journal)
{
	static const char word[] = " expanded ";

	return journal.len > 0 &&
	       memmem(journal.s, journal.len, word, strlen(word)) != NULL;
}

bool
expansion_next(
    struct str *journal, struct buf *store, size_t *next, struct expansion *e_r)
{
	uint64_t parent;

	if (!has_any(*journal))
		return false;
	while (record_next(journal, store, &e_r->rec)) {
		if (e_r->rec.kind != RECORD_EXPANDED)
			continue;
		if (str_number(
			e_r->rec.recipients, ENVELOPE_RCPTS_MAX, &parent) == -1)
			parent = ENVELOPE_RCPTS_MAX; /* nobody's: damaged */
		if (e_r->rec.first != *next)
			parent = ENVELOPE_RCPTS_MAX;
		e_r->parent = parent;
		e_r->addresses = e_r->rec.orders;
		e_r->first = *next;
		e_r->count = str_count_words(e_r->addresses);
		*next += e_r->count;
		return true;
	}
	return false;
}

size_t
expansion_total(struct str journal)
{
	struct buf store = {0};
	struct expansion e;
	size_t n = 0;

	while (expansion_next(&journal, &store, &n, &e))
		continue;
	buf_free(&store);
	return n;
}

/* ---- the envelope ---- */

struct keeping {
	char **list;
	size_t n;
};

static char *
keep(struct keeping *k, struct str text)
{
	k->list = mem_resize(k->list, k->n + 1, sizeof(k->list[0]));
	return k->list[k->n++] = mem_ndup(text.s, text.len);
}

/* As ORCPT would say it: RFC 3461, 4.2, in xtext. */
static const char *
original_of(const struct recipient *parent, struct keeping *k)
{
	struct buf b = {0};
	const char *kept;

	if (parent->original)
		return parent->original;
	buf_add_str(&b, "rfc822;");
	xtext_encode(str_of(parent->address), &b);
	kept = keep(k, (struct str){b.data, b.len});
	buf_free(&b);
	return kept;
}

/*
 * RFC 3461, 5.2.7.2: where several take the place of one, the sender is told
 * that (progress.h) and not of the delivery to each.
 */
static unsigned
notify_of(const struct recipient *parent, size_t count)
{
	unsigned notify = parent->notify;

	if (count == 1 || !(notify & NOTIFY_SUCCESS))
		return notify;
	notify &= ~(unsigned)NOTIFY_SUCCESS;
	return notify != 0 ? notify : NOTIFY_NEVER;
}

static void
add_recipients(
    struct envelope *env, const struct expansion *e, struct keeping *k)
{
	struct str rest = e->addresses;
	const char *original;
	struct recipient *to;

	env->recipients = mem_resize(env->recipients,
	    env->nrecipients + e->count, sizeof(env->recipients[0]));
	original = original_of(&env->recipients[e->parent], k);
	for (size_t i = 0; i < e->count; i++) {
		to = &env->recipients[env->nrecipients++];
		*to = env->recipients[e->parent];
		to->notify = notify_of(&env->recipients[e->parent], e->count);
		to->address = keep(k, str_word(&rest));
		to->original = original;
	}
}

int
expansion_apply(
    struct str journal, struct envelope *env, char ***kept_r, size_t *nkept_r)
{
	struct keeping k = {0};
	struct buf store = {0};
	struct expansion e;
	size_t next = env->nrecipients;
	int result = 0;

	while (result == 0 && expansion_next(&journal, &store, &next, &e)) {
		if (e.parent >= e.first || next > ENVELOPE_RCPTS_MAX)
			result = -1;
		else
			add_recipients(env, &e, &k);
	}
	buf_free(&store);
	*kept_r = k.list;
	*nkept_r = k.n;
	return result;
}
