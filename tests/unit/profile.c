/* SPDX-License-Identifier: ISC */
#include "mail/profile.h"

#include <string.h>

#include "mapfile.h"
#include "tap.h"

#define BUILT_IN                                                              \
	"retry 15m 30m 1h 2h 3h retries none lifetime 5d delay-warning none " \
	"at-end dsn concurrency 20 messages-per-connection 100 "              \
	"greeting-5xx fail alias-without-mx fail priority 5 tls "             \
	"opportunistic tls-pin none auth "                                    \
	"none auth-in-clear no"

#define AB4        "ab:AB:ab:AB:"
#define PIN_COLONS "sha256:" AB4 AB4 AB4 AB4 AB4 AB4 AB4 "01:23:45:10"
#define CD8        "abababababababab"
#define PIN        "sha256:" CD8 CD8 CD8 "abababab01234510"

static void
test_format(void)
{
	struct profile p, again;
	struct buf b = {0};
	size_t at;

	profile_default(&p);
	profile_format(&p, &b);
	is_str(buf_text(&b), BUILT_IN, "what holds where nothing is written");
	buf_clear(&b);
	ok(profile_parse(
	       str_of("retry 60m 120m 180m retries 30 delay-warning "
		      "4h at-end discard concurrency 5 priority 0 "
		      "messages-per-connection none greeting-5xx "
		      "next auth relay auth-in-clear yes greeting-timeout 1s "
		      "reply-timeout 90s data-timeout 2m content-timeout 3h "
		      "end-timeout 1d tls pin tls-pin " PIN),
	       &p, &at) == NULL,
	    "every key");
	is_int(p.retry_s[2], 10800, "delays in seconds");
	is_int(p.nretry, 3, "as many as were written");
	is_int(p.lifetime_s, 0, "retries alone takes the lifetime away");
	ok(p.discard && p.greeting_next && p.prio == '0', "the choices");
	profile_format(&p, &b);
	profile_default(&again);
	ok(profile_parse(str_of(buf_text(&b)), &again, &at) == NULL &&
		memcmp(&p, &again, sizeof(p)) == 0,
	    "what is formatted reads back the same");
	buf_free(&b);
}

static void
test_mistakes(void)
{
	static const struct {
		const char *text;
		size_t at;
		const char *expected; /* its beginning */
	} rows[] = {
	    {"retry 60m retrys 3",    10, "a key of a profile"},
	    {"retries 0",             8,  "a number from 1 to"},
	    {"retries 10001",         8,  "a number from 1 to"},
	    {"retries",               7,  "a number from 1 to"},
	    {"retry 60",              6,  "a time from 1s to" },
	    {"retry 10s 500ms",       10, "a time from 1s to" },
	    {"retry 31d",             6,  "a time from 1s to" },
	    {"retry",                 5,  "a time from 1s to" },
	    {"lifetime forever",      9,  "a time from 1s to" },
	    {"at-end bounce",         7,  "dsn or discard"    },
	    {"greeting-5xx maybe",    13, "fail or next"      },
	    {"alias-without-mx next", 17, "fail or follow"    },
	    {"priority 10",           9,  "one digit"         },
	    {"priority x",            9,  "one digit"         },
	    {"priority 1 priority 2", 11, "each key once"     },
	    {"tls maybe",             4,  "none, opportun"    },
	    {"tls-pin",               7,  "sha256: and the"   },
	    {"tls-pin md5:00",        8,  "sha256: and the"   },
	    {"tls-pin sha256:00",     8,  "sha256: and the"   },
	    {"tls-pin sha256:0g",     8,  "sha256: and the"   },
	};
	struct profile p;
	const char *expected;
	size_t at;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		profile_default(&p);
		expected = profile_parse(str_of(rows[i].text), &p, &at);
		ok(expected && strncmp(expected, rows[i].expected,
				   strlen(rows[i].expected)) == 0,
		    "%s: %s", rows[i].text, rows[i].expected);
		is_int(at, rows[i].at, "at the right place");
	}
}

static void
test_check(void)
{
	struct profile p;
	size_t at;

	profile_default(&p);
	ok(profile_check(&p) == NULL, "a lifetime alone");
	profile_parse(str_of("retries 3"), &p, &at);
	ok(profile_check(&p) == NULL, "retries alone");
	profile_parse(str_of("retries none lifetime none"), &p, &at);
	ok(profile_check(&p) != NULL, "neither would never end");
	profile_default(&p);
	profile_parse(str_of("tls pin"), &p, &at);
	ok(profile_check(&p) != NULL, "tls pin without a pin");
	ok(profile_parse(str_of("tls-pin " PIN_COLONS " " PIN), &p, &at) ==
		NULL,
	    "two pins, as tools print them");
	profile_parse(str_of("auth 2nd"), &p, &at);
	ok(p.auth[0] == '\0', "a credential has a name");
	ok(profile_check(&p) == NULL && p.ntls_pins == 2, "are pins enough");
	ok(memcmp(p.tls_pins[0], p.tls_pins[1], 32) == 0 &&
		p.tls_pins[0][0] == 0xab && p.tls_pins[0][31] == 0x10,
	    "and the same one");
}

static void
test_auth(void)
{
	struct profile p;
	size_t at;

	profile_default(&p);
	profile_parse(str_of("tls none auth relay"), &p, &at);
	ok(profile_check(&p) != NULL, "a password in clear");
	profile_parse(str_of("auth-in-clear yes"), &p, &at);
	ok(profile_check(&p) == NULL, "has to be asked for");
}

static void
test_timeouts(void)
{
	struct profile p;
	size_t at;

	profile_default(&p);
	is_int(profile_wait_s(&p, WAIT_GREETING, 300), 300, "as it is set");
	is_int(profile_wait_s(&p, WAIT_END, 300), 600, "twice at the end");
	profile_parse(str_of("reply-timeout 20s data-timeout 7s"), &p, &at);
	is_int(profile_wait_s(&p, WAIT_DATA, 300), 7, "as it is said");
	is_int(profile_wait_s(&p, WAIT_CONTENT, 300), 20, "or for any reply");
	is_int(profile_wait_s(&p, WAIT_END, 300), 40, "twice at the end, too");
	profile_parse(str_of("end-timeout 1s"), &p, &at);
	is_int(profile_wait_s(&p, WAIT_END, 300), 1, "or as it is said there");
	ok(profile_parse(str_of("end-timeout 25h"), &p, &at) != NULL &&
		at == 12,
	    "a day is the most");
}

static void
test_names(void)
{
	ok(profile_name_check(str_of("partner-vpn_2")) == NULL, "a name");
	ok(profile_name_check(str_of("")) != NULL, "no name");
	ok(profile_name_check(str_of("2nd")) != NULL, "a digit in front");
	ok(profile_name_check(str_of("a.example")) != NULL, "a dot");
	ok(profile_name_check(str_of("a23456789012345678901234567890"
				     "123456789012345678901234567890abcd")) !=
		NULL,
	    "64 characters");
}

static void
test_calendar(void)
{
	struct profile p;
	size_t at;
	unsigned attempts = 1;
	int64_t due, now = 1000;

	profile_default(&p);
	profile_parse(str_of("retry 60m 120m 180m retries 30"), &p, &at);
	is_int(profile_total_s(&p), (60 + 120 + 28 * 180) * 60,
	    "30 retries at 60, 120, 180, 180... minutes are 87 hours");
	while ((due = profile_next_due(&p, attempts, 1000, now)) != -1) {
		now = due;
		attempts++;
	}
	is_int(now - 1000, (60 + 120 + 28 * 180) * 60,
	    "and that is when the last attempt is made");
	is_int(attempts, 31, "the first and thirty retries");

	profile_default(&p);
	is_int(profile_total_s(&p), 0, "without a count there is no total");
	is_int(profile_next_due(&p, 1, 0, 10), 10 + 900, "the first delay");
	is_int(profile_next_due(&p, 99, 0, 10), 10 + 10800,
	    "the last one repeats");
	is_int(profile_next_due(&p, 99, 0, 5 * 86400 - 60), 5 * 86400,
	    "a last attempt when the lifetime ends");
	is_int(profile_next_due(&p, 99, 0, 5 * 86400), -1, "and no more");
}

static void
test_find(int dir)
{
	static const struct mapfile_record records[] = {
	    {"Pdefault",                        "-:0\t" BUILT_IN},
	    {"Pvpn",				 "profiles:3\tretry 1m retries 2"},
	    {"Pbad","profiles:4\tretry 1m retries banana"},
	    {0			   },
	};
	struct profile p;
	struct map *m;

	mapfile_write(dir, 1, records);
	m = map_open(dir);
	is_int(profile_find(m, "vpn", &p), 1, "found");
	is_str(p.name, "vpn", "its name");
	is_int(p.retries_max, 2, "its count");
	is_int(profile_find(m, "nope", &p), 0, "not found");
	is_int(profile_find(m, "bad", &p), -1, "damaged");
	map_close(&m);
}

int
main(void)
{
	test_format();
	test_mistakes();
	test_check();
	test_auth();
	test_timeouts();
	test_names();
	test_calendar();
	test_find(tmpdir());
	return done();
}
