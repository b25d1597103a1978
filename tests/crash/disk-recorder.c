/* SPDX-License-Identifier: ISC */
/*
 * disk-recorder: a disk that remembers every write and flush, in their order.
 *
 *	disk-recorder SIZE_MIB LOGFILE DIRECTORY
 *
 * Mounts itself on DIRECTORY with two files: "disk", to be the backing of a
 * loop device, and "mark", whose writes become marks in the log.  The disk
 * itself is memory.  Says "ready" on stdout; ends, with the log complete, on
 * SIGTERM or when it is unmounted.
 *
 * LOGFILE is a sequence of struct log_record, each followed by its data.
 *
 * What a flush promises: all writes that were ANSWERED when it was asked for.
 * So requests are taken in turns, as many as are there, and within a turn the
 * flushes are logged before the writes: a write that was under way together
 * with a flush is not covered by it, as on the worst of real disks.  The kernel
 * passes each write on before it reports it as done: nothing is cached above
 * us, for we answer neither for write-back caching nor for mapped writes.
 */
#define FUSE_USE_VERSION 312

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_WRITE, RECORD_ZERO, RECORD_FLUSH, RECORD_MARK };

/* As tests/crash/recording.py reads it. */
struct log_record {
	uint32_t kind;
	uint32_t data_len; /* bytes that follow; ZERO has none */
	uint64_t offset;   /* on the disk */
	uint64_t len;      /* of the range on the disk */
	uint64_t time_ns;  /* CLOCK_REALTIME, when it was taken */
};

enum { ROOT = FUSE_ROOT_ID, DISK, MARK };

static const struct {
	const char *name;
	fuse_ino_t ino;
} files[] = {
    {"disk", DISK},
    {"mark", MARK}
};

/* A write that is logged and answered at the end of this turn. */
struct pending {
	fuse_req_t req;
	struct log_record rec;
	char *data;
	struct pending *next;
};

static struct {
	char *bytes;
	size_t size;
	FILE *log;
	struct pending *first, **last;
} disk;

/* ---- the log ---- */

static void
log_add(struct log_record rec, const void *data)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	rec.time_ns =
	    (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (fwrite(&rec, sizeof(rec), 1, disk.log) != 1 ||
	    fwrite(data, 1, rec.data_len, disk.log) != rec.data_len)
		err(1, "write the log");
}

static void
pend(fuse_req_t req, struct log_record rec, const void *data)
{
	struct pending *p = malloc(sizeof(*p));

	if (p == NULL || (p->data = malloc(rec.data_len + 1)) == NULL)
		err(1, "malloc");
	if (rec.data_len > 0)
		memcpy(p->data, data, rec.data_len);
	p->req = req;
	p->rec = rec;
	p->next = NULL;
	*disk.last = p;
	disk.last = &p->next;
}

/* The end of a turn. */
static void
settle(void)
{
	struct pending *p;

	while ((p = disk.first) != NULL) {
		disk.first = p->next;
		log_add(p->rec, p->data);
		if (p->rec.kind == RECORD_WRITE) {
			memcpy(disk.bytes + p->rec.offset, p->data, p->rec.len);
			fuse_reply_write(p->req, p->rec.len);
		} else {
			memset(disk.bytes + p->rec.offset, 0, p->rec.len);
			fuse_reply_err(p->req, 0);
		}
		free(p->data);
		free(p);
	}
	disk.last = &disk.first;
}

/* ---- the file system around it ---- */

static void
attributes(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_nlink = 1;
	st->st_mode = ino == ROOT ? S_IFDIR | 0700 : S_IFREG | 0600;
	st->st_size = ino == DISK ? (off_t)disk.size : 0;
}

static void
on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {
	    .attr_timeout = 3600, .entry_timeout = 3600};

	(void)parent;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(name, files[i].name) == 0)
			e.ino = files[i].ino;
	if (e.ino == 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	attributes(e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void
on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	attributes(ino, &st);
	fuse_reply_attr(req, &st, 3600);
}

/* The sizes stay as they are: "echo >mark" truncates first. */
static void
on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
    struct fuse_file_info *fi)
{
	(void)attr;
	(void)to_set;
	on_getattr(req, ino, fi);
}

static void
on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void
on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
    struct fuse_file_info *fi)
{
	(void)fi;
	if (ino != DISK || (size_t)at >= disk.size)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, disk.bytes + at,
		    size < disk.size - (size_t)at ? size
						  : disk.size - (size_t)at);
}

static void
on_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t len, off_t at,
    struct fuse_file_info *fi)
{
	struct log_record rec = {.kind = RECORD_WRITE,
	    .data_len = (uint32_t)len,
	    .offset = (uint64_t)at,
	    .len = len};

	(void)fi;
	if (ino == MARK) {
		rec.kind = RECORD_MARK;
		log_add(rec, data);
		fuse_reply_write(req, len);
	} else if ((size_t)at + len > disk.size) {
		fuse_reply_err(req, ENOSPC);
	} else {
		pend(req, rec, data);
	}
}

/* A discarded range reads as zeros here. */
static void
on_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t at, off_t len,
    struct fuse_file_info *fi)
{
	struct log_record rec = {
	    .kind = RECORD_ZERO, .offset = (uint64_t)at, .len = (uint64_t)len};

	(void)fi;
	if (ino != DISK || (size_t)(at + len) > disk.size ||
	    (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) == 0)
		fuse_reply_err(req, EOPNOTSUPP);
	else
		pend(req, rec, NULL);
}

static void
on_fsync(
    fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)datasync;
	(void)fi;
	if (ino == DISK)
		log_add((struct log_record){.kind = RECORD_FLUSH}, NULL);
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops operations = {
    .lookup = on_lookup,
    .getattr = on_getattr,
    .setattr = on_setattr,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .fallocate = on_fallocate,
    .fsync = on_fsync,
};

/* ---- turns ---- */

/* Take every request that is there.  0, or -1: it is over. */
static int
take_turn(struct fuse_session *session)
{
	static struct fuse_buf request; /* its memory is kept */
	int n;

	while ((n = fuse_session_receive_buf(session, &request)) > 0)
		fuse_session_process_buf(session, &request);
	settle();
	return n == -EAGAIN || n == -EINTR ? 0 : -1;
}

static void
serve(struct fuse_session *session)
{
	struct pollfd pfd = {.fd = fuse_session_fd(session), .events = POLLIN};

	if (fcntl(pfd.fd, F_SETFL, O_NONBLOCK | O_RDWR) == -1)
		err(1, "/dev/fuse");
	while (!fuse_session_exited(session)) {
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			err(1, "poll");
		if (take_turn(session) == -1)
			break;
	}
}

int
main(int argc, char *argv[])
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *session;

	if (argc != 4)
		errx(2, "usage: disk-recorder SIZE_MIB LOGFILE DIRECTORY");
	disk.last = &disk.first;
	disk.size = strtoul(argv[1], NULL, 10) << 20;
	disk.bytes = mmap(NULL, disk.size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	disk.log = fopen(argv[2], "w");
	if (disk.bytes == MAP_FAILED || disk.log == NULL)
		err(1, "%s", argv[2]);
	if (fuse_opt_add_arg(&args, "disk-recorder") == -1 ||
	    (session = fuse_session_new(
		 &args, &operations, sizeof(operations), NULL)) == NULL ||
	    fuse_set_signal_handlers(session) == -1 ||
	    fuse_session_mount(session, argv[3]) == -1)
		errx(1, "%s: cannot mount", argv[3]);
	puts("ready");
	fflush(stdout);
	serve(session);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	if (fclose(disk.log) == EOF)
		err(1, "%s", argv[2]);
	return 0;
}
