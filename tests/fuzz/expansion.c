/* SPDX-License-Identifier: ISC */
/*
 * Fuzz a journal with recipients that took the place of others: what the
 * envelope gets is what the progress counts.
 */
#include "mail/expansion.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "mail/progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checksums are no obstacle to a fuzzer: each line gets its own. */
static void
seal(struct str text, struct buf *out)
{
	struct str line;

	while (text.len > 0) {
		line = str_cut(&text, '\n');
		buf_addf(out, "\n%08x ", crc32c(0, line.s, line.len));
		buf_add(out, line.s, line.len);
		buf_add_char(out, '\n');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope env = {.sender = "", .nrecipients = 2};
	struct buf sealed = {0};
	struct progress p;
	struct str journal;
	char **kept;
	size_t n;

	seal((struct str){(const char *)data, size}, &sealed);
	journal = (struct str){buf_text(&sealed), sealed.len};
	env.recipients = mem_alloc(2 * sizeof(env.recipients[0]));
	env.recipients[0].address = env.recipients[1].address = "a@x";
	if (expansion_apply(journal, &env, &kept, &n) == 0) {
		if (env.nrecipients != 2 + expansion_total(journal))
			abort();
		if (progress_read(journal, str_of(".1"), env.nrecipients, &p) ==
		    0)
			progress_free(&p);
	}
	for (size_t i = 0; i < n; i++)
		free(kept[i]);
	free(kept);
	free(env.recipients);
	buf_free(&sealed);
	return 0;
}
