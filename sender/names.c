/* SPDX-License-Identifier: ISC */
#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "names_helper.h"
#include "names_message.h"
#include "proc/channel.h"

#define BUCKETS 1024 /* of questions under way, by id */

struct names_query {
	LIST_ENTRY(names_query) link;
	uint32_t id;
	names_fn *on_answer;
	void *arg;
};

static struct {
	struct channel *channel;
	LIST_HEAD(, names_query) queries[BUCKETS];
	uint32_t last_id;
} names;

static struct names_query *
query_find(uint32_t id)
{
	struct names_query *q;

	LIST_FOREACH(q, &names.queries[id % BUCKETS], link)
	if (q->id == id)
		return q;
	return NULL;
}

static void
answer(struct names_query *q, const struct names_answer *a)
{
	names_fn *on_answer = q->on_answer;
	void *arg = q->arg;

	names_cancel(&q);
	on_answer(arg, a);
}

/* A question asked up to that id: an answer may lead to new ones. */
static struct names_query *
query_up_to(uint32_t id)
{
	struct names_query *q;
	size_t i;

	for (i = 0; i < BUCKETS; i++)
		LIST_FOREACH(q, &names.queries[i], link)
	if ((int32_t)(q->id - id) <= 0)
		return q;
	return NULL;
}

static void
on_death(void)
{
	static const struct names_answer lost = {
	    .status = NAMES_TEMPFAIL,
	    .text = "the resolver died while it was asked",
	};
	uint32_t last = names.last_id;
	struct names_query *q;

	while ((q = query_up_to(last)) != NULL)
		answer(q, &lost);
}

static void
on_message(void *arg, const void *data, size_t len)
{
	static struct names_answer a;
	struct str message = {data, len};
	struct names_query *q;
	uint32_t id;

	(void)arg;
	if (str_eq(message, NAMES_DIED)) {
		on_death();
		return;
	}
	if (names_answer_parse(message, &id, &a) == -1)
		fatalx("the resolver speaks nonsense");
	q = query_find(id);
	if (q != NULL) /* else it was cancelled */
		answer(q, &a);
}

void
names_start(void)
{
	names.channel = channel_helper(
	    "resolver", names_helper_main, NULL, on_message, NULL);
}

struct names_query *
names_ask(const struct endpoint *servers, size_t n, enum names_type type,
    const char *name, names_fn *on_answer, void *arg)
{
	struct names_query *q = mem_alloc(sizeof(*q));
	struct names_question question = {.type = type};
	struct buf out = {0};

	do
		question.id = ++names.last_id;
	while (query_find(question.id) != NULL);
	q->id = question.id;
	q->on_answer = on_answer;
	q->arg = arg;
	LIST_INSERT_HEAD(&names.queries[q->id % BUCKETS], q, link);

	snprintf(question.name, sizeof(question.name), "%s", name);
	names_servers_format(servers, n, question.servers);
	names_question_format(&question, &out);
	channel_send(names.channel, out.data, out.len);
	buf_free(&out);
	return q;
}

void
names_cancel(struct names_query **q)
{
	if (*q == NULL)
		return;
	LIST_REMOVE(*q, link);
	free(*q);
	*q = NULL;
}
