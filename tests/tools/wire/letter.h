/* SPDX-License-Identifier: ISC */
/* The numbered test message: its id, its recipients, its text. */
#ifndef WIRE_LETTER_H
#define WIRE_LETTER_H

#include <stdbool.h>
#include <stddef.h>

struct letter {
	unsigned number;
	unsigned tries;
	char id[80]; /* "PREFIX-NUMBER-TRY" */
};

/* Give the letter the id of its next try, the first after letter_begin(). */
void letter_begin(struct letter *l, unsigned number);
void letter_retry(struct letter *l, const char *prefix);

/* "u%@d%16.example": % is the number, %16 the number modulo 16. */
void letter_recipient(
    const struct letter *l, const char *pattern, char *address_r, size_t size);

/* The header and the empty line; returns its length, as snprintf(3). */
int letter_header(
    const struct letter *l, const char *sender, char *text_r, size_t size);

/* The id in a message's first octets; false when there is none. */
bool letter_id(const char *head, char *id_r, size_t size);

/*
 * The body that all letters share: at least `size` octets, in lines, and the
 * final dot.  The caller frees it.
 */
char *letter_body(size_t size, size_t *len_r);

#endif
