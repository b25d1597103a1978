/* SPDX-License-Identifier: ISC */
#include "mail/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

#define TIME_DIGITS   11
#define RANDOM_DIGITS 7
#define SUFFIX_MAX    999999u

static const char *const state_names[STATES] = {
    [STATE_INCOMING] = "incoming",
    [STATE_SPLIT] = "split",
    [STATE_PROCESSED] = "processed",
    [STATE_SENDING] = "sending",
    [STATE_DEFERRED] = "deferred",
    [STATE_HELD] = "held",
    [STATE_CORRUPT] = "corrupt",
};

const char *
state_name(enum state state)
{
	return state_names[state];
}

int
state_parse(const char *name, enum state *state_r)
{
	for (int s = 0; s < STATES; s++)
		if (strcmp(state_names[s], name) == 0) {
			*state_r = (enum state)s;
			return 0;
		}
	return -1;
}

/* Random digits are drawn for many ids at once: each call of arc4random asks
 * the kernel who we are. */
static uint64_t
random_digits(void)
{
	static uint64_t pool[32];
	static size_t left;

	if (left == 0) {
		left = sizeof(pool) / sizeof(pool[0]);
		arc4random_buf(pool, sizeof(pool));
	}
	return pool[--left];
}

void
id_make(char out[ID_LEN + 1])
{
	static int64_t last_us;
	int64_t now_us = clock_wall_us();

	/* A clock that was set back must not make ids go backwards. */
	last_us = now_us > last_us ? now_us : last_us + 1;
	base32_format((uint64_t)last_us, TIME_DIGITS, out);
	base32_format(random_digits(), RANDOM_DIGITS, out + TIME_DIGITS);
}

void
id_derive(const char *id, uint64_t hash, char out[ID_LEN + 1])
{
	memcpy(out, id, TIME_DIGITS);
	base32_format(hash, RANDOM_DIGITS, out + TIME_DIGITS);
}

static const char base32_digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

static bool
is_base32(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] == '\0' || strchr(base32_digits, s[i]) == NULL)
			return false;
	return true;
}

int64_t
id_time_us(const char *id)
{
	uint64_t us = 0;

	for (size_t i = 0; i < TIME_DIGITS; i++)
		us = us << 5 |
		     (uint64_t)(strchr(base32_digits, id[i]) - base32_digits);
	return (int64_t)us;
}

/* ".2.1": each a number in its shortest form, so that a name is unique. */
static bool
is_suffix(const char *s)
{
	unsigned long n;
	char *end;

	while (*s == '.') {
		s++;
		if (*s < '0' || *s > '9' || (s[0] == '0' && s[1] >= '0'))
			return false;
		n = strtoul(s, &end, 10);
		if (n > SUFFIX_MAX)
			return false;
		s = end;
	}
	return *s == '\0';
}

bool
id_check(const char *id)
{
	return strnlen(id, ID_SIZE) < ID_SIZE && is_base32(id, ID_LEN) &&
	       is_suffix(id + ID_LEN);
}

struct str
id_suffix(const char *id)
{
	return str_of(id + ID_LEN);
}

unsigned
id_shard(const char *id)
{
	return (unsigned)(hash_bytes(id, ID_LEN) % SHARDS);
}

void
entry_format(const struct entry *e, char out[ENTRY_SIZE])
{
	switch (e->state) {
	case STATE_PROCESSED:
	case STATE_SENDING:
		snprintf(out, ENTRY_SIZE, "%c%s.%s", e->prio, e->tag, e->id);
		break;
	case STATE_DEFERRED:
		snprintf(out, ENTRY_SIZE, "%" PRId64 ".%c%s.%s", e->due_s,
		    e->prio, e->tag, e->id);
		break;
	case STATE_INCOMING:
	case STATE_SPLIT:
	case STATE_HELD:
	case STATE_CORRUPT:
		snprintf(out, ENTRY_SIZE, "%s", e->id);
		break;
	}
}

/* "<due>." off the front of name, due in its shortest form. */
static const char *
parse_due(const char *name, int64_t *due_r)
{
	size_t digits = strspn(name, "0123456789");

	if (digits == 0 || digits > 12 || name[digits] != '.' ||
	    (name[0] == '0' && digits > 1))
		return NULL;
	*due_r = strtoll(name, NULL, 10);
	return name + digits + 1;
}

/* "<prio><tag>." off the front of name. */
static const char *
parse_tag(const char *name, struct entry *e)
{
	if (name[0] < '0' || name[0] > '9' || !is_base32(name + 1, TAG_LEN) ||
	    name[1 + TAG_LEN] != '.')
		return NULL;
	e->prio = name[0];
	memcpy(e->tag, name + 1, TAG_LEN);
	return name + 1 + TAG_LEN + 1;
}

int
entry_parse(
    enum state state, unsigned shard, const char *name, struct entry *e_r)
{
	struct entry e = {.state = state, .shard = shard};

	if (state == STATE_DEFERRED)
		name = parse_due(name, &e.due_s);
	if (name != NULL &&
	    (state == STATE_PROCESSED || state == STATE_SENDING ||
		state == STATE_DEFERRED))
		name = parse_tag(name, &e);
	if (name == NULL || !id_check(name))
		return -1;
	memcpy(e.id, name, strlen(name) + 1);
	*e_r = e;
	return 0;
}

void
tag_make(const char *destination, char out[TAG_LEN + 1])
{
	base32_format(
	    hash_bytes(destination, strlen(destination)), TAG_LEN, out);
}

static unsigned
tag_first_shard(const char *tag)
{
	return (unsigned)(hash_bytes(tag, TAG_LEN) % SHARDS);
}

unsigned
tag_shard(const char *tag, const char *id, unsigned shards)
{
	unsigned place = shards > 1 ? id_shard(id) % shards : 0;

	return (tag_first_shard(tag) + place) % SHARDS;
}

unsigned
tag_part(const char *tag, unsigned shard, unsigned shards, unsigned total)
{
	unsigned place = (shard + SHARDS - tag_first_shard(tag)) % SHARDS;

	if (place >= shards)
		return 0;
	return total / shards + (place < total % shards);
}
