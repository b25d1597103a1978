/* SPDX-License-Identifier: ISC */
#include "proc/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/log.h"
#include "proc/loop.h"

#define EVENTS_SIZE 65536 /* read at once: some thousand arrivals */

struct place {
	int wd;
	int key;
};

struct watch {
	int fd;
	struct loop_watch *ready;
	struct place *places;
	size_t n;
	void (*on_name)(void *arg, int key, const char *name);
	void (*on_rescan)(void *arg, int key);
	void *arg;
};

/* Whose events are being reported; NULL once it has been freed meanwhile. */
static struct watch *reporting;

/* A handler may add, remove and free: so the list is looked at anew after each
 * call, from the end. */
static void
report_name(struct watch *w, int wd, const char *name)
{
	for (size_t i = w->n; i-- > 0;) {
		if (i >= w->n || w->places[i].wd != wd)
			continue;
		w->on_name(w->arg, w->places[i].key, name);
		if (reporting == NULL)
			return;
	}
}

static void
report_overflow(struct watch *w)
{
	for (size_t i = w->n; i-- > 0;) {
		if (i >= w->n)
			continue;
		w->on_rescan(w->arg, w->places[i].key);
		if (reporting == NULL)
			return;
	}
}

/* The directory is gone: the kernel has dropped the watch. */
static void
forget(struct watch *w, int wd)
{
	for (size_t i = w->n; i-- > 0;) {
		if (w->places[i].wd != wd)
			continue;
		log_warnx("a watched directory was removed (key %d)",
		    w->places[i].key);
		w->places[i] = w->places[--w->n];
	}
}

static void
report(struct watch *w, const char *data, size_t len)
{
	const struct inotify_event *ev;

	reporting = w;
	for (size_t at = 0; reporting != NULL && at < len;
	     at += sizeof(*ev) + ev->len) {
		ev = (const struct inotify_event *)(data + at);
		if (ev->mask & IN_Q_OVERFLOW)
			report_overflow(w);
		else if (ev->mask & IN_IGNORED)
			forget(w, ev->wd);
		else if (ev->len > 0)
			report_name(w, ev->wd, ev->name);
	}
	reporting = NULL;
}

/* Once a turn, so that a flood of arrivals cannot shut out all else. */
static void
on_readable(void *arg, bool readable, bool writable)
{
	static _Alignas(struct inotify_event) char events[EVENTS_SIZE];
	struct watch *w = arg;
	ssize_t n;

	(void)readable;
	(void)writable;
	n = read(w->fd, events, sizeof(events));
	if (n > 0)
		report(w, events, n);
	else if (n == -1 && errno != EAGAIN && errno != EINTR)
		fatal("read arrivals");
}

struct watch *
watch_new(void (*on_name)(void *arg, int key, const char *name),
    void (*on_rescan)(void *arg, int key), void *arg)
{
	struct watch *w = mem_alloc(sizeof(*w));

	w->on_name = on_name;
	w->on_rescan = on_rescan;
	w->arg = arg;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd == -1)
		fatal("inotify_init1");
	w->ready = loop_watch_new(w->fd, on_readable, w);
	loop_watch_want(w->ready, true, false);
	return w;
}

/* inotify takes a path only; in a chroot there is no /proc/self/fd to make one
 * of a descriptor, so the directory is entered for a moment. */
static int
add_directory(int fd, int dirfd, uint32_t mask)
{
	int wd = -1, kept, here;

	here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fchdir(dirfd) == 0) {
		wd = inotify_add_watch(
		    fd, ".", mask | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR);
		kept = errno;
		if ((here == -1 || fchdir(here) == -1) && chdir("/") == -1)
			fatal("return from a watched directory");
		errno = kept;
	}
	fd_close(&here);
	return wd;
}

static int
add_place(struct watch *w, int dirfd, int key, uint32_t mask)
{
	int wd = add_directory(w->fd, dirfd, mask);

	if (wd == -1) {
		log_warn("watch a directory (key %d)", key);
		return -1;
	}
	w->places = mem_resize(w->places, w->n + 1, sizeof(*w->places));
	w->places[w->n++] = (struct place){wd, key};
	return 0;
}

int
watch_add(struct watch *w, int dirfd, int key)
{
	return add_place(w, dirfd, key, 0);
}

int
watch_add_writes(struct watch *w, int dirfd, int key)
{
	return add_place(w, dirfd, key, IN_MODIFY);
}

static bool
is_watched(const struct watch *w, int wd)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->places[i].wd == wd)
			return true;
	}
	return false;
}

void
watch_remove(struct watch *w, int key)
{
	int wd;

	for (size_t i = w->n; i-- > 0;) {
		if (w->places[i].key != key)
			continue;
		wd = w->places[i].wd;
		w->places[i] = w->places[--w->n];
		if (!is_watched(w, wd))
			inotify_rm_watch(w->fd, wd);
	}
}

void
watch_free(struct watch **w)
{
	if (*w == NULL)
		return;
	if (reporting == *w)
		reporting = NULL;
	loop_watch_free(&(*w)->ready);
	fd_close(&(*w)->fd);
	free((*w)->places);
	free(*w);
	*w = NULL;
}
