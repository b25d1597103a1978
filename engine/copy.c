/* SPDX-License-Identifier: ISC */
/*
 * Copies that rules order.  A copy is a message of its own with a null sender,
 * so that no failure of it is ever reported to who sent the original, whose
 * envelope it carries in its header.
 *
 *	1 write tmp/engine.<s>/<copy>, durable    copies_make, copies_flush
 *	2 the original's ruled record names it,
 *	  durable: the commit point               rule.c
 *	3 rename it into incoming/<s>/            copies_publish
 *	4 the original moves on                   handoff.c
 *
 * The id of a copy is made from the original's and the rule's name.  Dying
 * before 2 leaves a file that is written anew; dying after 2 leaves it in tmp/,
 * where step 3 finds it, or gone from there, and then it was published: never
 * none, never two.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crc.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "mail/draft.h"
#include "mail/ruling.h"
#include "mail/spool.h"

#define CHUNK 65536

/* ---- writing ---- */

static void
add_envelope(
    const struct envelope *env, const struct rcptset *to, struct buf *out)
{
	const char *before = "X-Envelope-To: ";

	buf_addf(out, "X-Envelope-From: <%s>\r\n", env->sender);
	for (size_t i = 0; i < env->nrecipients; i++) {
		if (!rcptset_has(to, i))
			continue;
		buf_addf(out, "%s<%s>", before, env->recipients[i].address);
		before = ",\r\n\t";
	}
	buf_add_str(out, "\r\n");
}

/* The rules are not asked about a copy; the one that ordered it may say where
 * it goes. */
static void
add_ruled(const struct worker *w, const struct rule *r, const struct action *a,
    struct draft *d)
{
	struct record rec = {
	    .kind = RECORD_RULED,
	    .time_s = clock_wall_s(),
	    .generation = map_generation(w->map),
	};
	struct ruling via = {
	    .kind = RULED_ROUTE,
	    .recipients = str_of("0"),
	    .where = str_of(r->where),
	    .value = a->via,
	};
	struct buf orders = {0}, line = {0};

	if (a->via.len > 0)
		ruling_format(&via, &orders);
	rec.orders = (struct str){buf_text(&orders), orders.len};
	record_format(&rec, &line);
	draft_add_record(d, &line);
	buf_free(&orders);
	buf_free(&line);
}

/* 0, or -1 and errno: EBADMSG when the original is damaged. */
static int
add_content(struct spool *sp, struct queuefile *qf, struct draft *d)
{
	static char chunk[CHUNK];
	const char *data;
	uint64_t offset = 0;
	uint32_t crc = 0;
	ssize_t n;

	while ((n = queuefile_content(
		    qf, offset, chunk, sizeof(chunk), &data)) > 0) {
		crc = crc32c(crc, data, (size_t)n);
		offset += (uint64_t)n;
		if (draft_add(d, sp, data, (size_t)n) == -1)
			return -1;
	}
	if (n == 0 && crc != qf->preamble.content_crc) {
		errno = EBADMSG;
		return -1;
	}
	return (int)n;
}

static int
write_copy(struct worker *w, struct queuefile *qf, const struct rule *r,
    const struct action *a, const struct rcptset *to, struct commit *c,
    int *fd_r)
{
	char *address = mem_ndup(a->value.s, a->value.len);
	struct recipient vault = {.address = address, .notify = NOTIFY_NEVER};
	struct envelope env = {
	    .sender = "",
	    .recipients = &vault,
	    .nrecipients = 1,
	    .protocol = "local",
	    .arrival_s = clock_wall_s(),
	};
	struct buf header = {0};
	struct draft d;
	int rc = -1;

	spool_drop_draft(w->spool, c->slot, c->id);
	draft_begin(&d, c->slot, c->id, &env);
	add_envelope(&qf->envelope, to, &header);
	d.preamble.flags = qf->preamble.flags;
	if (!str_is_ascii((struct str){header.data, header.len}))
		d.preamble.flags |= CONTENT_8BIT;
	if (draft_add(&d, w->spool, header.data, header.len) == 0 &&
	    add_content(w->spool, qf, &d) == 0) {
		add_ruled(w, r, a, &d);
		rc = draft_complete(&d, w->spool);
	}
	if (rc == -1)
		draft_abandon(&d, w->spool);
	*fd_r = d.fd;
	buf_free(&header);
	free(address);
	return rc;
}

int
copies_make(struct worker *w, const struct entry *e, struct queuefile *qf,
    const struct rule *r, const struct action *a, const struct rcptset *to,
    struct copies *copies)
{
	struct commit *c;
	struct buf name = {0};

	copies->list =
	    mem_resize(copies->list, copies->n + 1, sizeof(copies->list[0]));
	copies->fds =
	    mem_resize(copies->fds, copies->n + 1, sizeof(copies->fds[0]));
	c = &copies->list[copies->n];
	*c = (struct commit){.slot = e->shard, .derived = true};
	buf_addf(&name, "copy %s %.*s %zu", e->id, (int)r->name.len, r->name.s,
	    (size_t)(a - r->actions));
	id_derive(e->id, hash_bytes(name.data, name.len), c->id);
	buf_free(&name);
	if (write_copy(w, qf, r, a, to, c, &copies->fds[copies->n]) == -1)
		return -1;
	copies->n++;
	return 0;
}

int
copies_flush(struct worker *w, struct copies *copies)
{
	if (copies->n == 0)
		return 0;
	if (spool_commit_data(w->spool, copies->list, copies->n, false) == -1)
		return -1;
	for (size_t i = 0; i < copies->n; i++)
		if (copies->list[i].status != 0) {
			errno = copies->list[i].status;
			return -1;
		}
	return 0;
}

void
copies_free(struct copies *copies)
{
	for (size_t i = 0; i < copies->n; i++)
		fd_close(&copies->fds[i]);
	free(copies->fds);
	free(copies->list);
	*copies = (struct copies){0};
}

/* ---- publishing ---- */

static int
publish(struct worker *w, const struct entry *e, struct str value)
{
	char id[ID_LEN + 1];

	if (str_copy(id, sizeof(id), value) == -1 || !id_check(id))
		return 0;
	switch (spool_publish_draft(w->spool, id, e->shard)) {
	case 1:
		log_info("%s: copied as=%s", e->id, id);
		return 0;
	case 0: /* it was, before we died */
		return 0;
	}
	return -1;
}

int
copies_publish(struct worker *w, const struct entry *e, struct str journal)
{
	struct buf store = {0};
	struct record rec;
	struct ruling r;
	int rc = 0;

	while (rc == 0 && record_next(&journal, &store, &rec)) {
		if (rec.kind != RECORD_RULED)
			continue;
		while (rc == 0 && ruling_next(&rec.orders, &r))
			if (r.kind == RULED_COPY)
				rc = publish(w, e, r.value);
	}
	buf_free(&store);
	return rc;
}
