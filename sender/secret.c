/* SPDX-License-Identifier: ISC */
#include "secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define PIECE 8 /* characters, as many as a uint64_t has bytes */

struct secret {
	struct buf pieces; /* uint64_t[], of what is long enough for one */
	struct buf brief;  /* the others, each with its NUL, also those that */
	struct buf bare;   /* have no letter or digit, as they were written */
};

struct secret *
secret_new(void)
{
	return mem_alloc(sizeof(struct secret));
}

static void
wipe(struct buf *b)
{
	if (b->cap > 0)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

void
secret_free(struct secret **s)
{
	if (*s == NULL)
		return;
	wipe(&(*s)->pieces);
	wipe(&(*s)->brief);
	wipe(&(*s)->bare);
	free(*s);
	*s = NULL;
}

static bool
is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* Its letters, small, and digits. */
static void
normalise(struct str text, struct buf *out)
{
	buf_reserve(out, text.len + 1); /* no copy stays behind */
	for (size_t i = 0; i < text.len; i++)
		if (is_alphanumeric(text.s[i]))
			buf_add_char(out, text.s[i]);
	if (out->len > 0)
		str_lower(out->data, out->len);
}

static uint64_t
piece_at(const struct buf *text, size_t at)
{
	uint64_t piece;

	memcpy(&piece, text->data + at, PIECE);
	return piece;
}

/* Grows without leaving a copy behind. */
static void
add_wiped(struct buf *b, const void *data, size_t len)
{
	struct buf old = *b;

	if (b->cap - b->len > len) {
		buf_add(b, data, len);
		return;
	}
	*b = (struct buf){0};
	buf_reserve(b, 2 * (old.len + len));
	buf_add(b, old.data, old.len);
	buf_add(b, data, len);
	wipe(&old);
}

void
secret_add(struct secret *s, struct str said)
{
	struct buf text = {0};
	uint64_t piece;

	normalise(said, &text);
	for (size_t i = 0; i + PIECE <= text.len; i++) {
		piece = piece_at(&text, i);
		add_wiped(&s->pieces, &piece, sizeof(piece));
	}
	if (text.len > 0 && text.len < PIECE)
		add_wiped(&s->brief, text.data, text.len + 1);
	else if (text.len == 0 && said.len > 0) {
		add_wiped(&s->bare, said.s, said.len);
		add_wiped(&s->bare, "", 1);
	}
	wipe(&text);
}

/* Those characters of its base64 that it alone decides, when so many bytes
 * stand before it. */
static void
add_base64(struct secret *s, struct str password, size_t before)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				     "klmnopqrstuvwxyz0123456789+/";
	size_t bits = 8 * (before + password.len), at = 8 * before;
	struct buf text = {0};
	unsigned value;

	buf_reserve(&text, 2 * password.len + 1);
	for (at = (at + 5) / 6 * 6; at + 6 <= bits; at += 6) {
		value = 0;
		for (size_t i = at - 8 * before; i < at - 8 * before + 6; i++)
			value =
			    value << 1 |
			    ((unsigned char)password.s[i / 8] >> (7 - i % 8) &
				1);
		buf_add_char(&text, digits[value]);
	}
	secret_add(s, (struct str){buf_text(&text), text.len});
	wipe(&text);
}

void
secret_add_password(struct secret *s, struct str password)
{
	secret_add(s, password);
	for (size_t before = 0; before < 3; before++)
		add_base64(s, password, before);
}

static bool
shows_piece(const struct secret *s, const struct buf *text)
{
	const uint64_t *pieces = (const uint64_t *)s->pieces.data;
	size_t n = s->pieces.len / sizeof(*pieces);
	uint64_t piece;

	for (size_t i = 0; i + PIECE <= text->len; i++) {
		piece = piece_at(text, i);
		for (size_t k = 0; k < n; k++)
			if (pieces[k] == piece)
				return true;
	}
	return false;
}

/* Strings that are each ended by a NUL. */
static bool
shows_one_of(const struct buf *list, struct str text)
{
	const char *end = list->data + list->len;

	for (const char *one = list->data; one != end; one += strlen(one) + 1)
		if (memmem(text.s, text.len, one, strlen(one)) != NULL)
			return true;
	return false;
}

bool
secret_shows(const struct secret *s, struct str text)
{
	struct buf normal = {0};
	bool shows;

	normalise(text, &normal);
	shows = shows_piece(s, &normal) ||
	        shows_one_of(
		    &s->brief, (struct str){buf_text(&normal), normal.len}) ||
	        shows_one_of(&s->bare, text);
	wipe(&normal);
	return shows;
}
