/* SPDX-License-Identifier: ISC */
#include "maildir.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "mail/address.h"
#include "maildir_helper.h"
#include "maildir_order.h"
#include "proc/channel.h"
#include "proc/loop.h"

/* Orders that the helper has at once: so many descriptors pass at once, fewer
 * than a pair takes, far fewer than a process may have. */
#define ORDERS_MAX 128

/* A delivery under way. */
struct delivery {
	TAILQ_ENTRY(delivery) link;
	uint32_t number;
	struct buf order; /* until it is sent */
	int fd;
	maildir_fn *on_done;
	void *arg;
};

TAILQ_HEAD(deliveries, delivery);

/* The helper answers in the order it was asked, so the search is short. */
static struct {
	struct channel *channel;
	struct deliveries ordered, waiting;
	uint32_t last_number;
	unsigned norders;
	unsigned busy;
} maildir = {
    .ordered = TAILQ_HEAD_INITIALIZER(maildir.ordered),
    .waiting = TAILQ_HEAD_INITIALIZER(maildir.waiting),
};

/* ---- the path ---- */

/* The local part as the owner of the mailbox knows it: without quotes. */
static void
unquote(struct str local, struct buf *out)
{
	size_t i;

	if (local.len < 2 || local.s[0] != '"') {
		buf_add(out, local.s, local.len);
		return;
	}
	for (i = 1; i + 1 < local.len; i++) {
		if (local.s[i] == '\\' && i + 2 < local.len)
			i++;
		buf_add_char(out, local.s[i]);
	}
}

/* Whatever stands here becomes one component of a path, or part of one. */
static bool
is_safe(const struct buf *name)
{
	size_t i;

	if (name->len == 0 || name->data[0] == '.')
		return false;
	for (i = 0; i < name->len; i++)
		if (name->data[i] == '/' ||
		    (unsigned char)name->data[i] < ' ' || name->data[i] == 0x7f)
			return false;
	return true;
}

static int
add_name(struct str part, bool quoted, struct buf *out)
{
	struct buf name = {0};
	int r = -1;

	if (quoted)
		unquote(part, &name);
	else
		buf_add(&name, part.s, part.len);
	if (is_safe(&name)) {
		str_lower(name.data, name.len);
		buf_add(out, name.data, name.len);
		r = 0;
	}
	buf_free(&name);
	return r;
}

/* Add what "%c" stands for; any other c stands for itself, as in "%%". */
static int
add_part(char c, const struct address *a, struct buf *out)
{
	switch (c) {
	case 'u':
		return add_name(a->local, true, out);
	case 'd':
		return add_name(a->domain, false, out);
	default:
		buf_add_char(out, c);
		return 0;
	}
}

int
maildir_path(struct str pattern, const char *address, struct buf *out)
{
	struct address a;
	struct buf path = {0};
	size_t i;
	int r = -1;

	if (address_parse(str_of(address), &a) != NULL)
		return -1;
	for (i = 0; i < pattern.len; i++)
		if (pattern.s[i] != '%' || i + 1 == pattern.len)
			buf_add_char(&path, pattern.s[i]);
		else if (add_part(pattern.s[++i], &a, &path) == -1)
			goto out;
	buf_add(out, path.data, path.len);
	r = 0;
out:
	buf_free(&path);
	return r;
}

/* ---- deliveries ---- */

static void
order_waiting(void)
{
	struct delivery *d;

	while (maildir.norders < ORDERS_MAX &&
	       (d = TAILQ_FIRST(&maildir.waiting)) != NULL) {
		TAILQ_REMOVE(&maildir.waiting, d, link);
		TAILQ_INSERT_TAIL(&maildir.ordered, d, link);
		maildir.norders++;
		channel_send_fd(
		    maildir.channel, d->order.data, d->order.len, d->fd);
		buf_free(&d->order);
	}
}

static void
finish(struct delivery *d, enum maildir_status status, const char *text)
{
	maildir.busy--;
	d->on_done(d->arg, status, text);
	free(d);
}

static void
on_message(void *arg, const void *data, size_t len)
{
	struct maildir_report r;
	struct delivery *d;

	(void)arg;
	if (maildir_report_parse((struct str){data, len}, &r) == -1)
		fatalx("the maildir helper speaks nonsense");
	TAILQ_FOREACH(d, &maildir.ordered, link)
	if (d->number == r.number)
		break;
	if (d == NULL)
		fatalx("the maildir helper reports what nobody ordered");
	TAILQ_REMOVE(&maildir.ordered, d, link);
	maildir.norders--;
	finish(d, r.status, r.text);
	order_waiting();
}

static void
refuse(void *arg)
{
	finish(arg, MAILDIR_FAILED,
	    "5.1.3 the address cannot be the name of a mailbox here");
}

void
maildir_start(int rootfd)
{
	maildir.channel = channel_helper(
	    "maildir", maildir_helper_main, &rootfd, on_message, NULL);
}

void
maildir_deliver(
    const struct maildir_delivery *delivery, maildir_fn *on_done, void *arg)
{
	struct delivery *d = mem_alloc(sizeof(*d));
	struct maildir_order o = {
	    .number = ++maildir.last_number,
	    .recipient = delivery->number,
	    .sender = delivery->sender,
	    .address = delivery->address,
	};
	struct buf path = {0};

	d->number = o.number;
	d->fd = delivery->fd;
	d->on_done = on_done;
	d->arg = arg;
	maildir.busy++;
	if (maildir_path(delivery->path, delivery->address, &path) == -1) {
		loop_soon(refuse, d);
		return;
	}
	memcpy(o.id, delivery->id, ID_LEN);
	o.path = buf_text(&path);
	maildir_order_format(&o, &d->order);
	buf_free(&path);
	TAILQ_INSERT_TAIL(&maildir.waiting, d, link);
	order_waiting();
}

unsigned
maildir_busy(void)
{
	return maildir.busy;
}
