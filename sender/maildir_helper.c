/* SPDX-License-Identifier: ISC */
#include "maildir_helper.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "maildir_box.h"
#include "maildir_order.h"
#include "maildir_write.h"
#include "proc/channel.h"

#define BATCH_MAX 64

/* From so many files in a batch on, one syncfs(2) costs less than an
 * fdatasync(2) each. */
#define SYNCFS_AT 8

/* An order being carried out. */
struct job {
	struct maildir_order order; /* its strings are in `message` */
	char *message;
	int source;              /* the queue file */
	struct maildir_box *box; /* NULL: it could not be opened */
	char name[96];           /* in tmp/ and new/ */
	int fd;                  /* the file in tmp/, until it is flushed */
	bool present;            /* it was in new/ already */
	int error;               /* errno of the first failed step, 0 */
};

struct batch {
	struct job jobs[BATCH_MAX];
	size_t njobs;
	struct maildir_box boxes[BATCH_MAX]; /* each once */
	size_t nboxes;
};

/* ---- receiving ---- */

/* Wait for an order and add it: 0, or -1 when the worker is gone. */
static int
batch_receive(struct batch *b, int channel)
{
	static char data[CHANNEL_MAX];
	struct job *j = &b->jobs[b->njobs];
	ssize_t n;

	*j = (struct job){.source = -1, .fd = -1};
	n = channel_receive_fd(channel, data, sizeof(data), &j->source);
	if (n == 0)
		return -1;
	j->message = mem_ndup(data, (size_t)n);
	if (maildir_order_parse(
		(struct str){j->message, (size_t)n}, &j->order) == -1 ||
	    j->source == -1)
		fatalx("maildir: the worker speaks nonsense");
	b->njobs++;
	return 0;
}

static bool
is_waiting(int channel)
{
	struct pollfd p = {.fd = channel, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* ---- writing ---- */

static struct maildir_box *
batch_box(struct batch *b, const char *path)
{
	size_t i;

	for (i = 0; i < b->nboxes; i++)
		if (strcmp(b->boxes[i].path, path) == 0)
			return &b->boxes[i];
	if (maildir_box_open(&b->boxes[b->nboxes], path) == -1)
		return NULL;
	return &b->boxes[b->nboxes++];
}

/*
 * Always the same for the same recipient of the same message, and different
 * from every other's: ids are unique over hosts, so no host name is needed.
 */
static void
job_name(struct job *j, const struct envelope *env)
{
	snprintf(j->name, sizeof(j->name), "%lld.%s_%u.stagepost",
	    (long long)env->arrival_s, j->order.id, j->order.recipient);
}

/* Dying in here leaves at most a file in tmp/. */
static int
job_write_file(struct job *j, struct queuefile *qf)
{
	job_name(j, &qf->envelope);
	j->present = maildir_box_has(j->box, j->name);
	if (j->present)
		return 0;
	j->fd = maildir_box_create(j->box, j->name);
	if (j->fd == -1)
		return -1;
	if (maildir_write(j->fd, qf, j->order.sender, j->order.address,
		j->order.recipient) == 0)
		return 0;
	maildir_box_drop(j->box, j->name);
	return -1;
}

static void
job_write(struct batch *b, struct job *j)
{
	struct queuefile qf = {.fd = -1};

	if (queuefile_open(j->source, &qf) == -1) {
		j->error = errno;
		return;
	}
	j->box = batch_box(b, j->order.path);
	if (j->box == NULL || job_write_file(j, &qf) == -1)
		j->error = errno;
	queuefile_free(&qf);
}

/* ---- flushing ---- */

static bool
is_draft(const struct job *j)
{
	return j->error == 0 && !j->present;
}

/* A file whose flush failed is gone; no flush is tried twice. */
static void
job_fail_flush(struct job *j)
{
	j->error = errno;
	maildir_box_drop(j->box, j->name);
}

static void
flush_each(struct batch *b)
{
	struct job *j;

	for (j = b->jobs; j < b->jobs + b->njobs; j++)
		if (is_draft(j) && fdatasync(j->fd) == -1)
			job_fail_flush(j);
}

static void
flush_file_system(struct batch *b, const struct maildir_box *box)
{
	struct job *j;
	int r = syncfs(box->tmp);

	for (j = b->jobs; r == -1 && j < b->jobs + b->njobs; j++)
		if (is_draft(j) && j->box->dev == box->dev)
			job_fail_flush(j);
}

static bool
is_first_of_device(const struct batch *b, size_t box)
{
	size_t i;

	for (i = 0; i < box; i++)
		if (b->boxes[i].dev == b->boxes[box].dev)
			return false;
	return true;
}

static void
flush_data(struct batch *b)
{
	size_t i;

	if (b->njobs < SYNCFS_AT) {
		flush_each(b);
		return;
	}
	for (i = 0; i < b->nboxes; i++)
		if (is_first_of_device(b, i))
			flush_file_system(b, &b->boxes[i]);
}

/* Dying between rename and flush: the next attempt finds the file in new/, and
 * flushes the directory, or does not find it, and writes it again. */
static void
publish(struct batch *b)
{
	struct job *j;

	for (j = b->jobs; j < b->jobs + b->njobs; j++)
		if (is_draft(j) && maildir_box_publish(j->box, j->name) == -1)
			j->error = errno;
}

static void
flush_box(struct batch *b, const struct maildir_box *box)
{
	struct job *j;
	int r = fsync(box->fresh);

	for (j = b->jobs; r == -1 && j < b->jobs + b->njobs; j++)
		if (j->box == box && j->error == 0) {
			j->error = errno;
			maildir_box_unpublish(box, j->name);
		}
}

/* ---- reporting ---- */

static const char *
error_code(int error)
{
	switch (error) {
	case EDQUOT:
		return "4.2.2";
	case ENOSPC:
		return "4.3.1";
	default:
		return "4.3.0";
	}
}

static int
job_report(const struct job *j, int channel)
{
	struct maildir_report r = {.number = j->order.number};
	struct buf text = {0}, out = {0};
	int sent;

	if (j->error == 0) {
		r.status = MAILDIR_DELIVERED;
		buf_addf(&text, "2.0.0 delivered to %s/new/%s%s", j->order.path,
		    j->name, j->present ? " earlier" : "");
	} else if (j->error == EBADMSG) {
		r.status = MAILDIR_DAMAGED;
		buf_add_str(&text, "4.3.0 the queue file is damaged");
	} else {
		r.status = MAILDIR_DEFERRED;
		buf_addf(&text, "%s maildir %s: %s", error_code(j->error),
		    j->order.path, strerror(j->error));
	}
	r.text = buf_text(&text);
	maildir_report_format(&r, &out);
	sent = channel_reply(channel, out.data, out.len);
	buf_free(&text);
	buf_free(&out);
	return sent;
}

static void
batch_clear(struct batch *b)
{
	struct job *j;
	size_t i;

	for (j = b->jobs; j < b->jobs + b->njobs; j++) {
		fd_close(&j->source);
		fd_close(&j->fd);
		free(j->message);
	}
	for (i = 0; i < b->nboxes; i++)
		maildir_box_close(&b->boxes[i]);
	b->njobs = b->nboxes = 0;
}

/* ---- a batch ---- */

static void
batch_deliver(struct batch *b)
{
	size_t i;

	for (i = 0; i < b->njobs; i++)
		job_write(b, &b->jobs[i]);
	flush_data(b);
	publish(b);
	for (i = 0; i < b->nboxes; i++)
		flush_box(b, &b->boxes[i]);
}

void
maildir_helper_main(int channel, void *rootfd)
{
	static struct batch b;
	size_t i;

	if (fchdir(*(int *)rootfd) == -1)
		fatal("maildir: enter the spool");
	channel_close_others(channel);
	for (;;) {
		do
			if (batch_receive(&b, channel) == -1)
				return;
		while (b.njobs < BATCH_MAX && is_waiting(channel));
		batch_deliver(&b);
		for (i = 0; i < b.njobs; i++)
			if (job_report(&b.jobs[i], channel) == -1)
				return;
		batch_clear(&b);
	}
}
