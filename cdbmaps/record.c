/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define BLOCK_SIZE (1 << 20)

/*
 * A million of them is a common case: 28 bytes each and their text, which is
 * cut from large blocks and never given back; an open hash table of their
 * numbers finds duplicates.
 */
static struct {
	struct record *list;
	size_t n, cap;
	uint32_t *slots; /* number + 1; 0: free */
	size_t nslots;   /* a power of 2, more than half free */
	char *block;
	size_t left;
} all;

static char *
text_new(size_t len)
{
	char *text;

	if (len > all.left) {
		all.left = len > BLOCK_SIZE ? len : BLOCK_SIZE;
		all.block = mem_alloc(all.left);
	}
	text = all.block;
	all.block += len;
	all.left -= len;
	return text;
}

struct str
record_key(const struct record *r)
{
	return (struct str){r->bytes, r->key_len};
}

struct str
record_value(const struct record *r)
{
	return (struct str){r->bytes + r->key_len, r->value_len};
}

/* The slot of a key, or the free one where it belongs. */
static uint32_t *
slot_of(struct str key)
{
	size_t mask = all.nslots - 1;
	size_t i = hash_bytes(key.s, key.len) & mask;
	const struct record *r;

	for (; all.slots[i] != 0; i = (i + 1) & mask) {
		r = &all.list[all.slots[i] - 1];
		if (r->key_len == key.len &&
		    memcmp(r->bytes, key.s, key.len) == 0)
			break;
	}
	return &all.slots[i];
}

static void
grow(void)
{
	if (all.n == all.cap) {
		all.cap = all.cap ? 2 * all.cap : 1024;
		all.list = mem_resize(all.list, all.cap, sizeof(all.list[0]));
	}
	if (all.n < all.nslots / 2)
		return;
	free(all.slots);
	all.nslots = all.nslots ? 2 * all.nslots : 4096;
	all.slots = mem_alloc(all.nslots * sizeof(all.slots[0]));
	for (size_t i = 0; i < all.n; i++)
		*slot_of(record_key(&all.list[i])) = i + 1;
}

/* Letter and key in one piece. */
static struct str
full_key(char table, struct str key, struct buf *out)
{
	buf_clear(out);
	buf_add_char(out, table);
	buf_add(out, key.s, key.len);
	return (struct str){out->data, out->len};
}

static struct buf key_space;

struct record *
record_find(char table, struct str key)
{
	uint32_t number;

	if (all.nslots == 0)
		return NULL;
	number = *slot_of(full_key(table, key, &key_space));
	return number > 0 ? &all.list[number - 1] : NULL;
}

static void
set_bytes(struct record *r, struct str key, struct str value)
{
	char *bytes = text_new(key.len + value.len);

	memcpy(bytes, key.s, key.len);
	if (value.len > 0)
		memcpy(bytes + key.len, value.s, value.len);
	r->bytes = bytes;
	r->key_len = key.len;
	r->value_len = value.len;
}

struct record *
record_add(char table, struct str key, struct str value, const struct row *row)
{
	struct str full = full_key(table, key, &key_space);
	struct record *r;
	uint32_t *slot;

	grow();
	slot = slot_of(full);
	if (*slot != 0)
		return NULL;
	r = &all.list[all.n++];
	*slot = all.n;
	memset(r, 0, sizeof(*r));
	set_bytes(r, full, value);
	r->source = row ? row->source->number : RECORD_BUILT_IN;
	r->line = row ? row->words[0].line : 0;
	r->at = row ? row_place(row, 0).at : 0;
	return r;
}

void
record_set_value(struct record *r, struct str value)
{
	set_bytes(r, record_key(r), value);
}

const struct record *
record_get(size_t i)
{
	return i < all.n ? &all.list[i] : NULL;
}

const char *
record_place(const struct record *r)
{
	if (r->source == RECORD_BUILT_IN)
		return BUILT_IN;
	return place_name((struct place){source_get(r->source), r->at});
}

void
record_where(const struct record *r, struct buf *out)
{
	if (r->source == RECORD_BUILT_IN)
		buf_add_str(out, BUILT_IN);
	else
		buf_addf(out, "%s:%u", source_get(r->source)->name, r->line);
}

bool
record_by_hand(const struct record *r)
{
	return r->source != RECORD_BUILT_IN && source_get(r->source)->by_hand;
}
