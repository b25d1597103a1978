/* SPDX-License-Identifier: ISC */
#include "receiver.h"

#include <stdlib.h>

struct transaction *
transaction_new(struct str sender)
{
	struct transaction *t = mem_alloc(sizeof(*t));

	t->env.sender = mem_ndup(sender.s, sender.len);
	t->draft.fd = -1;
	return t;
}

void
transaction_add(struct transaction *t, const char *address, struct str original,
    unsigned notify)
{
	struct envelope *env = &t->env;

	if (env->nrecipients == t->capacity) {
		t->capacity = t->capacity ? t->capacity * 2 : 2;
		env->recipients = mem_resize(
		    env->recipients, t->capacity, sizeof(*env->recipients));
	}
	env->recipients[env->nrecipients++] = (struct recipient){
	    .address = mem_dup(address),
	    .original =
		original.len > 0 ? mem_ndup(original.s, original.len) : NULL,
	    .notify = notify,
	};
}

void
transaction_free(struct transaction **tp)
{
	struct transaction *t = *tp;

	if (!t)
		return;
	if (t->drafting)
		draft_abandon(&t->draft, receiver.worker->spool);
	for (size_t i = 0; i < t->env.nrecipients; i++) {
		free((char *)t->env.recipients[i].address);
		free((char *)t->env.recipients[i].original);
	}
	free(t->env.recipients);
	free((char *)t->env.sender);
	free((char *)t->env.envid);
	free(t);
	*tp = NULL;
}
