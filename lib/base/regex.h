/* SPDX-License-Identifier: ISC */
/*
 * Regular expressions (PCRE2) of administrators against text of strangers.
 * Layer: base.  regex.c is the only file that knows the library.
 *
 * Every search has limits of time and memory.  Reaching one is an answer of
 * its own: who asks must treat it as a failure that passes, never as "no
 * match", or whoever writes the text could make a rule fail open.
 */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct regex;

#define REGEX_MAX 4096 /* bytes of a pattern */

/*
 * Compile a pattern: NULL, with *error_r a sentence (valid until the next call)
 * and *at_r its offset in the pattern.  Bytes are bytes (no UTF mode); \C is
 * refused, and so is a pattern that reaches the limits on the empty text.
 */
struct regex *regex_compile(
    struct str pattern, bool ignore_case, const char **error_r, size_t *at_r);
/* Leaves NULL; twice is fine. */
void regex_free(struct regex **re);

/* Does it match anywhere in the text?  1, 0, or -1: a limit was reached. */
int regex_match(const struct regex *re, struct str text);

#endif
