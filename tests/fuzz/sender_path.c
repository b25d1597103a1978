/* SPDX-License-Identifier: ISC */
/*
 * A recipient's address that becomes the path of a maildir: whatever it is, it
 * leads to exactly one directory below the one of its kind.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sender/maildir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "/mail/DOMAIN/LOCAL/box" and no other shape. */
static void
check(struct str path)
{
	struct str part;
	size_t n = 0;

	assert(memchr(path.s, '\0', path.len) == NULL);
	assert(path.s[0] == '/');
	str_cut(&path, '/');
	while (path.len > 0) {
		part = str_cut(&path, '/');
		assert(part.len > 0 && part.s[0] != '.');
		n++;
	}
	assert(n == 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *address = mem_ndup(data, size);
	struct buf path = {0};

	if (maildir_path(str_of("/mail/%d/%u/box"), address, &path) == 0)
		check((struct str){path.data, path.len});
	else
		assert(path.len == 0);
	buf_free(&path);
	free(address);
	return 0;
}
