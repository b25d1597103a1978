/* SPDX-License-Identifier: ISC */
/*
 * Fuzz patterns of tables: the first line is a pattern, the second a text to
 * match.  A pattern without "*" matches itself only; what is taken fits.
 */
#include "mail/pattern.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_glob(struct str glob, struct str text)
{
	bool equal = glob.len == text.len &&
	             (glob.len == 0 || memcmp(glob.s, text.s, glob.len) == 0);

	if (pattern_glob_match(glob, text) != equal &&
	    (equal || glob.len == 0 || !memchr(glob.s, '*', glob.len)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct str pattern = str_cut(&text, '\n');
	char local[ADDRESS_MAX + 1], domain[ADDRESS_MAX + 1];

	if (pattern.len > ADDRESS_MAX || text.len > ADDRESS_MAX)
		return -1;
	check_glob(pattern, text);
	if (pattern_is_glob(pattern) &&
	    pattern_glob(pattern, local, domain) == NULL &&
	    (strlen(local) == 0 || strlen(domain) == 0))
		abort();
	if (pattern_is_regex(pattern) &&
	    pattern_regex(pattern).len + 2 > pattern.len &&
	    pattern_regex(pattern).len > 0)
		abort();
	if (pattern_sender(pattern, local) == NULL) {
		if (strlen(local) > ADDRESS_MAX)
			abort();
		pattern_sender_match(str_of(local), text);
	}
	return 0;
}
