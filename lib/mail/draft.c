/* SPDX-License-Identifier: ISC */
#include "mail/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fd.h"
#include "base/log.h"

#define IN_MEMORY_MAX (256u << 10) /* larger ones go to the file as they come */
#define WRITEBACK     (1u << 20)

void
draft_begin(
    struct draft *d, unsigned slot, const char *id, const struct envelope *env)
{
	static const char room_for_preamble[PREAMBLE_SIZE];

	*d = (struct draft){.slot = slot, .fd = -1};
	if (id != NULL)
		memcpy(d->id, id, sizeof(d->id));
	else
		id_make(d->id);
	buf_add(&d->bytes, room_for_preamble, PREAMBLE_SIZE);
	if (envelope_format(env, &d->bytes) == -1)
		d->error = errno;
	d->preamble.envelope_len = (uint32_t)(d->bytes.len - PREAMBLE_SIZE);
	d->preamble.envelope_crc =
	    crc32c(0, d->bytes.data + PREAMBLE_SIZE, d->preamble.envelope_len);
}

static int
fail(struct draft *d, const char *step)
{
	d->error = errno;
	log_warn("%s: %s in tmp/", d->id, step);
	errno = d->error;
	return -1;
}

static int
create_file(struct draft *d, struct spool *sp)
{
	if (d->fd != -1)
		return 0;
	d->fd = openat(sp->tmp[d->slot], d->id,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0660);
	return d->fd == -1 ? fail(d, "create") : 0;
}

/* Write what has gathered, and have the disk begin with whole MiBs of it, so
 * that the flush at the end of a large message finds little to do. */
static int
write_out(struct draft *d, struct spool *sp)
{
	if (create_file(d, sp) == -1)
		return -1;
	if (fd_write_all(d->fd, d->bytes.data, d->bytes.len) == -1)
		return fail(d, "write");
	d->written += d->bytes.len;
	buf_clear(&d->bytes);
	if (d->written - d->started >= WRITEBACK) {
		sync_file_range(d->fd, (off_t)d->started,
		    (off_t)(d->written - d->started), SYNC_FILE_RANGE_WRITE);
		d->started = d->written;
	}
	return 0;
}

int
draft_add(struct draft *d, struct spool *sp, const void *data, size_t len)
{
	if (d->error != 0) {
		errno = d->error;
		return -1;
	}
	buf_add(&d->bytes, data, len);
	d->preamble.content_len += len;
	d->preamble.content_crc = crc32c(d->preamble.content_crc, data, len);
	if (d->bytes.len < IN_MEMORY_MAX)
		return 0;
	return write_out(d, sp);
}

void
draft_add_record(struct draft *d, const struct buf *record)
{
	if (d->error == 0)
		buf_add(&d->bytes, record->data, record->len);
}

/* The preamble goes in front of what is still in memory, else over the room
 * that was left for it in the file. */
int
draft_complete(struct draft *d, struct spool *sp)
{
	char preamble[PREAMBLE_SIZE];
	bool in_memory = d->written == 0;

	if (d->error != 0) {
		errno = d->error;
		return -1;
	}
	preamble_format(&d->preamble, preamble);
	if (in_memory)
		memcpy(d->bytes.data, preamble, PREAMBLE_SIZE);
	if (write_out(d, sp) == -1)
		return -1;
	spool_spend(sp, d->written);
	if (!in_memory &&
	    fd_pwrite_all(d->fd, preamble, PREAMBLE_SIZE, 0) == -1)
		return fail(d, "write preamble");
	buf_free(&d->bytes);
	return 0;
}

int
draft_finish(struct draft *d, struct spool *sp)
{
	if (draft_complete(d, sp) == -1)
		return -1;
	return fd_close(&d->fd) == -1 ? fail(d, "close") : 0;
}

void
draft_abandon(struct draft *d, struct spool *sp)
{
	if (d->written > 0 || d->fd != -1)
		unlinkat(sp->tmp[d->slot], d->id, 0);
	fd_close(&d->fd);
	buf_free(&d->bytes);
	d->written = 0;
}
