/* SPDX-License-Identifier: ISC */
#include "mail/xtext.h"

#include "tap.h"

int
main(void)
{
	static const char *bad[] = {"a b", "a=b", "+", "+4", "+4g", "+4a", "a+",
	    "\xc3\xb6", "a\tb", "\x7f"};
	struct buf out = {0};

	buf_add_str(&out, "> ");
	is_int(xtext_decode(str_of("kim+2Bx@b.example"), &out), 0, "decode");
	is_str(buf_text(&out), "> kim+x@b.example", "behind what was there");
	is_int(xtext_decode(str_of(""), &out), 0, "nothing is xtext");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(xtext_decode(str_of(bad[i]), &out), -1, "\"%s\" is not",
		    bad[i]);
	is_str(buf_text(&out), "> kim+x@b.example", "and adds nothing");
	buf_clear(&out);
	is_int(xtext_decode(str_of("+00+3D+FF"), &out), 0, "any byte");
	is_mem(out.data, out.len, "\0=\xff", 3, "is decoded");
	ok(xtext_check(str_of("kim+2Bx@b.example")), "checked");
	ok(!xtext_check(str_of("kim+2bx@b.example")), "and refused");

	buf_clear(&out);
	xtext_encode((struct str){"a+b=\0 \xff~", 8}, &out);
	is_str(buf_text(&out), "a+2Bb+3D+00+20+FF~", "encode");
	buf_free(&out);
	return done();
}
