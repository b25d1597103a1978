/* SPDX-License-Identifier: ISC */
#include "receiver/command.h"

#include <string.h>

#include "tap.h"

static void
test_verbs(void)
{
	static const struct {
		const char *line;
		enum verb verb;
		const char *args;
	} lines[] = {
	    {"EHLO a.example",     VERB_EHLO,    "a.example" },
	    {"ehlo   a.example  ", VERB_EHLO,    "a.example" },
	    {"mAiL FROM:<>",       VERB_MAIL,    "FROM:<>"   },
	    {"DATA",               VERB_DATA,    ""          },
	    {"DATA ",              VERB_DATA,    ""          },
	    {"DATAX",              VERB_UNKNOWN, ""          },
	    {"DAT",                VERB_UNKNOWN, ""          },
	    {"",		   VERB_UNKNOWN, ""          },
	    {" NOOP",              VERB_UNKNOWN, "NOOP"      },
	    {"STARTTLS",           VERB_LATER,   ""          },
	    {"POST / HTTP/1.1",    VERB_FOREIGN, "/ HTTP/1.1"},
	};
	struct str args;
	char text[64];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		is_int(command_verb(str_of(lines[i].line), &args),
		    lines[i].verb, "\"%s\"", lines[i].line);
		str_copy(text, sizeof(text), args);
		is_str(text, lines[i].args, "and what is behind it");
	}
}

static void
test_clean(void)
{
	ok(command_is_clean(str_of("NOOP \xc3\xa4")), "8-bit is looked at");
	ok(!command_is_clean(str_of("NOOP\t")), "a tab is not");
	ok(!command_is_clean(str_of("NOOP\r")), "nor a lone CR");
	ok(!command_is_clean(str_of("NOOP \x7f")), "nor DEL");
	ok(!command_is_clean((struct str){"NO\0OP", 5}), "nor NUL");
}

static void
test_helo(void)
{
	static const char *const good[] = {"a.example", "[192.0.2.1]",
	    "[IPv6:2001:db8::1]", "my_pc", "192.0.2.1", "-"};
	static const char *const bad[] = {"", "a b", "a(b", "a)b", "a\\b",
	    "<a>", "a;b", "a\"b", "\xc3\xa4.example", "a@b", "a,b"};
	char text[300];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(command_helo_ok(str_of(good[i])), "HELO %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!command_helo_ok(str_of(bad[i])), "no HELO %zu", i);
	ok(!command_helo_ok((struct str){"a\0b", 3}), "no HELO with NUL");
	memset(text, 'a', sizeof(text));
	ok(command_helo_ok((struct str){text, 255}), "255 characters");
	ok(!command_helo_ok((struct str){text, 256}), "256 are too many");
}

/* The reply to MAIL or RCPT, its code and enhanced code alone; "" when it was
 * taken. */
static const char *
mail(const char *args, struct mail_command *m)
{
	static struct buf reply;

	buf_clear(&reply);
	ok((command_mail(str_of(args), m, &reply) == -1) == (reply.len > 0),
	    "MAIL %s", args);
	return buf_text(&reply);
}

static const char *
rcpt(const char *args, struct rcpt_command *r)
{
	static struct buf reply;

	buf_clear(&reply);
	ok((command_rcpt(str_of(args), r, &reply) == -1) == (reply.len > 0),
	    "RCPT %s", args);
	return buf_text(&reply);
}

static void
is_code(const char *reply, const char *code)
{
	if (!ok(!strncmp(reply, code, strlen(code)), "\"%s\"", code))
		diag("got %s", reply);
}

static void
test_mail(void)
{
	struct mail_command m;
	char text[400];

	is_str(mail("FROM:<a@b.example>", &m), "", "an address");
	str_copy(text, sizeof(text), m.from.whole);
	is_str(text, "a@b.example", "without its brackets");
	ok(!m.sized && !m.eightbit && m.ret == RET_UNSAID && !m.envid.len,
	    "and nothing else said");
	is_str(mail("from:<>", &m), "", "the null sender");
	is_int(m.from.whole.len, 0, "which is empty");
	is_str(mail("FROM: <a@b.example>", &m), "", "a blank too many");
	is_str(mail("FROM:<a@b.example> SIZE=12 body=8bitmime RET=HDRS "
		    "ENVID=QQ+3D1",
		   &m),
	    "", "all parameters");
	ok(m.sized && m.size == 12 && m.eightbit && m.ret == RET_HEADERS,
	    "their values");
	str_copy(text, sizeof(text), m.envid);
	is_str(text, "QQ+3D1", "xtext as it came");
	mail("FROM:<> SIZE=99999999999999999999", &m);
	ok(m.size == UINT64_MAX, "more than we can count");
}

static void
test_mail_refused(void)
{
	static const struct {
		const char *args, *code;
	} bad[] = {
	    {"",				   "501 5.1.7"},
	    {"FROM",			       "501 5.1.7"},
	    {"FROM:",			      "501 5.1.7"},
	    {"FROM:a@b.example",                   "501 5.1.7"},
	    {"FROM:<a@b.example",                  "501 5.1.7"},
	    {"TO:<a@b.example>",                   "501 5.1.7"},
	    {"FROM:<a@b.example>SIZE=1",           "501 5.1.7"},
	    {"FROM:<a b@c.example>",               "501 5.1.7"},
	    {"FROM:<\xc3\xa4@b.example>",          "550 5.6.7"},
	    {"FROM:<> SIZE",                       "501 5.5.4"},
	    {"FROM:<> SIZE=",                      "501 5.5.4"},
	    {"FROM:<> SIZE=-1",                    "501 5.5.4"},
	    {"FROM:<> SIZE=1x",                    "501 5.5.4"},
	    {"FROM:<> SIZE=1=2",                   "501 5.5.4"},
	    {"FROM:<> SIZE=123456789012345678901", "501 5.5.4"},
	    {"FROM:<> SIZE=1 size=1",              "501 5.5.4"},
	    {"FROM:<> BODY=BINARYMIME",            "504 5.5.4"},
	    {"FROM:<> RET=BOTH",                   "501 5.5.4"},
	    {"FROM:<> ENVID=",                     "501 5.5.4"},
	    {"FROM:<> ENVID=+3d",                  "501 5.5.4"},
	    {"FROM:<> ENVID=a+3",                  "501 5.5.4"},
	    {"FROM:<> ENVID=a\xc3\xa4",            "501 5.5.4"},
	    {"FROM:<> AUTH=<>",                    "555 5.5.4"},
	    {"FROM:<> SMTPUTF8",                   "555 5.5.4"},
	    {"FROM:<> =1",                         "555 5.5.4"},
	    {"FROM:<> NOTIFY=NEVER",               "555 5.5.4"},
	};
	struct mail_command m;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_code(mail(bad[i].args, &m), bad[i].code);
}

static void
test_rcpt(void)
{
	struct rcpt_command r;
	char text[400];

	is_str(rcpt("TO:<a@b.example>", &r), "", "an address");
	is_int(r.notify, 0, "nothing said of reports");
	is_str(rcpt("to:<Postmaster>", &r), "", "the one without domain");
	is_int(r.to.domain.len, 0, "indeed");
	is_str(rcpt("TO:<@x.example,@y.example:a@b.example>", &r), "",
	    "a source route");
	str_copy(text, sizeof(text), r.to.whole);
	is_str(text, "a@b.example", "is ignored");
	is_str(rcpt("TO:<\"a b\"@c.example> NOTIFY=success,DELAY "
		    "ORCPT=rfc822;a+2Bb@c.example",
		   &r),
	    "", "a quoted one with all parameters");
	is_int(r.notify, NOTIFY_SUCCESS | NOTIFY_DELAY, "NOTIFY");
	str_copy(text, sizeof(text), r.original);
	is_str(text, "rfc822;a+2Bb@c.example", "ORCPT as it came");
	rcpt("TO:<a@b.example> NOTIFY=NEVER", &r);
	is_int(r.notify, NOTIFY_NEVER, "NEVER");
}

static void
test_rcpt_refused(void)
{
	static const struct {
		const char *args, *code;
	} bad[] = {
	    {"TO:<>",			       "501 5.1.3"},
	    {"TO:<a>",			      "501 5.1.3"},
	    {"TO:a@b.example",                      "501 5.1.3"},
	    {"TO:<a@b.example>x",                   "501 5.1.3"},
	    {"FROM:<a@b.example>",                  "501 5.1.3"},
	    {"TO:<a@\xc3\xa4.example>",             "553 5.6.7"},
	    {"TO:<a@b.example> NOTIFY",             "501 5.5.4"},
	    {"TO:<a@b.example> NOTIFY=,",           "501 5.5.4"},
	    {"TO:<a@b.example> NOTIFY=DELAY,",      "501 5.5.4"},
	    {"TO:<a@b.example> NOTIFY=NEVER,DELAY", "501 5.5.4"},
	    {"TO:<a@b.example> NOTIFY=MAYBE",       "501 5.5.4"},
	    {"TO:<a@b.example> ORCPT=a@b.example",  "501 5.5.4"},
	    {"TO:<a@b.example> ORCPT=;a@b.example", "501 5.5.4"},
	    {"TO:<a@b.example> ORCPT=rfc822;",      "501 5.5.4"},
	    {"TO:<a@b.example> SIZE=1",             "555 5.5.4"},
	};
	struct rcpt_command r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_code(rcpt(bad[i].args, &r), bad[i].code);
}

int
main(void)
{
	test_verbs();
	test_clean();
	test_helo();
	test_mail();
	test_mail_refused();
	test_rcpt();
	test_rcpt_refused();
	return done();
}
