/* SPDX-License-Identifier: ISC */
/*
 * A maildir on disk: the only file of the sender that renames and removes.
 */
#ifndef SENDER_MAILDIR_BOX_H
#define SENDER_MAILDIR_BOX_H

#include <stdbool.h>
#include <sys/types.h>

struct maildir_box {
	char *path;
	int tmp;   /* directories; -1: not open */
	int fresh; /* new/ */
	dev_t dev; /* the file system that it is on */
};

/*
 * Open it; make it when only its parent is there, or when it is below the
 * spool (a relative path).  Directories are 0770 and files 0660, less the
 * umask, so that a group (kept by a setgid parent) can read the mail.  0, or
 * -1 and errno; a maildir that was made is durable.
 */
int maildir_box_open(struct maildir_box *box, const char *path);
void maildir_box_close(struct maildir_box *box);

/* A new file in tmp/, in the place of what an earlier attempt left there:
 * descriptor, or -1 and errno.  drop: remove it again. */
int maildir_box_create(const struct maildir_box *box, const char *name);
void maildir_box_drop(const struct maildir_box *box, const char *name);

/* Is it in new/? */
bool maildir_box_has(const struct maildir_box *box, const char *name);

/* From tmp/ to new/: 0, or -1 and errno.  Nothing is replaced: what is there
 * under this name is the same mail (then the draft is dropped).  unpublish:
 * take it back, when the directory could not be flushed. */
int maildir_box_publish(const struct maildir_box *box, const char *name);
void maildir_box_unpublish(const struct maildir_box *box, const char *name);

#endif
