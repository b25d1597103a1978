/* SPDX-License-Identifier: ISC */
#include "mail/network.h"

#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cdbfile.h"
#include "mail/endpoint.h"
#include "mapfile.h"
#include "tap.h"

static void
test_parse(void)
{
	static const struct {
		const char *text, *back; /* NULL: refused */
	} rows[] = {
	    {"192.0.2.0/24",            "192.0.2.0/24"          },
	    {"192.0.2.7",               "192.0.2.7/32"          },
	    {"0.0.0.0/0",               "0.0.0.0/0"             },
	    {"192.0.2.128/25",          "192.0.2.128/25"        },
	    {"2001:db8::/32",           "2001:db8::/32"         },
	    {"2001:DB8::1",             "2001:db8::1/128"       },
	    {"2001:db8::8000:0:0:0/65", "2001:db8:0:0:8000::/65"},
	    {"::/0",                    "::/0"                  },
	    {"::ffff:192.0.2.0/120",    "192.0.2.0/24"          },
	    {"192.0.2.1/24",            NULL                    },
	    {"192.0.2.0/33",            NULL                    },
	    {"192.0.2.0/",              NULL                    },
	    {"192.0.2.0/-1",            NULL                    },
	    {"192.0.2/24",              NULL                    },
	    {"2001:db8::/129",          NULL                    },
	    {"2001:db8::1/64",          NULL                    },
	    {"a.example",               NULL                    },
	    {"",			NULL                    },
	};
	char back[CIDR_TEXT_SIZE], key[CIDR_KEY_MAX];
	struct cidr c, again;
	const char *expected;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expected = cidr_parse(str_of(rows[i].text), &c);
		if (!rows[i].back) {
			ok(expected && *expected, "refused: \"%s\"",
			    rows[i].text);
			continue;
		}
		cidr_format(&c, back);
		is_str(back, rows[i].back, "%s", rows[i].text);
		ok(cidr_from_key(
		       (struct str){key, cidr_key(&c, key)}, &again) == 0 &&
			memcmp(&c, &again, sizeof(c)) == 0,
		    "and back from its key");
	}
	expected = cidr_parse(str_of("192.0.2.1/24"), &c);
	is_str(expected,
	    "a network without bits beyond its prefix, here 192.0.2.0/24",
	    "host bits: the right network is named");
}

static void
add(struct cdbwriter *w, const char *network, const char *value)
{
	char key[CIDR_KEY_MAX + 1] = "N";
	struct cidr c;

	cidr_parse(str_of(network), &c);
	cdbwriter_add(
	    w, (struct str){key, 1 + cidr_key(&c, key + 1)}, str_of(value));
}

static struct map *
make_map(int dir)
{
	struct cdbwriter *w = cdbwriter_begin(dir, MAP_FILE);

	cdbwriter_add(w, str_of("G"), str_of(MAP_FORMAT "\t1"));
	cdbwriter_add(w, str_of("N4"), str_of("settings:1\t8 24 32"));
	cdbwriter_add(w, str_of("N6"), str_of("settings:1\t32"));
	add(w, "10.0.0.0/8", "settings:1\trelay");
	add(w, "10.1.2.0/24", "settings:2\tbare-lf");
	add(w, "192.0.2.7", "settings:3\trelay bare-lf");
	add(w, "2001:db8::/32", "settings:4\trelay");
	if (cdbwriter_commit(&w) == -1)
		bail_out("cannot write a map");
	return map_open(dir);
}

static void
test_rights(int dir)
{
	static const struct {
		const char *client;
		int rights;
	} rows[] = {
	    {"10.9.9.9",         NETWORK_RELAY                  },
	    {"10.1.2.3",         NETWORK_RELAY | NETWORK_BARE_LF},
	    {"192.0.2.7",        NETWORK_RELAY | NETWORK_BARE_LF},
	    {"192.0.2.8",        0			      },
	    {"11.0.0.1",         0			      },
	    {"2001:db8:ffff::1", NETWORK_RELAY                  },
	    {"2001:db9::1",      0			      },
	    {"::ffff:10.1.2.3",  NETWORK_RELAY | NETWORK_BARE_LF},
	};
	struct map *m = make_map(dir);
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct endpoint e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		endpoint_parse(str_of(rows[i].client), 1, &e);
		is_int(network_rights(m, (struct sockaddr *)&e.addr),
		    rows[i].rights, "%s", rows[i].client);
	}
	is_int(network_rights(m, (struct sockaddr *)&local), 0,
	    "a client without an IP address has no rights");
	map_close(&m);
}

static void
test_damage(int dir)
{
	static const struct mapfile_record bad[] = {
	    {"N4", "settings:1\t8 40"},
	    {0   },
	};
	struct endpoint e;
	struct map *m;

	mapfile_write(dir, 1, bad);
	m = map_open(dir);
	endpoint_parse(str_of("192.0.2.1"), 1, &e);
	is_int(network_rights(m, (struct sockaddr *)&e.addr), -1,
	    "an impossible prefix length is damage");
	map_close(&m);
}

int
main(void)
{
	int dir = tmpdir();

	test_parse();
	test_rights(dir);
	test_damage(dir);
	return done();
}
