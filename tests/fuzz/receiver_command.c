/* SPDX-License-Identifier: ISC */
/*
 * Command lines.  What MAIL and RCPT take must fit an envelope line: nothing
 * in it may end one.
 */
#include "receiver/command.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
is_harmless(struct str s, struct str line)
{
	assert(
	    s.len == 0 || (s.s >= line.s && s.s + s.len <= line.s + line.len));
	for (size_t i = 0; i < s.len; i++)
		assert((unsigned char)s.s[i] >= ' ' && s.s[i] != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = {(const char *)data, size}, args;
	struct mail_command m;
	struct rcpt_command r;
	struct buf reply = {0};
	enum verb verb;

	if (!command_is_clean(line))
		return 0;
	verb = command_verb(line, &args);
	if (verb == VERB_MAIL && command_mail(args, &m, &reply) == 0) {
		is_harmless(m.from.whole, line);
		is_harmless(m.envid, line);
		assert(!m.from.utf8);
	}
	if (verb == VERB_RCPT && command_rcpt(args, &r, &reply) == 0) {
		is_harmless(r.to.whole, line);
		is_harmless(r.original, line);
		assert(r.to.whole.len > 0);
	}
	if (verb == VERB_EHLO && command_helo_ok(args))
		is_harmless(args, line);
	assert(memchr(buf_text(&reply), '\n', reply.len) == NULL);
	buf_free(&reply);
	return 0;
}
