/* SPDX-License-Identifier: ISC */
#include "dots.h"

#include <string.h>

void
dots_begin(struct dots *d,
    void (*add)(void *owner, const char *data, size_t len), void *owner)
{
	*d = (struct dots){DOTS_START, add, owner};
}

/* One octet that is neither a dot to drop nor the end. */
static void
step(struct dots *d, char c)
{
	if (d->at == DOTS_DOT_CR) /* its CR was held back */
		d->add(d->owner, "\r", 1);
	if (d->at == DOTS_CR && c == '\n')
		d->at = DOTS_START;
	else
		d->at = c == '\r' ? DOTS_CR : DOTS_MIDDLE;
}

size_t
dots_take(struct dots *d, const char *data, size_t len, bool *end_r)
{
	const char *p = data, *end = data + len, *from = data;

	*end_r = false;
	for (; p < end; p++) {
		if (d->at == DOTS_MIDDLE) {
			p = memchr(p, '\r', (size_t)(end - p));
			if (p == NULL)
				break;
			d->at = DOTS_CR;
		} else if (d->at == DOTS_START && *p == '.') {
			d->add(d->owner, from, (size_t)(p - from));
			from = p + 1;
			d->at = DOTS_DOT;
		} else if (d->at == DOTS_DOT && *p == '\r') {
			from = p + 1;
			d->at = DOTS_DOT_CR;
		} else if (d->at == DOTS_DOT_CR && *p == '\n') {
			*end_r = true;
			return (size_t)(p + 1 - data);
		} else {
			step(d, *p);
		}
	}
	d->add(d->owner, from, (size_t)(end - from));
	return len;
}
