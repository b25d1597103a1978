/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"

#define FIRST_CAP 64

void
buf_add(struct buf *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	memcpy(buf_reserve(b, len), data, len);
	buf_grew(b, len);
}

void
buf_add_str(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_add_char(struct buf *b, char c)
{
	*buf_reserve(b, 1) = c;
	buf_grew(b, 1);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(b, fmt, ap);
	va_end(ap);
}

void
buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	size_t room = b->cap - b->len;
	va_list again;
	int need;

	va_copy(again, ap);
	need = vsnprintf(room > 0 ? b->data + b->len : NULL, room, fmt, ap);
	assert(need >= 0); /* only a wrong format fails */
	if ((size_t)need >= room)
		vsnprintf(buf_reserve(b, need), (size_t)need + 1, fmt, again);
	va_end(again);
	buf_grew(b, need);
}

int
buf_add_limited(struct buf *b, const void *data, size_t len, size_t max)
{
	if (b->len > max || len > max - b->len)
		return -1;
	buf_add(b, data, len);
	return 0;
}

char *
buf_reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;

	if (n >= SIZE_MAX / 2 - b->len)
		fatalx("out of memory: buffer of %zu + %zu bytes", b->len, n);
	while (cap < b->len + n + 1)
		cap *= 2;
	if (cap != b->cap) {
		b->data = mem_resize(b->data, cap, 1);
		b->cap = cap;
	}
	return b->data + b->len;
}

void
buf_grew(struct buf *b, size_t n)
{
	assert(b->cap > b->len && n < b->cap - b->len);
	b->len += n;
	b->data[b->len] = '\0';
}

void
buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

const char *
buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

void *
mem_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		fatal("allocate %zu bytes", n);
	return p;
}

void *
mem_resize(void *p, size_t n, size_t size)
{
	void *moved = reallocarray(p, n ? n : 1, size ? size : 1);

	if (!moved)
		fatal("allocate %zu times %zu bytes", n, size);
	return moved;
}

void *
mem_share(size_t n)
{
	void *p = mmap(
	    NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fatal("share %zu bytes", n);
	return p;
}

char *
mem_dup(const char *text)
{
	return mem_ndup(text, strlen(text));
}

char *
mem_ndup(const void *data, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		fatalx("out of memory: copy of %zu bytes", len);
	copy = mem_alloc(len + 1);
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}
