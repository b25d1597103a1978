/* SPDX-License-Identifier: ISC */
#include "mail/preamble.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/crc.h"
#include "tap.h"

static const struct preamble sample = {
    .envelope_len = 0x1234,
    .content_len = 0xfedcba9876,
    .envelope_crc = 0xdeadbeef,
    .content_crc = 7,
    .flags = CONTENT_8BIT | CONTENT_LONG,
};

static void
test_round_trip(void)
{
	char text[PREAMBLE_SIZE + 1] = "";
	struct preamble back;

	preamble_format(&sample, text);
	text[PREAMBLE_SIZE - 9] = '\0';
	is_str(text, "stagepost 01 00001234 fedcba9876 deadbeef 00000007 009 ",
	    "as it is written");
	preamble_format(&sample, text);
	is_int(text[PREAMBLE_SIZE - 1], '\n', "it ends with a newline");
	is_int(preamble_parse(text, &back), 0, "it is read");
	is_mem(&back, sizeof(back), &sample, sizeof(sample), "as it was");
}

static void
test_damage(void)
{
	char text[PREAMBLE_SIZE];
	struct preamble back;
	unsigned wrong = 0;

	preamble_format(&sample, text);
	for (size_t bit = 0; bit < PREAMBLE_SIZE * 8; bit++) {
		text[bit / 8] ^= 1 << bit % 8;
		errno = 0;
		if (preamble_parse(text, &back) != -1 || errno != EBADMSG ||
		    back.content_len != 0)
			wrong++;
		text[bit / 8] ^= 1 << bit % 8;
	}
	is_int(wrong, 0, "each flipped bit is damage, none is a newer version");
}

/* Write `change` into a good preamble and set its CRC right. */
static int
changed(size_t at, const char *change)
{
	char text[PREAMBLE_SIZE + 1];
	struct preamble back;

	preamble_format(&sample, text);
	memcpy(text + at, change, strlen(change));
	snprintf(text + 55, 10, "%08x\n", crc32c(0, text, 55));
	return preamble_parse(text, &back) == 0 ? 0 : errno;
}

static void
test_fields(void)
{
	is_int(changed(10, "02"), ENOTSUP, "a newer version");
	is_int(changed(10, "00"), EBADMSG, "version 0");
	is_int(changed(0, "stagecoach"), EBADMSG, "another magic");
	is_int(changed(13, "01000000"), 0, "the largest envelope");
	is_int(changed(13, "01000001"), EBADMSG, "a larger one");
	is_int(changed(22, "ffffffffff"), 0, "the largest content");
	is_int(changed(13, "0000000G"), EBADMSG, "no digit");
	is_int(changed(13, "000000AB"), EBADMSG, "a capital digit");
	is_int(changed(21, "-"), EBADMSG, "no blank between fields");
	is_int(changed(51, "010"), EBADMSG, "an unknown flag");
}

int
main(void)
{
	test_round_trip();
	test_damage();
	test_fields();
	return done();
}
