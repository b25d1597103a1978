/* SPDX-License-Identifier: ISC */
/*
 * The name of a queue entry: its state, its place and its parts.  Layer: mail.
 *
 *	incoming/<s>/<id>[.<n>...]
 *	split/<s>/<id>.<n>
 *	processed/<s>/<prio><tag>.<id>[.<n>]
 *	sending/<s>/<prio><tag>.<id>[.<n>]
 *	deferred/<s>/<bucket>/<due>.<prio><tag>.<id>[.<n>]
 *	held/<id>[.<n>]     corrupt/<id>[.<n>]
 *
 * <id> is 18 digits of base 32: 11 of time in microseconds, so that names sort
 * by arrival, and 7 at random.  It holds no inode number: a spool can be
 * copied and moved.  <prio> is one digit, 0 first; <tag> 8 digits of base 32,
 * the hash of the destination; <bucket> is due >> 12, about an hour.
 */
#ifndef MAIL_ENTRY_H
#define MAIL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SHARDS 16 /* fixed: part of the format */

#define ID_LEN       18
#define ID_SIZE      64 /* an id with its suffixes, NUL included */
#define TAG_LEN      8
#define ENTRY_SIZE   112 /* any file name of an entry */
#define BUCKET_SHIFT 12
#define PRIO_NORMAL  '5'

enum state {
	STATE_INCOMING,
	STATE_SPLIT,
	STATE_PROCESSED,
	STATE_SENDING,
	STATE_DEFERRED,
	STATE_HELD,
	STATE_CORRUPT,
};
#define STATES (STATE_CORRUPT + 1)

struct entry {
	enum state state;
	unsigned shard;   /* 0 for held and corrupt, which have none */
	char id[ID_SIZE]; /* with suffixes */
	char prio;        /* processed, sending, deferred */
	char tag[TAG_LEN + 1];
	int64_t due_s; /* deferred */
};

/* Directory name of the state: "incoming". */
const char *state_name(enum state state);
/* -1 when there is none of that name. */
int state_parse(const char *name, enum state *state_r);

/* A new id: later ones of this process sort after earlier ones.  Made by
 * workers only: a process that has made one must not fork others that do. */
void id_make(char out[ID_LEN + 1]);
/* An id made from another's time and a hash, always the same for the same
 * input: for reports, so that a repeat is seen as one. */
void id_derive(const char *id, uint64_t hash, char out[ID_LEN + 1]);
/* When it was made, in microseconds of wall time; of a derived id, when that
 * was which it was derived from. */
int64_t id_time_us(const char *id);
/* 18 digits of base 32, then any number of ".<n>". */
bool id_check(const char *id);
/* The suffixes of an id: "" or ".2.1". */
struct str id_suffix(const char *id);
/* The shard of an id in incoming/ where no worker has one of its own. */
unsigned id_shard(const char *id);

/* The file name within its directory. */
void entry_format(const struct entry *e, char out[ENTRY_SIZE]);
/* 0, or -1 when no entry of that state is named so. */
int entry_parse(
    enum state state, unsigned shard, const char *name, struct entry *e_r);

void tag_make(const char *destination, char out[TAG_LEN + 1]);
/* The shard of a message for a destination whose messages are dealt, by id,
 * over that many shards, from 1 to SHARDS: the tag's own and those after it. */
unsigned tag_shard(const char *tag, const char *id, unsigned shards);
/*
 * How many of `total` connections to the destination are that shard's part:
 * the parts of all shards together are `total`, and 0 is that of a shard which
 * none of its messages is dealt to.
 */
unsigned tag_part(
    const char *tag, unsigned shard, unsigned shards, unsigned total);

#endif
