/* SPDX-License-Identifier: ISC */
#include "sender/secret.h"

#include <string.h>

#include "tap.h"

static void
test_password(void)
{
	static const struct {
		const char *text;
		bool shows;
	} rows[] = {
	    {"535 5.7.8 wrong",                         false},
            {"",                                        false},
	    {"550 who is user?",                        false},
            {"550 tOp+s3cr3t=#",                        true },
	    {"550 TOP+S3CR3T=#",                        true },
            {"550 t O p s-3-c-r-3-t",                   true },
	    {"550 <\"top s3cr3t\">",                    true },
	    {"500 AUTH PLAIN AHVzZXIAdE9wK3MzY3IzdD0j", true },
	    {"500 PLAIN AHVzZXIAdE9w K3MzY3IzdD0j huh", true },
	    {"500 AHVzZXIAdE9wK3MzY3IzdD0",             true },
	    {"500 dE9wK3MzY3IzdD0j",                    true }, /* LOGIN */
	    {"500 dXNlcjp0T3ArczNjcjN0PSM=",            true }, /* user: */
	    {"500 eDp0T3ArczNjcjN0PSM=",                true }, /* x: */
	    {"500 AHVzZXIA",                            false}, /* user */
	};
	struct secret *s = secret_new();

	secret_add_password(s, str_of("tOp+s3cr3t=#"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(secret_shows(s, str_of(rows[i].text)) == rows[i].shows,
		    "\"%s\" shows %s", rows[i].text,
		    rows[i].shows ? "it" : "nothing");
	secret_free(&s);
	ok(s == NULL, "freed");
	secret_free(&s);
}

static void
test_short(void)
{
	struct secret *s = secret_new();

	ok(!secret_shows(s, str_of("250 fine")), "nothing is secret yet");
	secret_add_password(s, str_of("Fish"));
	ok(secret_shows(s, str_of("550 user/fish")), "a short password");
	ok(secret_shows(s, str_of("550 RmlzaA==")), "  in base64");
	ok(!secret_shows(s, str_of("550 f-i-s")), "  and not a part of it");
	secret_add(s, str_of("AHVzZXIA"));
	ok(secret_shows(s, str_of("550 AHVzZXIA")), "what was said beside it");
	secret_free(&s);

	s = secret_new();
	secret_add_password(s, str_of("#!*"));
	ok(secret_shows(s, str_of("550 #!*?")), "no letter nor digit");
	ok(!secret_shows(s, str_of("550 #!?")), "  and not a part of it");
	secret_free(&s);
}

static void
test_long(void)
{
	char password[256] = "";
	struct secret *s = secret_new();

	for (size_t i = 0; i + 1 < sizeof(password); i++)
		password[i] = (char)('a' + i * i % 23);
	secret_add_password(s, str_of(password));
	ok(secret_shows(s, str_of(password)), "the longest password");
	ok(secret_shows(s, str_of(password + 240)), "  its end");
	password[100] = '\0';
	ok(secret_shows(s, str_of(password + 92)), "  eight of its middle");
	ok(!secret_shows(s, str_of(password + 93)), "  and not seven");
	secret_free(&s);
}

int
main(void)
{
	test_password();
	test_short();
	test_long();
	return done();
}
