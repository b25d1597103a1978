/* SPDX-License-Identifier: ISC */
#include "mail/unwire.h"

#include <string.h>

#include "tap.h"

static const char wire[] = "..\r\na..b\r\n\r\n..\r\r\nc\rd\n.e\r.f\r\n\r";
static const char want[] = ".\na..b\n\n.\r\nc\rd\ne\r.f\n\r";

int
main(void)
{
	size_t len = sizeof(wire) - 1;
	struct unwire u = {0};
	struct buf out = {0};

	for (size_t cut = 0; cut <= len; cut++) {
		buf_clear(&out);
		unwire_add(&u, wire, cut, &out);
		unwire_add(&u, wire + cut, len - cut, &out);
		unwire_end(&u, &out);
		is_mem(
		    out.data, out.len, want, strlen(want), "cut at %zu", cut);
	}
	buf_clear(&out);
	for (size_t i = 0; i < len; i++)
		unwire_add(&u, wire + i, 1, &out);
	unwire_end(&u, &out);
	is_mem(out.data, out.len, want, strlen(want), "byte by byte");
	buf_clear(&out);
	unwire_end(&u, &out);
	is_int(out.len, 0, "nothing of nothing");
	buf_free(&out);
	return done();
}
