/* SPDX-License-Identifier: ISC */
#include "sender/reply.h"

#include <string.h>

#include "sender/offers.h"
#include "tap.h"

static void
test_parse(void)
{
	static const struct {
		const char *in;
		long taken; /* 0: more is needed, -1: no reply */
		unsigned code;
		const char *text;
	} rows[] = {
	    {"250 ok\r\n",			      8,  250, "250 ok"    },
	    {"250 ok\n",				7,  250, "250 ok"    },
	    {"250\r\n",				 5,  250, "250"       },
	    {"354 go\r\n250 later\r\n",                 8,  354, "354 go"    },
	    {"250-a\r\n250-b\r\n250 c\r\n",             21, 250, "250 a b c" },
	    {"550-5.1.1 no such\r\n550 5.1.1 user\r\n", 35, 550,
             "550 5.1.1 no such user"					},
	    {"550-5.1.1 no\r\n550 5.7.1 way\r\n",       29, 550,
             "550 5.1.1 no 5.7.1 way"					},
	    {"450 \x1b[31m\xe9\r\n",                    12, 450, "450 ?[31m?"},
	    {"220-\r\n220 \r\n",                        12, 220, "220"       },
	    {"",					0,  0,   NULL        },
	    {"25",				      0,  0,   NULL        },
	    {"250 ok",				  0,  0,   NULL        },
	    {"250-ok\r\n",			      0,  0,   NULL        },
	    {"250-ok\r\n250",                           0,  0,   NULL        },
	    {"\r\n",				    -1, 0,   NULL        },
	    {"25 ok\r\n",			       -1, 0,   NULL        },
	    {"2500 ok\r\n",			     -1, 0,   NULL        },
	    {"250ok\r\n",			       -1, 0,   NULL        },
	    {"650 ok\r\n",			      -1, 0,   NULL        },
	    {"150 ok\r\n",			      -1, 0,   NULL        },
	    {"HTTP/1.1 400 Bad Request\r\n",            -1, 0,   NULL        },
	    {"250-ok\r\n550 no\r\n",                    -1, 0,   NULL        },
	    {"250-ok\r\nok\r\n",                        -1, 0,   NULL        },
	};
	struct buf text = {0};
	struct reply r;
	long taken;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		taken = reply_parse(str_of(rows[i].in), &r);
		is_int(taken, rows[i].taken, "row %zu is taken", i);
		if (taken <= 0)
			continue;
		buf_clear(&text);
		reply_format(&r, &text);
		is_int(r.code, rows[i].code, "its code");
		is_str(buf_text(&text), rows[i].text, "its text");
	}
	buf_free(&text);
}

/* Is it the recipient whom nobody knows? */
static void
test_unknown(void)
{
	static const struct {
		const char *in;
		bool unknown;
	} rows[] = {
	    {"550 5.1.1 no\r\n",                 true },
	    {"550-5.1.1 no\r\n550 5.1.1 no\r\n", true },
	    {"554 5.1.6 moved\r\n",              true },
	    {"550 5.1.10 null MX\r\n",           true },
	    {"550 no\r\n",                       true },
	    {"550\r\n",			  true },
	    {"551 not local\r\n",                true },
	    {"553 no such name\r\n",             true },
	    {"550 5.1 is no status\r\n",         true },
	    {"550 5.1.7 sender\r\n",             false},
	    {"550 5.1.8 sender\r\n",             false},
	    {"550 5.4.1 access denied\r\n",      true },
	    {"550 5.4.11 what\r\n",              false},
	    {"554 5.4.1 no answer\r\n",          false},
	    {"550 5.7.1 policy\r\n",             false},
	    {"550 5.11.1 what\r\n",              false},
	    {"552 full\r\n",                     false},
	    {"554 no\r\n",                       false},
	    {"450 4.1.1 later\r\n",              false},
	    {"450 5.1.1 what\r\n",               false},
	    {"250 5.1.1 what\r\n",               false},
	};
	struct reply r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		reply_parse(str_of(rows[i].in), &r);
		ok(reply_unknown(&r) == rows[i].unknown, "row %zu: %s", i,
		    rows[i].in);
	}
}

/* A host that never comes to an end is not listened to for ever. */
static void
test_limits(void)
{
	struct buf in = {0}, text = {0};
	struct reply r;

	while (in.len <= REPLY_MAX)
		buf_add_str(&in, "250-and so on\r\n");
	is_int(reply_parse((struct str){in.data, in.len}, &r), -1,
	    "too many lines");
	buf_clear(&in);
	while (in.len <= REPLY_MAX)
		buf_add_char(&in, 'x');
	is_int(reply_parse((struct str){in.data, in.len}, &r), -1,
	    "too long a line");
	memcpy(in.data, "250 ", 4);
	memcpy(in.data + 5000, "\r\n", 2);
	is_int(reply_parse((struct str){in.data, 5002}, &r), 5002,
	    "a line of 5000 bytes is taken");
	reply_format(&r, &text);
	ok(text.len <= REPLY_TEXT_MAX + 8, "of which %zu bytes are kept",
	    text.len);
	buf_free(&in);
	buf_free(&text);
}

static void
test_offers(void)
{
	static const char ehlo[] = "250-mx.example PIPELINING\r\n"
				   "250-8bitmime\r\n"
				   "250-SIZE 1000\r\n"
				   "250-AUTH PLAIN LOGIN\r\n"
				   "250 DSN\r\n";
	struct preamble p = {.content_len = 1000, .flags = CONTENT_8BIT};
	struct offers o;
	struct reply r;

	reply_parse(str_of(ehlo), &r);
	offers_parse(&r, &o);
	ok(!o.pipelining, "its name is no offer");
	ok(o.eightbit && o.size && o.dsn && !o.utf8, "offers, in any case");
	is_int((long long)o.size_max, 1000, "and the size");
	is_str(offers_refuse(&o, &p), NULL, "8-bit of 1000 bytes is taken");
	p.content_len++;
	ok(strncmp(offers_refuse(&o, &p), "5.3.4 ", 6) == 0, "1001 are not");
	o.size_max = 0;
	is_str(offers_refuse(&o, &p), NULL, "unless no limit is said");
	o.eightbit = false;
	ok(strncmp(offers_refuse(&o, &p), "5.6.3 ", 6) == 0, "no 8BITMIME");
	p.flags = CONTENT_UTF8;
	ok(strncmp(offers_refuse(&o, &p), "5.6.7 ", 6) == 0, "no SMTPUTF8");
	reply_parse(str_of("250-x\r\n250 SIZE 99999999999999999999\r\n"), &r);
	offers_parse(&r, &o);
	ok(o.size && o.size_max == 0, "a size beyond all numbers is none");
}

int
main(void)
{
	test_parse();
	test_unknown();
	test_limits();
	test_offers();
	return done();
}
