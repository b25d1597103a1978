/* SPDX-License-Identifier: ISC */
#include "mail/alias.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mapfile.h"
#include "tap.h"

static const struct mapfile_record records[] = {
    {"Aall@a.example",			   "aliases:1\tteam@a.example boss@b.example"},
    {"Ateam@a.example",					  "aliases:2\tann@a.example boss@b.example"},
    {"Acopy@a.example","aliases:3\tCopy@a.example ann@a.example"},
    {"A@c.example",			  "aliases:4\t@a.example"},
    {"A@d.example",					  "aliases:5\tboss@d.example"},
    {"Acycle1@a.example","aliases:6\tcycle2@a.example x@a.example"},
    {"Acycle2@a.example",			      "aliases:7\tcycle1@a.example"},
    {"Lkim@c.example",					  "recipients:1\t"},
    {"Ur@old.example",        "rewrites:1\t@new.example"},
    {"Rfax@c.example",			"routes:1\tmx"},
    {0					 },
};

static void
test_answers(struct map *m)
{
	static const struct {
		const char *address, *where, *stands_for;
	} rows[] = {
	    {"all@a.example",     "aliases:1", "ann@a.example boss@b.example"},
	    {"ALL@A.example",     "aliases:1", "ann@a.example boss@b.example"},
	    {"\"all\"@a.example", "aliases:1", "ann@a.example boss@b.example"},
	    {"copy@a.example",    "aliases:3", "Copy@a.example ann@a.example"},
	    {"Jo@c.example",      "aliases:4", "jo@a.example"                },
	    {"team@c.example",    "aliases:4", "ann@a.example boss@b.example"},
	    {"jo@d.example",      "aliases:5", "boss@d.example"              },
	    {"boss@d.example",    "aliases:5", "boss@d.example"              },
	    {"cycle1@a.example",  "aliases:6", "x@a.example"                 },
	};
	struct buf out = {0};
	char where[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&out);
		is_int(alias_expand(m, rows[i].address, &out, where), 1, "%s",
		    rows[i].address);
		is_str(buf_text(&out), rows[i].stands_for, "stands for");
		is_str(where, rows[i].where, "where it is written");
	}
	buf_free(&out);
}

/* Is it replaced at all, by a rewriting or by an alias? */
static void
test_replaces(struct map *m)
{
	static const struct {
		const char *address;
		int answer;
	} rows[] = {
	    {"all@a.example",  1},
	    {"ALL@A.example",  1},
	    {"Jo@c.example",   1},
	    {"kim@c.example",  0},
	    {"ann@a.example",  0},
	    {"jo@old.example", 1},
	    {"postmaster",     0},
	    {"",               0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_int(alias_replaces(m, rows[i].address), rows[i].answer,
		    "replaced: %s", rows[i].address);
}

static void
test_others(struct map *m)
{
	static const char *const none[] = {"ann@a.example", "kim@c.example",
	    "fax@c.example", "x@sub.c.example", "postmaster", "", "@"};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		is_int(alias_expand(m, none[i], &out, NULL), 0,
		    "no alias: \"%s\"", none[i]);
	is_int(out.len, 0, "nothing was added");
}

/* The look-up of one among a million. */
static void
report_speed(int dir)
{
	struct cdbwriter *w = cdbwriter_begin(dir, MAP_FILE);
	const int n = 1000000, looks = 200000;
	char key[64], value[64];
	struct buf out = {0};
	struct map *m;
	int64_t before;
	int found = 0;

	cdbwriter_add(w, str_of("G"), str_of(MAP_FORMAT "\t1"));
	for (int i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "Auser%d@a.example", i);
		snprintf(value, sizeof(value), "aliases:%d\tbox%d@b.example",
		    i + 1, i);
		cdbwriter_add(w, str_of(key), str_of(value));
	}
	if (cdbwriter_commit(&w) == -1)
		bail_out("cannot put a map in place");
	m = map_open(dir);
	before = clock_steady_ms();
	for (int i = 0; i < looks; i++) {
		snprintf(key, sizeof(key), "user%d@a.example",
		    (int)(i * 7919LL % n));
		buf_clear(&out);
		found += alias_expand(m, key, &out, NULL);
	}
	diag("one of a million aliases, and that it is no chain: %.2f us",
	    (double)(clock_steady_ms() - before) * 1000 / looks);
	is_int(found, looks, "each of %d look-ups finds its alias", looks);
	buf_free(&out);
	map_close(&m);
}

int
main(void)
{
	int dir = tmpdir();
	struct map *m;

	mapfile_write(dir, 1, records);
	m = map_open(dir);
	test_answers(m);
	test_replaces(m);
	test_others(m);
	map_close(&m);
	report_speed(dir);
	return done();
}
