/* SPDX-License-Identifier: ISC */
#include "mail/envelope.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

#define LEAST "arrival 1\nsender \nrecipient a@b\n"

static int
parse(const char *lines, struct envelope *env)
{
	return envelope_parse(str_of(lines), env);
}

static void
test_round_trip(void)
{
	struct recipient rcpts[] = {
	    {"kim@b.example",            "rfc822;kim+2B@b.example", NOTIFY_NEVER                 },
	    {"\"with blank\"@c.example", NULL,                      0                            },
	    {"lo@d.example",             NULL,                      NOTIFY_SUCCESS | NOTIFY_DELAY},
	};
	struct envelope env = {.sender = "jo@a.example",
	    .envid = "QQ+20314",
	    .ret = RET_HEADERS,
	    .recipients = rcpts,
	    .nrecipients = 3,
	    .client = "192.0.2.1",
	    .helo = "mail.a.example",
	    .protocol = "ESMTPSA",
	    .login = "",
	    .arrival_s = 1795240862};
	struct envelope back;
	struct buf out = {0}, again = {0};

	is_int(envelope_format(&env, &out), 0, "an envelope is written");
	is_str(buf_text(&out),
	    "arrival 1795240862\n"
	    "sender jo@a.example\n"
	    "envid QQ+20314\n"
	    "client 192.0.2.1\n"
	    "helo mail.a.example\n"
	    "protocol ESMTPSA\n"
	    "login \n"
	    "ret headers\n"
	    "recipient kim@b.example\n"
	    "original rfc822;kim+2B@b.example\n"
	    "notify never\n"
	    "recipient \"with blank\"@c.example\n"
	    "recipient lo@d.example\n"
	    "notify success,delay\n",
	    "as lines");
	is_int(parse(buf_text(&out), &back), 0, "and read");
	is_int(back.nrecipients, 3, "with all recipients");
	is_str(back.recipients[1].address, "\"with blank\"@c.example",
	    "a blank in an address");
	is_str(back.recipients[1].original, NULL, "what was not said");
	is_str(back.listener, NULL, "is not said");
	is_str(back.login, "", "and an empty value is a value");
	is_int(envelope_format(&back, &again), 0, "written again");
	is_mem(again.data, again.len, out.data, out.len, "it is the same");
	envelope_free(&back);
	envelope_free(&back);
	ok(back.storage == NULL, "freed twice leaves nothing");
	buf_free(&out);
	buf_free(&again);
}

static void
test_malformed(void)
{
	static const struct {
		const char *lines, *why;
	} cases[] = {
	    {"",						      "nothing"                   },
	    {"arrival 1\nrecipient a@b\n",                            "no sender"                 },
	    {"sender \nrecipient a@b\n",                              "no arrival"                },
	    {"arrival 1\nsender \n",                                  "no recipient"              },
	    {"arrival 1\nsender \nrecipient \n",                      "an empty recipient"        },
	    {"arrival 1\nsender \nrecipient a@b",                     "no final newline"          },
	    {LEAST "\n",					      "an empty line"             },
	    {LEAST "sender x@y\n",				    "a second sender"           },
	    {LEAST "arrival 2\n",				     "a second arrival"          },
	    {LEAST "colour red\n",				    "an unknown tag"            },
	    {LEAST "helo\n",					  "a tag without a value"     },
	    {LEAST "helo a\rb\n",				     "a carriage return"         },
	    {LEAST "ret some\n",				      "an unknown RET"            },
	    {LEAST "ret full\nret full\n",                            "a second RET"              },
	    {LEAST "notify often\n",                                  "an unknown NOTIFY"         },
	    {LEAST "notify \n",				       "an empty NOTIFY"           },
	    {LEAST "notify delay,\n",                                 "a NOTIFY that does not end"},
	    {LEAST "notify never,delay\n",                            "NEVER and something"       },
	    {LEAST "notify delay,delay\n",                            "NOTIFY that repeats itself"},
	    {LEAST "notify delay\nnotify delay\n",                    "a second NOTIFY"           },
	    {LEAST "original a;b\noriginal a;b\n",                    "a second ORCPT"            },
	    {"arrival 1\nsender \nnotify delay\nrecipient a@b\n",
             "a parameter of nobody"							      },
	    {"arrival -1\nsender \nrecipient a@b\n",                  "a negative time"           },
	    {"arrival 9223372036854775808\nsender \nrecipient a@b\n",
             "a time beyond 63 bits"							      },
	};
	struct envelope env;

	is_int(parse(LEAST, &env), 0, "the least that there is");
	envelope_free(&env);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_int(parse(cases[i].lines, &env), -1, "%s", cases[i].why);
		ok(!env.storage && !env.recipients, "leaves nothing");
	}
	is_int(envelope_parse(
		   (struct str){LEAST "helo a\0b\n", sizeof(LEAST) + 9}, &env),
	    -1, "a NUL");
}

static void
test_bounds(void)
{
	static struct recipient many[ENVELOPE_RCPTS_MAX + 1];
	struct envelope env = {.sender = "", .recipients = many}, back;
	struct buf out = {0};
	char address[321];

	memset(address, 'x', 320);
	address[320] = '\0';
	for (size_t i = 0; i <= ENVELOPE_RCPTS_MAX; i++)
		many[i].address = "a@b";
	is_int(envelope_format(&env, &out), -1, "no recipients");
	env.nrecipients = ENVELOPE_RCPTS_MAX;
	is_int(envelope_format(&env, &out), 0, "as many as can be");
	is_int(envelope_parse((struct str){out.data, out.len}, &back), 0,
	    "are read");
	is_int(back.nrecipients, ENVELOPE_RCPTS_MAX, "all of them");
	envelope_free(&back);
	buf_add_str(&out, "recipient a@b\n");
	is_int(envelope_parse((struct str){out.data, out.len}, &back), -1,
	    "one more is not");
	buf_clear(&out);
	env.nrecipients = ENVELOPE_RCPTS_MAX + 1;
	is_int(envelope_format(&env, &out), -1, "nor written");
	is_int(errno, EMSGSIZE, "and said to be too large");
	env.nrecipients = ENVELOPE_RCPTS_MAX;
	for (size_t i = 0; i < ENVELOPE_RCPTS_MAX; i++)
		many[i].address = address;
	buf_add_str(&out, "before");
	is_int(envelope_format(&env, &out), -1, "too many bytes");
	is_str(buf_text(&out), "before", "leave what was there before");
	buf_free(&out);
}

int
main(void)
{
	test_round_trip();
	test_malformed();
	test_bounds();
	return done();
}
