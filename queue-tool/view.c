/* SPDX-License-Identifier: ISC */
#include "queue_tool.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "mail/ruling.h"

const char *
view_open(struct tool *t, const struct entry *e, struct view *v_r)
{
	struct view *v = v_r;

	*v = (struct view){.entry = *e, .fd = -1, .qf = {.fd = -1}};
	if ((v->fd = spool_open_entry(t->spool, e)) == -1)
		return errno == ENOENT    ? "gone"
		       : errno == EBADMSG ? "no regular file"
		                          : strerror(errno);
	if (queuefile_open(v->fd, &v->qf) == -1)
		return errno == EBADMSG   ? "preamble or envelope is damaged"
		       : errno == ENOTSUP ? "written by a newer Stagepost"
		                          : strerror(errno);
	if (queuefile_journal(&v->qf, &v->store, &v->journal) == -1)
		return errno == EBADMSG ? "journal is damaged"
		                        : strerror(errno);
	if (progress_read(v->journal, id_suffix(e->id),
		v->qf.envelope.nrecipients, &v->progress) == -1)
		return "journal does not tell its recipients";
	return NULL;
}

void
view_close(struct view *v)
{
	progress_free(&v->progress);
	buf_free(&v->store);
	queuefile_free(&v->qf);
	fd_close(&v->fd);
}

static size_t
first_pending(const struct view *v)
{
	size_t i = 0;

	while (i < v->progress.nrcpts &&
	       (!v->progress.rcpts[i].mine || v->progress.rcpts[i].final))
		i++;
	return i;
}

const struct recipient *
view_first_pending(const struct view *v)
{
	size_t i = first_pending(v);

	return i < v->progress.nrcpts ? &v->qf.envelope.recipients[i] : NULL;
}

enum route_answer
view_route(struct tool *t, const struct view *v, struct route *route_r)
{
	size_t i = first_pending(v);

	if (i == v->progress.nrcpts || tool_map(t) == NULL)
		return ROUTE_NONE;
	return ruling_route(
	    t->map, &v->qf.envelope, i, &v->progress.rcpts[i], route_r);
}
