/* SPDX-License-Identifier: ISC */
/*
 * A slice of somebody else's bytes, and the questions that parsers ask of
 * text.  Nothing here allocates or writes.  Layer: base.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *s;
	size_t len;
};

/* A slice of a NUL-terminated string. */
struct str str_of(const char *text);

bool str_eq(struct str a, const char *text);
bool str_eq_nocase(struct str a, const char *text); /* ASCII only */
bool str_starts_nocase(struct str a, const char *prefix);

/*
 * Cut the next word off *rest: bytes up to, not including, a blank or tab;
 * blanks before it are skipped.  An empty slice means that there is none.
 */
struct str str_word(struct str *rest);
size_t str_count_words(struct str text);

/* Cut *rest at the first c: returns what stood before it; all of it, leaving
 * *rest empty, when there is no c. */
struct str str_cut(struct str *rest, char c);

/* Whole slice as a decimal number <= max, no sign, no blanks: 0, else -1. */
int str_number(struct str a, uint64_t max, uint64_t *value_r);
int str_hex32(struct str a, uint32_t *value_r); /* exactly 8 digits */
/* The value of a hexadecimal digit in either case, else -1. */
int str_hex_digit(char c);

/* Is it well-formed UTF-8 (RFC 3629) without NUL? Otherwise *bad_r, when
 * given, is the offset of the first offending byte. */
bool str_is_utf8(struct str a, size_t *bad_r);
bool str_is_ascii(struct str a);

/* Lower-case ASCII letters in place. */
void str_lower(char *s, size_t len);

/* Copy into a fixed array with a NUL: 0, or -1 when it does not fit (then the
 * array holds an empty string). */
int str_copy(char *out, size_t size, struct str a);

#endif
