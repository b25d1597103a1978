/* SPDX-License-Identifier: ISC */
/*
 * The lines of an envelope.  What is accepted is written again and read again
 * with the same result.
 */
#include "mail/envelope.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str lines = {(const char *)data, size};
	struct envelope env, again;
	struct buf first = {0}, second = {0};

	if (envelope_parse(lines, &env) == -1) {
		assert(!env.storage && !env.recipients && !env.nrecipients);
		return 0;
	}
	assert(envelope_format(&env, &first) == 0);
	lines = (struct str){first.data, first.len};
	assert(envelope_parse(lines, &again) == 0);
	assert(again.nrecipients == env.nrecipients);
	assert(envelope_format(&again, &second) == 0);
	assert(first.len == second.len);
	assert(memcmp(first.data, second.data, first.len) == 0);
	envelope_free(&env);
	envelope_free(&again);
	buf_free(&first);
	buf_free(&second);
	return 0;
}
