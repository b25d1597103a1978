/* SPDX-License-Identifier: ISC */
#include "mail/map.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "mapfile.h"
#include "tap.h"

static const struct mapfile_record first[] = {
    {"Da.example",                 "domains:1\t"},
    {"Db.example",			    "domains:2\tsmtp c.example"},
    {"Dbad","no tab in here"},
    {0		      },
};
static const struct mapfile_record second[] = {
    {"Dz.example", "domains:9\t"},
    {0	   },
};

static char text[256];

static const char *
copy(struct str s)
{
	return str_copy(text, sizeof(text), s) == 0 ? text : "too long";
}

static void
test_find(int dir)
{
	struct map *m;
	struct str where, value;

	mapfile_write(dir, 7, first);
	m = map_open(dir);
	ok(m != NULL, "open");
	is_int(map_generation(m), 7, "its generation");
	is_int(
	    map_find(m, 'D', str_of("b.example"), &where, &value), 1, "find");
	is_str(copy(where), "domains:2", "where it is written");
	is_str(copy(value), "smtp c.example", "what is written");
	is_int(map_find(m, 'D', str_of("a.example"), NULL, &value), 1,
	    "an empty value is found too");
	is_int(value.len, 0, "and empty");
	is_int(map_find(m, 'R', str_of("a.example"), NULL, &value), 0,
	    "in another table there is none");
	is_int(map_find(m, 'D', str_of("bad"), NULL, &value), -1,
	    "a value without a place is damage");
	map_close(&m);
	ok(m == NULL, "close leaves nothing");
	map_close(&m);
}

static void
test_refresh(int dir)
{
	struct map *m = map_open(dir);
	struct str value;
	int fd;

	ok(!map_refresh(&m), "nothing new");
	mapfile_write(dir, 8, second);
	ok(map_refresh(&m), "a new map is taken");
	is_int(map_generation(m), 8, "it is the new one");
	is_int(map_find(m, 'D', str_of("z.example"), NULL, &value), 1,
	    "and answers");

	unlinkat(dir, MAP_FILE, 0);
	ok(!map_refresh(&m), "no map in its place: the old one is kept");
	fd = openat(dir, MAP_FILE, O_WRONLY | O_CREAT | O_EXCL, 0644);
	ok(write(fd, "nonsense", 8) == 8, "a damaged map in its place");
	close(fd);
	ok(!map_refresh(&m), "is refused");
	ok(!map_refresh(&m), "again");
	is_int(map_find(m, 'D', str_of("z.example"), NULL, &value), 1,
	    "the old one goes on answering");
	unlinkat(dir, MAP_FILE, 0);
	mapfile_write(dir, 9, first);
	ok(map_refresh(&m), "until there is a good one");
	is_int(map_generation(m), 9, "which is this");
	map_close(&m);
}

/* So that a write is later than this, however fast we are. */
static void
make_old(int dir)
{
	struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	if (utimensat(dir, MAP_FILE, times, 0) == -1)
		bail_out("date back the map");
}

/* Somebody writes into the map instead of replacing it. */
static void
test_altered(int dir)
{
	struct str value;
	struct map *m;
	char byte;
	int fd;

	mapfile_write(dir, 10, first);
	make_old(dir);
	m = map_open(dir);
	fd = openat(dir, MAP_FILE, O_RDWR);
	ok(pread(fd, &byte, 1, 2060) == 1, "a byte of it");
	byte ^= 1;
	ok(pwrite(fd, &byte, 1, 2060) == 1, "is changed");
	ok(!map_refresh(&m), "there is no new map");
	is_int(map_find(m, 'D', str_of("a.example"), NULL, &value), -1,
	    "and none to be believed");
	is_int(map_find(m, 'D', str_of("none.example"), NULL, &value), -1,
	    "not even that something is not there");
	byte ^= 1;
	ok(pwrite(fd, &byte, 1, 2060) == 1 && map_refresh(&m),
	    "changed back it is one");
	is_int(map_find(m, 'D', str_of("a.example"), NULL, &value), 1,
	    "that answers");
	ok(ftruncate(fd, 0) == 0, "it is cut to nothing");
	is_int(map_find(m, 'D', str_of("a.example"), NULL, &value), -1,
	    "which is no signal");
	ok(!map_refresh(&m), "no new map");
	mapfile_write(dir, 11, second);
	ok(map_refresh(&m), "until it is written anew");
	is_int(map_find(m, 'D', str_of("z.example"), NULL, &value), 1,
	    "and answers");
	map_close(&m);
	close(fd);
}

static void
test_foreign(int dir)
{
	static const struct mapfile_record other[] = {
	    {"G", "map:0\t5"},
	    {0  },
	};

	mapfile_write(dir, 0, first);
	ok(map_open(dir) == NULL, "a file without a generation is no map");
	mapfile_write(dir, 0, other);
	ok(map_open(dir) == NULL, "another format is refused");
	unlinkat(dir, MAP_FILE, 0);
	ok(map_open(dir) == NULL, "none at all");
}

int
main(void)
{
	int dir = tmpdir();

	test_find(dir);
	test_refresh(dir);
	test_altered(dir);
	test_foreign(dir);
	return done();
}
