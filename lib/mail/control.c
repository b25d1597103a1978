/* SPDX-License-Identifier: ISC */
#include "mail/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"

#define NAME_SIZE (SUBJECT_SIZE + 16)
#define ORDER_MAX 4096 /* bytes of a file */

static const char *const order_names[ORDERS] = {
    [ORDER_HOLD] = "hold",
    [ORDER_DELETE] = "delete",
    [ORDER_REQUEUE] = "requeue",
    [ORDER_FLUSH] = "flush",
    [ORDER_PAUSE] = "pause",
    [ORDER_RESUME] = "resume",
};

const char *
order_name(enum order order)
{
	return order_names[order];
}

static void
name_of(enum order order, const char *subject, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%s.%s", order_names[order], subject);
}

/* Written in this room's tmp/ slot and renamed, so that it is never seen half:
 * dying before the rename leaves no order. */
int
control_leave(struct spool *sp, enum order order, const char *subject,
    const char *who, const char *why)
{
	char name[NAME_SIZE];
	struct buf text = {0};
	int fd, rc = -1;

	name_of(order, subject, name);
	buf_addf(&text, "%s %s\n", who, why);
	fd = openat(sp->tmp[0], name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0660);
	if (fd != -1 && fd_write_all(fd, text.data, text.len) == 0 &&
	    fsync(fd) == 0 &&
	    renameat(sp->tmp[0], name, sp->control, name) == 0)
		rc = fsync(sp->control);
	if (rc == -1)
		log_warn("control/%s: leave the order", name);
	fd_close(&fd);
	buf_free(&text);
	return rc;
}

int
control_parse(const char *name, enum order *order_r, char subject[SUBJECT_SIZE])
{
	struct str rest = str_of(name);
	struct str order = str_cut(&rest, '.');

	for (int o = 0; o < ORDERS; o++) {
		if (!str_eq(order, order_names[o]))
			continue;
		if (str_copy(subject, SUBJECT_SIZE, rest) == -1 ||
		    (o < ORDER_FLUSH &&
			(rest.len >= ID_SIZE || !id_check(subject))))
			return -1;
		*order_r = (enum order)o;
		return 0;
	}
	return -1;
}

int
control_read(
    struct spool *sp, enum order order, const char *subject, struct buf *out)
{
	char name[NAME_SIZE];
	int fd, rc;

	name_of(order, subject, name);
	fd = openat(
	    sp->control, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return -1;
	rc = fd_slurp(fd, out, ORDER_MAX);
	fd_close(&fd);
	while (rc == 0 && out->len > 0 && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	return rc;
}

int
control_done(struct spool *sp, enum order order, const char *subject)
{
	char name[NAME_SIZE];

	name_of(order, subject, name);
	return unlinkat(sp->control, name, 0);
}

int
control_list(struct spool *sp,
    void (*on_order)(void *arg, enum order order, const char *subject),
    void *arg)
{
	char subject[SUBJECT_SIZE];
	struct dirent *de;
	enum order order;
	DIR *dir;
	int fd;

	fd = openat(sp->control, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (dir = fdopendir(fd)) == NULL) {
		fd_close(&fd);
		return -1;
	}
	while ((de = readdir(dir)) != NULL)
		if (control_parse(de->d_name, &order, subject) == 0)
			on_order(arg, order, subject);
	closedir(dir);
	return 0;
}
