/* SPDX-License-Identifier: ISC */
/*
 * The content of DATA without its dots.  The end is CR LF . CR LF and nothing
 * else; a bare CR or LF is content like any other.
 */
#ifndef WIRE_DOTS_H
#define WIRE_DOTS_H

#include <stdbool.h>
#include <stddef.h>

struct dots {
	enum { DOTS_MIDDLE, DOTS_CR, DOTS_START, DOTS_DOT, DOTS_DOT_CR } at;
	void (*add)(void *owner, const char *data, size_t len);
	void *owner;
};

/* Before the first octet: at the start of a line. */
void dots_begin(struct dots *d,
    void (*add)(void *owner, const char *data, size_t len), void *owner);

/* Returns how much of the input was the content's; *end_r says if it ended. */
size_t dots_take(struct dots *d, const char *data, size_t len, bool *end_r);

#endif
