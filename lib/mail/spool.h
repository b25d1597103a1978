/* SPDX-License-Identifier: ISC */
/*
 * The spool: the only place where mail lives.  Layer: mail.
 *
 * A queue entry is in exactly one directory; the directory is its state and a
 * rename is the only transition.  Whoever's rename succeeds owns the entry;
 * whoever gets ENOENT has lost the race and drops the name silently.  States
 * and crash rules: doc/INTERNALS.md, "States of a message".
 *
 * The files spool*.c and draft.c are the only ones that rename, link or unlink
 * in the spool.
 */
#ifndef MAIL_SPOOL_H
#define MAIL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mail/entry.h"

enum room { ROOM_RECEIVER, ROOM_ENGINE, ROOM_SENDER, ROOM_QUEUE_TOOL };
#define ROOMS (ROOM_QUEUE_TOOL + 1)

/* "receiver"; and the user that it runs as, "stage-recv". */
const char *room_name(enum room room);
const char *room_user(enum room room);

struct spool {
	enum room room;
	/* Shared by all processes forked since spool_open(): spool_failed(). */
	volatile int *failed;
	int root;        /* every -1: this room has no business there */
	int tmp[SHARDS]; /* tmp/<room>.<s>, this room's slots */
	int incoming[SHARDS];
	int split[SHARDS];
	int processed[SHARDS];
	int sending[SHARDS];
	int deferred[SHARDS];
	int held;
	int corrupt;
	int control;
	int map;
	int locks; /* this room's lock file; opened once, never again */
	/* spool_set_limits() */
	uint64_t reserve_bytes;
	uint64_t reserve_inodes;
	size_t syncfs_at;
	/* what spool_space() saw last */
	int64_t space_ms;
	uint64_t space_bytes, space_inodes; /* above the reserve */
	uint64_t spent_bytes, spent_inodes; /* since then */
	int space_errno;
};

/* ---- set-up: spool_layout.c ---- */

/*
 * Make or mend every directory with its owner and mode; as root with the real
 * users, else with one's own.  0, or -1 with the reason logged.
 */
int spool_setup(const char *root_path);

/*
 * Open the spool for a room, with just the directories that the room may
 * touch.  Checks first: layout, format version, all on one file system, and
 * of a type that keeps the order of renames (ext4, xfs; tmpfs and others only
 * with `force`).  NULL with the reason logged.
 */
struct spool *spool_open(const char *root_path, enum room room, bool force);
void spool_close(struct spool **sp);

/* Refuse new mail when less than this is free; flush batches of at least
 * syncfs_at drafts by one syncfs(2) instead of an fdatasync(2) each. */
void spool_set_limits(struct spool *sp, uint64_t reserve_bytes,
    uint64_t reserve_inodes, size_t syncfs_at);

/* Is there room for `size` more bytes?  0; -1 and ENOSPC, or EIO when the
 * spool has failed.  Asks the file system once a second, and when a sixteenth
 * of what was free has been taken: other workers take from it, too. */
int spool_space(struct spool *sp, uint64_t size);
/* So much more was written. */
void spool_spend(struct spool *sp, uint64_t size);

/* The system's time when a name last came into or left the directory of that
 * state and shard. */
int64_t spool_changed_s(
    const struct spool *sp, enum state state, unsigned shard);

/*
 * A flush has failed with EIO: what the kernel had not written may be lost, and
 * no later flush can be believed.  Known to all processes of this daemon;
 * nothing more is accepted or attempted until an operator restarts it.
 */
bool spool_failed(const struct spool *sp);
void spool_fail(struct spool *sp, const char *step);

/*
 * Take a shard of this room: true when this process now holds it.  Freed by
 * spool_shard_drop() or by death.  Only the holder recovers the shard, cleans
 * its tmp/ slot, makes and removes its buckets.
 */
bool spool_shard_take(struct spool *sp, unsigned shard);
void spool_shard_drop(struct spool *sp, unsigned shard);

/* ---- moves: spool_move.c.  All return 0, or -1 and errno. ----
 *
 * ENOENT: somebody else's rename was first, and nothing is logged.  EEXIST:
 * the new name is taken (logged; both stay).  Everything else is logged.  On
 * success *e describes the new name.
 */

/* Open an entry's file, O_RDWR and O_APPEND: descriptor, or -1; EBADMSG when
 * it is a symbolic link, a directory or a socket, and then spool_corrupt() is
 * due.  queuefile_open() says so of everything else that is no regular file. */
int spool_open_entry(struct spool *sp, const struct entry *e);

/* incoming -> processed.  `flush`: a record was appended to fd; it is made
 * durable before the move. */
int spool_process(struct spool *sp, struct entry *e, int flush_fd, char prio,
    const char *tag, unsigned shard);
/* processed -> sending */
int spool_claim(struct spool *sp, struct entry *e);
/* sending -> processed (recovery; the attempt never began).  Where a report that
 * was made anew after a power cut has the name already, into incoming: the
 * engine brings this one, the first, back later. */
int spool_unclaim(struct spool *sp, struct entry *e);
/* sending -> deferred until due; makes the bucket */
int spool_defer(struct spool *sp, struct entry *e, int64_t due_s);
/* deferred -> processed: it is due */
int spool_wake(struct spool *sp, struct entry *e);
/* any but sending and split -> incoming: to be routed anew; sending too for
 * the sender, who owns its claims */
int spool_reroute(struct spool *sp, struct entry *e);
/* any but split -> held; sending only for its claimer */
int spool_hold(struct spool *sp, struct entry *e);
/* The same for what has killed its worker twice; its journal and the log say so
 * (a journal that cannot be written does not hinder it). */
int spool_hold_suspect(struct spool *sp, struct entry *e);
/* any -> corrupt; logs the reason */
int spool_corrupt(struct spool *sp, struct entry *e, const char *why);
/* Delivered, or deleted by an operator: gone. */
int spool_remove(struct spool *sp, struct entry *e);

/* Drop a bucket that has become empty; 0, or -1 (ENOTEMPTY: it has not). */
int spool_bucket_remove(struct spool *sp, unsigned shard, int64_t bucket);

/* Make everything that was moved, removed and appended so far durable: one
 * syncfs(2).  -1: the spool has failed. */
int spool_flush(struct spool *sp);

/*
 * For a process that flushes beside others of this daemon: syncfs(2) tells a
 * lost write once for each open description, so one that is shared would tell
 * only the first of them.  Ends the process when there is no descriptor.
 */
void spool_flush_alone(struct spool *sp);

/* ---- splits: spool_split.c ---- */

struct split_part {
	const char *recipients; /* "0-3,7" */
	char prio;
	const char *tag; /* NULL: back into incoming/, which it goes on from */
	unsigned shard;
};

/*
 * Split an entry of incoming/, whose file is open at fd, into n parts that
 * appear in processed/ (or incoming/) all together or, after a crash, all
 * later.  0; -1 and ENOENT: an operator took it, nothing is left behind;
 * ENAMETOOLONG: it was split so often that its id has no room for one more
 * suffix, nothing has changed; else errno, the entry is in incoming/ as before
 * or in split/ for recovery to finish.
 */
int spool_split(struct spool *sp, struct entry *e, int fd,
    const struct split_part *parts, size_t n, int64_t now_s);

/* Finish or undo what a crash left of splits of this shard.  Idempotent.
 * 0 or -1. */
int spool_recover_splits(struct spool *sp, unsigned shard);
/* Rename what is left in sending/<s> back to processed/, but for what the
 * caller, when asked, has claimed itself.  0, or -1: not all of it. */
int spool_recover_sending(struct spool *sp, unsigned shard,
    bool (*is_claimed)(const struct entry *e));
/* Unlink what is left in this room's tmp/ slot; the engine: what is older than
 * a day, after it has seen all of incoming/. */
int spool_clean_slot(struct spool *sp, unsigned shard);
/* For a room that several programs are at once: share slot 0 with those that
 * run; the first one in cleans it of what dead ones left.  Held until death.
 * 0 or -1. */
int spool_share_slot(struct spool *sp);

/* ---- reading directories: spool_list.c ---- */

/*
 * Call for every well-formed name of a state's shard (deferred: all buckets).
 * A non-zero answer stops it and is returned; -1 and errno when the directory
 * cannot be read.  Names that are none, or stand in a bucket that is not theirs,
 * go to corrupt/ when `mend`.
 */
int spool_list(struct spool *sp, enum state state, unsigned shard, bool mend,
    int (*on_entry)(void *arg, const struct entry *e), void *arg);
/* Tell of those names instead; `where` is the state's. */
typedef void (*spool_on_odd)(
    void *arg, int dirfd, const char *where, const char *name);
int spool_list_odd(struct spool *sp, enum state state, unsigned shard,
    spool_on_odd on_odd, void *arg);
/* Only one bucket of deferred/, mending it; a missing one is empty. */
int spool_list_bucket(struct spool *sp, unsigned shard, int64_t bucket,
    int (*on_entry)(void *arg, const struct entry *e), void *arg);
/* Call for every bucket number, in no order. */
int spool_list_buckets(struct spool *sp, unsigned shard,
    int (*on_bucket)(void *arg, int64_t bucket), void *arg);
/* Find an entry by id wherever it is: 0 or -1 and ENOENT. */
int spool_find(struct spool *sp, const char *id, struct entry *e_r);

#endif
