/* SPDX-License-Identifier: ISC */
#include "mail/route.h"

#include <string.h>

#include "tap.h"

static struct route r;

/* Each line as written, and its canonical form. */
static void
test_canonical(void)
{
	static const char *const rows[][2] = {
	    {"smtp a.example",					 "smtp a.example"             },
	    {"smtp A.Example",					 "smtp a.example"             },
	    {"smtp 10=a.example",				      "smtp a.example"             },
	    {"smtp a.example:25",				      "smtp a.example"             },
	    {"smtp a.example:2525 slow",                               "smtp a.example:2525 slow"   },
	    {"smtp a.example default",                                 "smtp a.example"             },
	    {"smtp   a.example\tslow",                                 "smtp a.example slow"        },
	    {"smtp 192.0.2.9",					 "smtp [192.0.2.9]"           },
	    {"smtp [192.0.2.9]:2525",                                  "smtp [192.0.2.9]:2525"      },
	    {"smtp [IPv6:2001:DB8::1]",                                "smtp [2001:db8::1]"         },
	    {"smtp [::1]:26",					  "smtp [::1]:26"              },
	    {"smtp ::1",					       "smtp [::1]"                 },
	    {"smtp 20=b.example 10=[192.0.2.9]:2525 10=A.example vpn",
             "smtp 10=[192.0.2.9]:2525 10=a.example 20=b.example vpn"                               },
	    {"lmtp unix:/run/lmtp",				    "lmtp unix:/run/lmtp"        },
	    {"lmtp a.example:24",				      "lmtp a.example"             },
	    {"lmtp 10=unix:/run/lmtp 20=[::1]:25",
             "lmtp 10=unix:/run/lmtp 20=[::1]:25"                                                   },
	    {"mx",						     "mx"			 },
	    {"mx slow",						"mx slow"                    },
	    {"mx query=192.0.2.53,[::1]:5353 zone=Z.example",
             "mx zone=z.example query=192.0.2.53:53,[::1]:5353"                                     },
	    {"lookup-mx:zone=z.example;query=192.0.2.53 slow",
             "mx zone=z.example query=192.0.2.53:53 slow"                                           },
	    {"mx port=2525 zone=z.example",                            "mx zone=z.example port=2525"},
	    {"lookup-mx",					      "mx"                         },
	    {"maildir:/var/mail/%d/%u",                                "maildir:/var/mail/%d/%u"    },
	    {"maildir:mail/100%% slow",                                "maildir:mail/100%% slow"    },
	};
	char canonical[DESTINATION_SIZE];
	const char *expected;
	size_t at;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expected = route_parse(str_of(rows[i][0]), &r, &at);
		is_str(
		    expected ? expected : r.text, rows[i][1], "%s", rows[i][0]);
		strcpy(canonical, r.text);
		route_parse(str_of(canonical), &r, &at);
		is_str(r.text, rows[i][1], "and again");
	}
}

static void
test_mistakes(void)
{
	static const struct {
		const char *text;
		size_t at;
		const char *expected; /* its beginning */
	} rows[] = {
	    {"",				   0,     "a route: smtp"           },
	    {"smtps a.example",                    0,     "a route: smtp"           },
	    {"smtp",			       4,     "a next hop"              },
	    {"smtp a.example b.example",           15,    "a weight for each"       },
	    {"smtp a.example 20=b.example",        5,     "a weight for each"       },
	    {"smtp 10=a.example 10=A.example",     0,     "each hop once"           },
	    {"smtp 10=a.example 20=a.example",     21,    "each hop once"           },
	    {"smtp x=a.example",                   5,     "a weight from 0"         },
	    {"smtp 65536=a.example",               5,     "a weight from 0"         },
	    {"smtp a.example:0",                   5,     "a port from 1"           },
	    {"smtp [192.0.2.9]:70000",             5,     "a port from 1"           },
	    {"smtp [192.0.2.9",                    5,     "\"]\" after"             },
	    {"smtp [a.example]",                   5,     "an address such as"      },
	    {"smtp unix:/run/smtp",                5,     "a host"                  },
	    {"smtp 10=unix:/run/smtp",             8,     "a host"                  },
	    {"lmtp unix:run/lmtp",                 5,     "the whole path"          },
	    {"smtp a.example vpn more",            19,    "at most a profile's name"},
	    {"smtp a.example 2nd",                 15,    "a weight for each"       },
	    {"mx 2nd",			     3,     "a profile's name"        },
	    {"mx vpn zone=a.example",              7,     "at most a profile's name"},
	    {"mx zome=a.example",                  3,     "zone=DOMAIN, query="     },
	    {"mx zone=a.example zone=b.example",   18,    "zone=DOMAIN, query="     },
	    {"mx port=0",			  9 - 1, "a port from 1 to 65535"  },
	    {"mx port=25 port=26",                 11,    "zone=DOMAIN, query="     },
	    {"mx query=ns.example",                9,     "an address such as"      },
	    {"mx query=192.0.2.1,",                19,    NULL                      },
	    {"lmtp unix:/run/\001lmtp",            15,    "text without"            },
	    {"maildir:",			   8,     "a path"                  },
	    {"maildir:/var/../etc",                13,    "a path without"          },
	    {"maildir:/var/%h",                    13,    "%u, %d or"               },
	    {"maildir:/var/%",                     13,    "%u, %d or"               },
	    {"maildir:incoming/%u",                8,     "a whole path"            },
	    {"maildir:%d/%u",                      8,     "a whole path"            },
	    {"smtp a fallback smtp b slow",        0,     NULL                      },
	    {"smtp fallback smtp b",               5,     "a next hop"              },
	    {"smtp a fallback",                    15,    "a route: smtp"           },
	    {"smtp a fallback smtp",               20,    "a next hop"              },
	    {"smtp a fallback smtp b fallback mx", 23,    "one fallback"            },
	    {"smtp a fallback smtp A:25",          16,    "another route"           },
	    {"maildir:/m fallback mx",             20,    "a fallback only for"     },
	};
	const char *expected;
	size_t at;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expected = route_parse(str_of(rows[i].text), &r, &at);
		if (!rows[i].expected) {
			ok(!expected, "%s is right", rows[i].text);
			continue;
		}
		ok(expected && strncmp(expected, rows[i].expected,
				   strlen(rows[i].expected)) == 0,
		    "%s: %s", rows[i].text, rows[i].expected);
		is_int(at, rows[i].at, "at the right place");
	}
}

static void
test_limits(void)
{
	struct buf b = {0};
	const char *expected;
	size_t at;

	buf_add_str(&b, "smtp");
	for (int i = 0; i < HOPS_MAX; i++)
		buf_addf(&b, " 1=h%d", i);
	ok(route_parse(str_of(b.data), &r, &at) == NULL, "64 hops");
	is_int(r.nhops, HOPS_MAX, "all of them");
	buf_add_str(&b, " 1=one-more");
	expected = route_parse(str_of(b.data), &r, &at);
	is_str(expected, "at most 64 hops", "65 hops");

	buf_clear(&b);
	buf_add_str(&b, "smtp");
	for (int i = 0; i < 40; i++)
		buf_addf(&b, " 1=host%d.with-a-long-name.example", i);
	expected = route_parse(str_of(b.data), &r, &at);
	is_str(expected, "a shorter route", "more than a destination holds");
	buf_free(&b);
}

static void
test_fields(void)
{
	size_t at;

	route_parse(str_of("smtp 20=B.example:26 10=[192.0.2.9] vpn"), &r, &at);
	is_int(r.kind, ROUTE_SMTP, "kind");
	is_str(r.profile, "vpn", "profile");
	ok(str_eq(r.hops[0].host, "192.0.2.9") && r.hops[0].literal,
	    "the first hop, without its brackets");
	is_int(r.hops[0].port, 25, "its port");
	ok(str_eq(r.hops[1].host, "b.example") && !r.hops[1].literal,
	    "the second");
	is_int(r.hops[1].port, 26, "its port");
	is_int(r.hops[1].weight, 20, "its weight");

	route_parse(str_of("lmtp unix:/run/lmtp"), &r, &at);
	ok(r.hops[0].is_unix && str_eq(r.hops[0].host, "/run/lmtp"),
	    "a socket's path");
	route_parse(str_of("lmtp a.example"), &r, &at);
	is_int(r.hops[0].port, 24, "lmtp has its own port");
	route_parse(str_of("mx zone=z.example query=192.0.2.53"), &r, &at);
	ok(str_eq(r.zone, "z.example"), "zone");
	is_str(r.servers[0].name, "192.0.2.53:53", "query");
	is_str(r.profile, "default", "no profile is the default one");
	route_parse(str_of("maildir:/var/mail/%u"), &r, &at);
	ok(str_eq(r.path, "/var/mail/%u"), "path");
}

static void
test_fallback(void)
{
	struct buf compiled = {0};
	size_t at;

	route_parse(
	    str_of("smtp A:25 vpn  fallback  lmtp 20=b 10=c slow"), &r, &at);
	is_str(r.text, "smtp a vpn", "the route is as without it");
	is_str(r.fallback, "lmtp 10=c 20=b slow", "the fallback is canonical");
	route_format(&r, &compiled);
	is_str(compiled.data, "smtp a vpn fallback lmtp 10=c 20=b slow",
	    "together they are what is compiled");
	route_parse(str_of("mx"), &r, &at);
	is_str(r.fallback, "", "no fallback");
	buf_free(&compiled);
}

static void
test_order(void)
{
	const struct hop *order[HOPS_MAX];
	unsigned first[2] = {0};
	bool sorted = true, whole = true;
	size_t at;

	route_parse(str_of("smtp 20=c 10=a 30=d 10=b 20=e"), &r, &at);
	for (int i = 0; i < 1000; i++) {
		route_order(&r, order);
		for (size_t k = 1; k < r.nhops; k++)
			sorted &= order[k - 1]->weight <= order[k]->weight;
		whole &= order[0] != order[1] && order[2] != order[3];
		first[str_eq(order[0]->host, "a")]++;
	}
	ok(whole, "no hop twice");
	ok(sorted, "lower weights first, always");
	ok(first[0] > 400 && first[1] > 400,
	    "equal weights share: %u and %u of 1000", first[0], first[1]);
}

int
main(void)
{
	test_canonical();
	test_mistakes();
	test_limits();
	test_fields();
	test_fallback();
	test_order();
	return done();
}
