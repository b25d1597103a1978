/* SPDX-License-Identifier: ISC */
#include "mail/preamble.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/crc.h"
#include "mail/envelope.h"

#define MAGIC   "stagepost "
#define VERSION 1
#define CRC_AT  55 /* where the CRC over everything before it stands */
#define FLAGS   (CONTENT_8BIT | CONTENT_UTF8 | CONTENT_STUFFED | CONTENT_LONG)

static char *
hex_put(char *p, uint64_t value, unsigned digits, char end)
{
	for (unsigned i = digits; i-- > 0; value >>= 4)
		p[i] = "0123456789abcdef"[value & 15];
	p[digits] = end;
	return p + digits + 1;
}

void
preamble_format(const struct preamble *p, char out[PREAMBLE_SIZE])
{
	char *at = out + sizeof(MAGIC) - 1;

	assert(p->envelope_len <= ENVELOPE_MAX);
	assert(p->content_len <= CONTENT_MAX);
	assert((p->flags & ~(unsigned)FLAGS) == 0);
	memcpy(out, MAGIC, sizeof(MAGIC) - 1);
	at = hex_put(at, VERSION, 2, ' ');
	at = hex_put(at, p->envelope_len, 8, ' ');
	at = hex_put(at, p->content_len, 10, ' ');
	at = hex_put(at, p->envelope_crc, 8, ' ');
	at = hex_put(at, p->content_crc, 8, ' ');
	at = hex_put(at, p->flags, 3, ' ');
	assert(at == out + CRC_AT);
	at = hex_put(at, crc32c(0, out, CRC_AT), 8, '\n');
	assert(at == out + PREAMBLE_SIZE);
}

/* Cut the next word, `digits` lower-case hex digits and a blank or the final
 * newline, off *in. */
static int
hex_cut(const char **in, unsigned digits, uint64_t *value_r)
{
	const char *p = *in;
	uint64_t value = 0;

	for (unsigned i = 0; i < digits; i++, p++) {
		if (*p >= '0' && *p <= '9')
			value = value << 4 | (unsigned)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			value = value << 4 | (unsigned)(*p - 'a' + 10);
		else
			return -1;
	}
	if (*p != ' ' && *p != '\n')
		return -1;
	*value_r = value;
	*in = p + 1;
	return 0;
}

static int
fields_parse(const char *in, struct preamble *p_r)
{
	uint64_t envelope_len, content_len, envelope_crc, content_crc, flags;

	if (hex_cut(&in, 8, &envelope_len) == -1 ||
	    hex_cut(&in, 10, &content_len) == -1 ||
	    hex_cut(&in, 8, &envelope_crc) == -1 ||
	    hex_cut(&in, 8, &content_crc) == -1 ||
	    hex_cut(&in, 3, &flags) == -1 || envelope_len > ENVELOPE_MAX)
		return -1;
	*p_r = (struct preamble){
	    envelope_len, content_len, envelope_crc, content_crc, flags};
	return 0;
}

int
preamble_parse(const char in[PREAMBLE_SIZE], struct preamble *p_r)
{
	const char *crc_at = in + CRC_AT;
	const char *version_at = in + strlen(MAGIC);
	uint64_t crc, version;

	*p_r = (struct preamble){0};
	if (in[PREAMBLE_SIZE - 1] != '\n' ||
	    memcmp(in, MAGIC, strlen(MAGIC)) != 0 ||
	    hex_cut(&crc_at, 8, &crc) == -1 || crc != crc32c(0, in, CRC_AT) ||
	    hex_cut(&version_at, 2, &version) == -1)
		goto damaged;
	if (version > VERSION) {
		errno = ENOTSUP;
		return -1;
	}
	if (version < VERSION || fields_parse(version_at, p_r) == -1)
		goto damaged;
	if (p_r->flags & ~(unsigned)FLAGS)
		goto damaged;
	return 0;
damaged:
	*p_r = (struct preamble){0};
	errno = EBADMSG;
	return -1;
}
