/* SPDX-License-Identifier: ISC */
/*
 * A growing run of bytes, the only string builder we have.  Layer: base.
 *
 * Appends cannot fail: no memory ends the process (the spool is the truth,
 * the parent restarts us).  The data is always followed by a NUL that is not
 * counted, so b.data can be printed when it holds text.  A zeroed struct is
 * an empty buffer.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while cap is 0 */
	size_t len;
	size_t cap;
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_str(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/*
 * Append bytes from a stranger.  Returns -1 and appends nothing when the
 * buffer would then hold more than max bytes.
 */
int buf_add_limited(struct buf *b, const void *data, size_t len, size_t max);

/* Make room for n more bytes and return where they go; add them with
 * buf_grew(). */
char *buf_reserve(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);

/* Forget the first n bytes; the rest moves to the front. */
void buf_drop(struct buf *b, size_t n);

/* Empty it, keeping the memory, or giving it back. */
void buf_clear(struct buf *b);
void buf_free(struct buf *b);

/* The text itself; an empty string for an empty buffer. */
const char *buf_text(const struct buf *b);

/* malloc and friends that end the process instead of failing. */
void *mem_alloc(size_t n); /* zeroed */
void *mem_resize(void *p, size_t n, size_t size);
void *mem_share(size_t n); /* zeroed; one with processes forked later */
char *mem_dup(const char *text);
char *mem_ndup(const void *data, size_t len); /* NUL added */

#endif
