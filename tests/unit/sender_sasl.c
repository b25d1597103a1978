/* SPDX-License-Identifier: ISC */
#include "sender/sasl.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static const struct credential who = {"user", "pencil"};

static int
digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				     "klmnopqrstuvwxyz0123456789+/";
	const char *p = strchr(digits, c);

	return p != NULL && c != '\0' ? (int)(p - digits) : 0;
}

static void
decode(const struct buf *in, struct buf *out)
{
	unsigned bits = 0, n = 0;

	buf_clear(out);
	for (size_t i = 0; i < in->len && in->data[i] != '='; i++) {
		bits = bits << 6 | (unsigned)digit(in->data[i]);
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_add_char(out, (char)(bits >> n));
		}
	}
}

static void
encode(const char *text, struct buf *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				     "klmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text);
	unsigned b[3];

	buf_clear(out);
	for (size_t i = 0; i < len; i += 3) {
		for (size_t k = 0; k < 3; k++)
			b[k] = i + k < len ? (unsigned char)text[i + k] : 0;
		buf_add_char(out, digits[b[0] >> 2]);
		buf_add_char(out, digits[(b[0] & 3) << 4 | b[1] >> 4]);
		buf_add_char(out,
		    i + 1 < len ? digits[(b[1] & 15) << 2 | b[2] >> 6] : '=');
		buf_add_char(out, i + 2 < len ? digits[b[2] & 63] : '=');
	}
}

/* The host's first message, with the nonce of ours in it. */
static enum sasl_result
ask(struct sasl *s, const char *rest, struct buf *out, const char **why_r)
{
	struct buf ours = {0}, text = {0}, challenge = {0};
	enum sasl_result result;

	if (sasl_answer(s, str_of(""), out, why_r) != SASL_ANSWERS)
		return SASL_FAILS;
	decode(out, &ours);
	buf_addf(&text, "%sabc,%s", strstr(ours.data, "r="), rest);
	encode(text.data, &challenge);
	buf_clear(out);
	result = sasl_answer(
	    s, (struct str){challenge.data, challenge.len}, out, why_r);
	buf_free(&ours);
	buf_free(&text);
	buf_free(&challenge);
	return result;
}

static void
test_rounds(void)
{
	static const struct {
		const char *rest;
		unsigned steps; /* 0: it is refused at once */
		const char *why;
	} rows[] = {
	    {"s=c2FsdA==,i=1",                    1,   ""               },
	    {"s=c2FsdA==,i=4096",                 3,   ""               },
	    {"s=c2FsdA==,i=200000",               100, ""               },
	    {"s=c2FsdA==,i=200001",               0,   "too many rounds"},
	    {"s=c2FsdA==,i=2147483648",           0,   "too many rounds"},
	    {"s=c2FsdA==,i=4294967297",           0,   "too many rounds"},
	    {"s=c2FsdA==,i=18446744073709551617", 0,   "too many rounds"},
	    {"s=c2FsdA==,i=-1",                   0,   "too many rounds"},
	    {"s=c2FsdA==,i=0",                    0,   "too many rounds"},
	    {"s=c2FsdA==,i=",                     0,   "too many rounds"},
	    {"i=2147483648,s=c2FsdA==",           0,   "too many rounds"},
	    {"s=c2FsdA==",                        0,   ""               },
	    {"i=4096",			    0,   ""               },
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sasl *s = sasl_new(SASL_SCRAM_SHA_256, &who);
		const char *why = "";
		unsigned steps = 0;
		enum sasl_result result;

		buf_clear(&out);
		result = ask(s, rows[i].rest, &out, &why);
		while (result == SASL_WORKS && steps < 1000) {
			steps++;
			result = sasl_work(s, &out, &why);
		}
		ok(steps == rows[i].steps &&
			result == (steps > 0 ? SASL_ANSWERS : SASL_FAILS) &&
			(steps > 0 || strstr(why, rows[i].why) != NULL),
		    "%s: %u steps", rows[i].rest, rows[i].steps);
		sasl_free(&s);
	}
	buf_free(&out);
}

static void
test_twice(void)
{
	struct sasl *s = sasl_new(SASL_SCRAM_SHA_256, &who);
	struct buf out = {0};
	const char *why;

	ok(ask(s, "s=c2FsdA==,i=100000", &out, &why) == SASL_WORKS, "works");
	ok(sasl_answer(s, str_of("cg=="), &out, &why) == SASL_FAILS,
	    "another challenge meanwhile");
	sasl_free(&s);
	ok(s == NULL, "freed at work");
	buf_free(&out);
}

int
main(void)
{
	test_rounds();
	test_twice();
	return done();
}
