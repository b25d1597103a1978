/* SPDX-License-Identifier: ISC */
#include "mail/settings.h"

#include <string.h>

#include "mapfile.h"
#include "tap.h"

static struct map *
open_map(int dir, const struct mapfile_record *records)
{
	mapfile_write(dir, 1, records);
	return map_open(dir);
}

static void
test_defaults(int dir)
{
	static const struct mapfile_record none[] = {{0}};
	struct map *m = open_map(dir, none);
	struct settings set;

	is_int(settings_read(m, &set), 0, "a map without settings");
	is_str(set.listeners[0].name, "127.0.0.1:25", "where we listen");
	is_int(set.nlisteners, 1, "once");
	is_int(set.nresolvers, 0, "nobody is asked");
	is_int(set.message_size_max, 50 << 20, "SIZE");
	is_int(set.command_timeout_s, 300, "RFC 5321, 4.5.3.2.7");
	is_int(set.duplicate_window_ms, 100, "the duplicate window");
	is_str(set.hostname, "localhost", "some name");
	is_str(set.postmaster, "postmaster@localhost", "and its postmaster");
	ok(!set.force_filesystem, "file systems are checked");
	map_close(&m);
}

static void
test_written(int dir)
{
	static const struct mapfile_record records[] = {
	    {"Shostname",				      "settings:1\tMX.example.org"},
	    {"Slisten",						"settings:2\t192.0.2.1\nsettings:5\t[::1]:2525"},
	    {"Sresolver","settings:3\t192.0.2.53"},
	    {"Smessage-size-max",				      "settings:4\t64k"},
	    {"Sdata-timeout",						"settings:6\t10m"},
	    {"Sforce-filesystem","settings:7\tyes"},
	    {"Ssource-address",				  "settings:8\t192.0.2.9"},
	    {0					       },
	};
	struct map *m = open_map(dir, records);
	struct settings set;

	is_int(settings_read(m, &set), 0, "a map with settings");
	is_str(set.hostname, "mx.example.org", "a name, in lower case");
	is_str(set.postmaster, "postmaster@mx.example.org", "its postmaster");
	is_int(set.nlisteners, 2, "two listeners, not the default");
	is_str(set.listeners[0].name, "192.0.2.1:25", "the first");
	is_str(set.listeners[1].name, "[::1]:2525", "the second");
	is_str(set.resolvers[0].name, "192.0.2.53:53", "a resolver");
	is_int(set.message_size_max, 65536, "a size");
	is_int(set.data_timeout_s, 600, "a time");
	ok(set.force_filesystem, "a choice");
	is_str(set.source_address, "192.0.2.9", "an address");
	map_close(&m);
}

static void
test_refused(void)
{
	static const struct {
		const char *name, *value, *expected;
	} rows[] = {
	    {"recipients-max",   "0",           "a number from 1 to 50000"             },
	    {"recipients-max",   "many",        "a number from 1 to 50000"             },
	    {"command-timeout",  "300",
             "a time from 1s to 1d (units: s, m, h, d)"                                },
	    {"duplicate-window", "2m",
             "a time from 1ms to 1m (units: ms, s, m, h, d)"                           },
	    {"message-size-max", "3g",          "a size from 1k to 2g (units: k, m, g)"},
	    {"force-filesystem", "maybe",       "yes or no"                            },
	    {"source-address",   "192.0.2.1:5", "an IP address without a port"         },
	};
	struct settings set = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(setting_store(setting_find(str_of(rows[i].name)),
			   str_of(rows[i].value), &set),
		    rows[i].expected, "%s %s", rows[i].name, rows[i].value);
	ok(setting_find(str_of("hostnam")) == NULL, "no such setting");
}

static void
test_table(void)
{
	struct settings set;

	for (const struct setting *f = settings_fields; f->name; f++) {
		memset(&set, 0, sizeof(set));
		ok(!f->fallback ||
			setting_store(f, str_of(f->fallback), &set) == NULL,
		    "%s: its default is a value for it", f->name);
		ok(f->meaning && *f->meaning, "and it has a meaning");
	}
}

static void
test_too_many(void)
{
	const struct setting *f = setting_find(str_of("resolver"));
	struct settings set = {0};
	char server[] = "192.0.2.0";

	for (int i = 0; i < RESOLVERS_MAX; i++) {
		server[8] = '1' + i;
		ok(!setting_store(f, str_of(server), &set), "%s", server);
	}
	is_str(setting_store(f, str_of("192.0.2.9"), &set),
	    "at most 8 of these", "a ninth");
	set.nresolvers--;
	is_str(setting_store(f, str_of("192.0.2.3:53"), &set),
	    "each address and port once", "one of them again");
}

static void
test_damage(int dir)
{
	static const struct mapfile_record bad[] = {
	    {"Srecipients-max", "settings:1\tbanana"},
	    {0		},
	};
	struct map *m = open_map(dir, bad);
	struct settings set;

	is_int(settings_read(m, &set), -1, "a value that is none");
	map_close(&m);
}

int
main(void)
{
	int dir = tmpdir();

	test_defaults(dir);
	test_written(dir);
	test_refused();
	test_table();
	test_too_many();
	test_damage(dir);
	return done();
}
