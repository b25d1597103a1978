/* SPDX-License-Identifier: ISC */
/*
 * Arrivals in directories, by inotify.  Layer: proc.
 *
 * Watch a directory first and read it then: so no arrival is missed.  After an
 * overflow every directory is reported as to be read again.
 */
#ifndef PROC_WATCH_H
#define PROC_WATCH_H

struct watch;

/* on_name: a name arrived (renamed in, or linked).  on_rescan: read the
 * directory again.  `key` is what the directory was added with. */
struct watch *watch_new(void (*on_name)(void *arg, int key, const char *name),
    void (*on_rescan)(void *arg, int key), void *arg);

/* Watch the directory open at dirfd: 0, or -1 with the reason logged. */
int watch_add(struct watch *w, int dirfd, int key);
/* The same, and names whose files are written to are reported, too. */
int watch_add_writes(struct watch *w, int dirfd, int key);
void watch_remove(struct watch *w, int key);
void watch_free(struct watch **w);

#endif
