/* SPDX-License-Identifier: ISC */
#include "mail/rule.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static struct recipient people[] = {
    {.address = "Kim@A.example"},
    {.address = "\"lo\"@sub.b.example"},
    {.address = "postmaster"},
};

static struct envelope envelope = {
    .sender = "Jo@C.example",
    .recipients = people,
    .nrecipients = 3,
    .client = "192.0.2.7",
    .login = "jo",
    .listener = "127.0.0.1:2525",
};

static struct rule_subject subject = {
    .envelope = &envelope,
    .size = 1000,
};

static enum rule_answer
asked(const char *conditions, size_t recipient)
{
	const struct condition *failing;
	const char *const *known;
	enum rule_answer answer = RULE_NO;
	const char *wrong;
	struct rule r;
	char text[512];
	size_t at;

	snprintf(text, sizeof(text), "r %s then stop", conditions);
	wrong = rule_parse(str_of(text), &r, &at, &known);
	if (wrong)
		diag("%s: expected %s at %zu", text, wrong, at);
	else
		answer = rule_match_message(&r, &subject, &failing);
	if (!wrong && answer == RULE_YES)
		answer =
		    rule_match_recipient(&r, &subject, recipient, &failing);
	rule_free(&r);
	return answer;
}

static void
test_addresses(void)
{
	static const struct {
		const char *conditions;
		bool yes[3];
	} cases[] = {
	    {"to kim@a.example",               {true, false, false} },
	    {"to a.example",                   {true, false, false} },
	    {"to .b.example",                  {false, true, false} },
	    {"to b.example",                   {false, false, false}},
	    {"to lo@sub.b.example",            {false, true, false} },
	    {"to *@*",			 {true, true, false}  },
	    {"to *@a.example",                 {true, false, false} },
	    {"to l*@.b.example",               {false, true, false} },
	    {"to *",			   {true, true, true}   },
	    {"to /^KIM@/",                     {true, false, false} },
	    {"to /^postmaster$/",              {false, false, true} },
	    {"to a.example .b.example",        {true, true, false}  },
	    {"not to a.example",               {false, true, true}  },
	    {"from jo@c.example to a.example", {true, false, false} },
	    {"from jo@d.example to a.example", {false, false, false}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t n = 0; n < 3; n++)
			is_int(asked(cases[i].conditions, n),
			    cases[i].yes[n] ? RULE_YES : RULE_NO, "%s: %s",
			    cases[i].conditions, people[n].address);
}

static void
test_client(void)
{
	is_int(asked("client 192.0.2.0/24", 0), RULE_YES, "in the network");
	is_int(asked("client 192.0.2.7", 0), RULE_YES, "the address");
	is_int(asked("client 198.51.100.0/24 2001:db8::/32", 0), RULE_NO,
	    "in neither");
	is_int(asked("client ::/0", 0), RULE_NO, "of another family");
	is_int(asked("client local", 0), RULE_NO, "not ours");
	envelope.client = NULL;
	is_int(asked("client local", 0), RULE_YES, "one of our own");
	is_int(asked("client 0.0.0.0/0", 0), RULE_NO, "has no address");
	envelope.client = "192.0.2.7";
	is_int(asked("login *", 0), RULE_YES, "logged in");
	is_int(asked("login J*", 0), RULE_YES, "as somebody with a J");
	envelope.login = NULL;
	is_int(asked("login *", 0), RULE_NO, "not logged in");
	is_int(asked("not login *", 0), RULE_YES, "so");
	is_int(asked("listener 127.0.0.1:2525", 0), RULE_YES, "listener");
	is_int(asked("listener *:25", 0), RULE_NO, "not that one");
	is_int(asked("size over 999", 0), RULE_YES, "large");
	is_int(asked("size over 1000", 0), RULE_NO, "over is more than");
	is_int(asked("size under 1k", 0), RULE_YES, "small");
}

static void
test_header(void)
{
	subject.header = str_of(
	    "Subject: one\r\nsubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= two\r\n"
	    "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\r\n\r\n"
	    "Subject: three\r\n");
	is_int(asked("header Subject ONE", 0), RULE_YES, "the first field");
	is_int(asked("header Subject *two", 0), RULE_YES, "the second");
	is_int(asked("header Subject \"gr\xc3\xbc\xc3\x9f"
		     "e two\"",
		   0),
	    RULE_YES, "decoded");
	is_int(asked("header Subject three", 0), RULE_NO, "not the body");
	is_int(asked("header Subject", 0), RULE_YES, "it is there");
	is_int(asked("header X-B", 0), RULE_NO, "it is not");
	is_int(asked("header X-A /^(a+)+$/", 0), RULE_LATER,
	    "a limit is no answer");
	is_int(asked("not header X-A /^(a+)+$/", 0), RULE_LATER,
	    "the opposite of no answer is none");
	is_int(asked("header X-A /^(a+)+$/ *!", 0), RULE_YES,
	    "another value may have the answer");
	is_int(asked("header X-A /^(a+)+$/ size over 1g", 0), RULE_NO,
	    "or another condition");
}

static void
is_action(const struct rule *r, size_t i, enum action_kind kind,
    const char *value, const char *via)
{
	ok(i < r->nactions && r->actions[i].kind == kind, "action %zu", i);
	ok(str_eq(r->actions[i].value, value), "%s", value);
	ok(str_eq(r->actions[i].via, via), "via \"%s\"", via);
}

static void
test_actions(void)
{
	const char *const *known;
	struct rule r;
	size_t at;

	ok(!rule_parse(str_of("all then copy v@v.example via smtp 10=a 20=b p "
			      "and copy w@v.example and add-header X-A: a "
			      "\"b  and c\" and profile p and priority 3 and "
			      "reject 550 no"),
	       &r, &at, &known),
	    "many actions");
	is_action(&r, 0, ACTION_COPY, "v@v.example", "smtp 10=a 20=b p");
	is_action(&r, 1, ACTION_COPY, "w@v.example", "");
	is_action(&r, 2, ACTION_HEADER, "X-A: a b  and c", "");
	is_action(&r, 3, ACTION_PROFILE, "p", "");
	is_action(&r, 4, ACTION_PRIORITY, "3", "");
	is_action(&r, 5, ACTION_REJECT, "550 5.7.1 no", "");
	ok(r.stops, "who is refused is asked about no more");
	rule_free(&r);
	rule_free(&r);
	ok(!rule_parse(str_of("a then copy v@v.example"), &r, &at, &known) &&
		!r.stops,
	    "a copy does not end it");
	rule_free(&r);
	ok(!rule_parse(
	       str_of("a then route mx and continue"), &r, &at, &known) &&
		!r.stops,
	    "nor a route that says so");
	rule_free(&r);
	ok(!rule_parse(str_of("a then reject"), &r, &at, &known), "reject");
	is_action(
	    &r, 0, ACTION_REJECT, "554 5.7.1 the message is refused here", "");
	rule_free(&r);
}

int
main(void)
{
	test_addresses();
	test_client();
	test_header();
	test_actions();
	return done();
}
