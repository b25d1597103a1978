/* SPDX-License-Identifier: ISC */
#include "mail/endpoint.h"

#include <netinet/in.h>
#include <string.h>

#include "tap.h"

static const struct {
	const char *text;
	const char *name; /* NULL: refused */
} rows[] = {
    {"192.0.2.1",							   "192.0.2.1:25"     },
    {"192.0.2.1:2525",						      "192.0.2.1:2525"   },
    {"[192.0.2.1]",							 "192.0.2.1:25"     },
    {"[192.0.2.1]:2525",						    "192.0.2.1:2525"   },
    {"::1",								 "[::1]:25"         },
    {"[::1]",							       "[::1]:25"         },
    {"[::1]:26",							    "[::1]:26"         },
    {"[IPv6:2001:DB8:0::1]:587",					    "[2001:db8::1]:587"},
    {"",								    NULL	       },
    {"[",								   NULL	       },
    {"[]",								  NULL	       },
    {"[::1",								NULL               },
    {"[::1]x",							      NULL               },
    {"[::1]:",							      NULL               },
    {"192.0.2.1:0",							 NULL               },
    {"192.0.2.1:65536",						     NULL               },
    {"192.0.2.1:25x",						       NULL               },
    {"192.0.2",							     NULL               },
    {"192.0.2.256",							 NULL               },
    {"a.example:25",							NULL               },
    {":25",								 NULL               },
    {"1111111111111111111111111111111111111111111111111111111111111111111",
     NULL										      },
};

static void
test_parse(void)
{
	struct endpoint e;
	const char *expected;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&e, 0, sizeof(e));
		expected = endpoint_parse(str_of(rows[i].text), 25, &e);
		if (rows[i].name)
			is_str(e.name, rows[i].name, "%s", rows[i].text);
		else
			ok(expected && *expected, "refused: \"%s\"",
			    rows[i].text);
	}
}

static void
test_address(void)
{
	struct endpoint a, b;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a.addr;

	endpoint_parse(str_of("[2001:db8::5]:2525"), 25, &a);
	is_int(a.addr_len, sizeof(*v6), "the length of an IPv6 address");
	is_int(ntohs(v6->sin6_port), 2525, "its port");
	is_int(v6->sin6_addr.s6_addr[15], 5, "its last byte");
	is_int(endpoint_port(&a), 2525, "and its port again");
	endpoint_parse(str_of("[2001:db8:0::5]"), 2525, &b);
	ok(endpoint_same(&a, &b), "two ways to write one endpoint");
	endpoint_parse(str_of("[2001:db8:0::5]"), 25, &b);
	ok(!endpoint_same(&a, &b), "another port is another endpoint");
}

int
main(void)
{
	test_parse();
	test_address();
	return done();
}
