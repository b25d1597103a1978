/* SPDX-License-Identifier: ISC */
#include "queue_tool.h"

#include <inttypes.h>

void
print_safe(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c < 0x7f && c != '\\')
			putc(c, out);
		else
			fprintf(out, "\\%03o", c);
	}
}

void
print_span(FILE *out, int64_t s)
{
	if (s < 0) {
		putc('-', out);
		s = -s;
	}
	if (s >= 86400)
		fprintf(out, "%" PRId64 "d%02" PRId64 "h", s / 86400,
		    s % 86400 / 3600);
	else if (s >= 3600)
		fprintf(
		    out, "%" PRId64 "h%02" PRId64 "m", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		fprintf(out, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
	else
		fprintf(out, "%" PRId64 "s", s);
}
