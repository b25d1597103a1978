/* SPDX-License-Identifier: ISC */
#include "mail/entry.h"

#include <string.h>

#include "base/clock.h"
#include "tap.h"

#define ID "01234567890abcdefg"

static void
test_ids(void)
{
	char a[ID_LEN + 1], b[ID_LEN + 1], c[ID_LEN + 1];
	int64_t now_us;

	id_make(a);
	clock_turn(-86400);
	id_make(b);
	clock_turn(86400);
	ok(strlen(a) == ID_LEN && id_check(a), "an id is one: %s", a);
	ok(strcmp(a, b) < 0, "ids grow though the clock was set back");
	clock_turn(1000);
	now_us = clock_wall_us();
	id_make(b);
	ok(id_time_us(b) >= now_us && id_time_us(b) <= now_us + 5000000,
	    "an id tells when it was made");
	clock_turn(-1000);
	id_derive(a, 42, b);
	is_int(id_time_us(b), id_time_us(a), "a derived one its origin's time");
	id_derive(a, 42, c);
	is_str(b, c, "a derived id is the same each time");
	ok(strncmp(a, b, 11) == 0 && id_check(b),
	    "and sorts where its origin does");
	id_derive(a, 43, c);
	ok(strcmp(b, c) != 0, "another hash gives another id");
}

static void
test_id_check(void)
{
	static const struct {
		const char *id;
		bool valid;
	} cases[] = {
	    {ID,						      true },
	    {ID ".0",						 true },
	    {ID ".2.10",					      true },
	    {ID ".999999",					    true },
	    {"",						      false},
	    {"0123",						  false},
	    {"01234567890ABCDEFG",				    false},
	    {"01234567890abcdefi",				    false},
	    {ID "h",						  false},
	    {ID ".",						  false},
	    {ID ".01",						false},
	    {ID "..1",						false},
	    {ID ".1.",						false},
	    {ID ".-1",						false},
	    {ID ".1000000",					   false},
	    {ID ".99999999999999999999",                              false},
	    {ID "/../x",					      false},
	    {ID ".1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(id_check(cases[i].id) == cases[i].valid, "\"%s\" is %s id",
		    cases[i].id, cases[i].valid ? "an" : "no");
}

static void
test_names(void)
{
	static const struct {
		enum state state;
		const char *name;
		bool valid;
	} cases[] = {
	    {STATE_INCOMING,  ID,                            true },
	    {STATE_INCOMING,  ID ".1",                       true },
	    {STATE_INCOMING,  "501234567." ID,               false},
	    {STATE_PROCESSED, "501234567." ID,               true },
	    {STATE_SENDING,   "0zzzzzzzz." ID ".3",          true },
	    {STATE_PROCESSED, "x01234567." ID,               false},
	    {STATE_PROCESSED, "50123456." ID,                false},
	    {STATE_PROCESSED, "501234567",                   false},
	    {STATE_PROCESSED, "",                            false},
	    {STATE_DEFERRED,  "1795000000.501234567." ID,    true },
	    {STATE_DEFERRED,  "0.501234567." ID,             true },
	    {STATE_DEFERRED,  "01.501234567." ID,            false},
	    {STATE_DEFERRED,  "-1.501234567." ID,            false},
	    {STATE_DEFERRED,  "9999999999999.501234567." ID, false},
	    {STATE_DEFERRED,  "501234567." ID,               false},
	    {STATE_HELD,      ID ".2.1",                     true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct entry e;
		char again[ENTRY_SIZE];
		int rc = entry_parse(cases[i].state, 3, cases[i].name, &e);

		ok((rc == 0) == cases[i].valid, "%s/%s is %s name",
		    state_name(cases[i].state), cases[i].name,
		    cases[i].valid ? "a" : "no");
		if (rc == 0) {
			entry_format(&e, again);
			is_str(again, cases[i].name, "and is written so");
		}
	}
}

/* The limit of a destination is kept by parts that add up to it. */
static void
test_parts(const char *tag, unsigned three)
{
	unsigned wrong = 0, sum, with;

	for (unsigned shards = 1; shards <= SHARDS; shards++)
		for (unsigned total = shards; total < 60; total++) {
			sum = with = 0;
			for (unsigned s = 0; s < SHARDS; s++) {
				sum += tag_part(tag, s, shards, total);
				with += tag_part(tag, s, shards, total) > 0;
			}
			wrong += sum != total || with != shards;
		}
	is_int(wrong, 0, "the parts of the shards are the whole");
	wrong = 0;
	for (unsigned s = 0; s < SHARDS; s++)
		wrong += (three >> s & 1) != (tag_part(tag, s, 3, 4) > 0);
	is_int(
	    wrong, 0, "the shards that messages go to are those with a part");
}

static void
test_places(void)
{
	char tag[TAG_LEN + 1], id[ID_LEN + 1];
	unsigned seen = 0, three = 0;
	bool together = true;

	tag_make("mx example.org default", tag);
	is_int((long long)strlen(tag), TAG_LEN, "a tag is 8 digits: %s", tag);
	for (int i = 0; i < 1000; i++) {
		id_make(id);
		seen |= 1u << tag_shard(tag, id, SHARDS);
		three |= 1u << tag_shard(tag, id, 3);
		together =
		    together && tag_shard(tag, id, 1) == tag_shard(tag, ID, 1);
	}
	is_int(seen, 0xffff, "a destination that spreads uses every shard");
	ok(together, "one that does not uses one");
	test_parts(tag, three);
	is_str(id_suffix(ID).s, "", "no suffix");
	is_str(id_suffix(ID ".2.1").s, ".2.1", "two suffixes");
}

int
main(void)
{
	enum state s;

	test_ids();
	test_id_check();
	test_names();
	test_places();
	ok(state_parse("deferred", &s) == 0 && s == STATE_DEFERRED,
	    "a state is known by its name");
	is_int(state_parse("nowhere", &s), -1, "and no other");
	return done();
}
