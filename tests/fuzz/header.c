/* SPDX-License-Identifier: ISC */
/*
 * Fuzz headers: fields lie within the text, in order; what is decoded holds no
 * control character and is not much longer than what was written.
 */
#include "mail/header.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_decoded(struct str body)
{
	struct buf out = {0};

	header_decode(body, &out);
	if (out.len > 3 * body.len)
		abort();
	for (size_t i = 0; i < out.len; i++)
		if ((unsigned char)out.data[i] < ' ' || out.data[i] == 0x7f)
			abort();
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct str rest = {at, size};
	struct header_field f;

	header_is_whole(rest);
	check_decoded(rest);
	while (header_next(&rest, &f)) {
		if (f.name.len == 0 || f.name.s < at ||
		    f.body.s < f.name.s + f.name.len ||
		    f.body.s + f.body.len > end)
			abort();
		at = f.body.s + f.body.len;
		check_decoded(f.body);
	}
	return 0;
}
