/* SPDX-License-Identifier: ISC */
#include "mail/header.h"

#include "tap.h"

static void
decodes(const char *body, const char *want)
{
	struct buf out = {0};

	header_decode(str_of(body), &out);
	is_str(buf_text(&out), want, "%s", want);
	buf_free(&out);
}

static void
test_decode(void)
{
	decodes(" plain  text\r\n", "plain  text");
	decodes(" one\r\n\t two \r\n three\r\n", "one two three");
	decodes("=?utf-8?Q?caf=C3=A9_au_lait?=", "caf\xc3\xa9 au lait");
	decodes("=?ISO-8859-1?q?caf=E9?=", "caf\xc3\xa9");
	decodes("=?iso-8859-15?Q?=A4_100?=", "\xe2\x82\xac 100");
	decodes("=?windows-1252?Q?=80_100?=", "\xe2\x82\xac 100");
	decodes("=?UTF-8*en?B?UmVjaG51bmcgNw==?=", "Rechnung 7");
	decodes("=?UTF-8?b?UmVjaG51bmcgNw?=", "Rechnung 7");
	decodes("=?utf-8?Q?in?=\r\n =?utf-8?B?dm9pY2U=?= due", "invoice due");
	decodes("a =?utf-8?Q?b?= c", "a b c");
	decodes("Re:=?utf-8?Q?b?=", "Re:b");
	decodes("=?koi8-r?Q?=C1?=", "=?koi8-r?Q?=C1?=");
	decodes("=?utf-8?X?b?=", "=?utf-8?X?b?=");
	decodes("=?utf-8?Q?never ended", "=?utf-8?Q?never ended");
	decodes("=?utf-8?Q?=0A=zz=?=", " =zz=");
	decodes("a\001b\177", "a b ");
	decodes("", "");
}

static const char header[] = "Received: from a\r\n\tby b; date\r\n"
			     "this is no field\r\n"
			     "Subject : hello\r\n"
			     "b\xe4"
			     "d: name\r\n"
			     "X-Empty:\r\n"
			     "\r\n"
			     "Subject: of the body\r\n";

static void
test_fields(void)
{
	struct str rest = str_of(header);
	struct header_field f;
	struct buf out = {0};

	ok(header_next(&rest, &f) && str_eq(f.name, "Received"), "a field");
	header_decode(f.body, &out);
	is_str(buf_text(&out), "from a by b; date", "with its fold");
	ok(header_next(&rest, &f) && str_eq(f.name, "Subject"),
	    "what is no field is skipped; a blank may stand before the colon");
	buf_clear(&out);
	header_decode(f.body, &out);
	is_str(buf_text(&out), "hello", "what stands in it");
	ok(header_next(&rest, &f) && str_eq(f.name, "X-Empty"),
	    "a name has only ASCII");
	buf_clear(&out);
	header_decode(f.body, &out);
	is_int(out.len, 0, "nothing stands in it");
	ok(!header_next(&rest, &f), "the empty line is the end");
	ok(!header_next(&rest, &f), "and stays it");
	rest = str_of("a: b");
	ok(header_next(&rest, &f) && str_eq(f.body, " b"),
	    "the last line needs no end");
	ok(!header_next(&rest, &f), "then nothing comes");
	buf_free(&out);
}

int
main(void)
{
	test_decode();
	test_fields();
	ok(header_is_whole(str_of(header)), "the end is there");
	ok(!header_is_whole(str_of("a: b\r\nc: d\r\n")), "it is not");
	ok(!header_is_whole(str_of("a: b\r\n\r")), "only half of it");
	return done();
}
