/* SPDX-License-Identifier: ISC */
#include "base/cdbfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc.h"
#include "base/fd.h"
#include "tap.h"

#define RECORDS 1000

static int dir;

/* Record i of the test's map; odd ones have no value. */
static struct str
nth_key(int i)
{
	static char text[32];

	snprintf(text, sizeof(text), "host%d.example", i);
	return str_of(text);
}

static struct str
nth_value(int i)
{
	static char text[32];

	snprintf(text, sizeof(text), "smtp 10=mx%d", i);
	return i % 2 ? (struct str){NULL, 0} : str_of(text);
}

static bool
is_value(struct str got, int i)
{
	struct str want = nth_value(i);

	return got.len == want.len &&
	       (got.len == 0 || memcmp(got.s, want.s, got.len) == 0);
}

static void
make_map(const char *name)
{
	struct cdbwriter *w = cdbwriter_begin(dir, name);

	if (!w)
		bail_out("begin %s", name);
	for (int i = 0; i < RECORDS; i++)
		if (cdbwriter_add(w, nth_key(i), nth_value(i)) == -1)
			bail_out("add to %s", name);
	if (cdbwriter_commit(&w) == -1)
		bail_out("commit %s", name);
}

static void
make_small(const char *name, const char *value)
{
	struct cdbwriter *w = cdbwriter_begin(dir, name);

	if (!w || cdbwriter_add(w, str_of("k"), str_of(value)) == -1 ||
	    cdbwriter_commit(&w) == -1)
		bail_out("make %s", name);
}

static const char *
small_value(const char *name)
{
	static char text[32];
	struct cdbfile *cf = cdbfile_open(dir, name);
	struct str value;

	if (!cf)
		return NULL;
	if (cdbfile_find(cf, str_of("k"), &value) != 1)
		value = str_of("(absent)");
	str_copy(text, sizeof(text), value);
	cdbfile_close(&cf);
	return text;
}

static int
count_in_order(void *arg, struct str key, struct str value)
{
	int *next = arg;

	if (strncmp(key.s, nth_key(*next).s, key.len) != 0 ||
	    !is_value(value, *next))
		return 99;
	++*next;
	return 0;
}

static int
stop_at_three(void *arg, struct str key, struct str value)
{
	int *seen = arg;

	(void)key;
	(void)value;
	return ++*seen == 3 ? 7 : 0;
}

static void
test_reading(void)
{
	struct cdbfile *cf;
	struct str value;
	bool all = true, none = true;
	int n = 0;

	make_map("map");
	cf = cdbfile_open(dir, "map");
	if (!ok(cf != NULL, "open what was written"))
		return;
	for (int i = 0; i < RECORDS; i++) {
		all &= cdbfile_find(cf, nth_key(i), &value) == 1 &&
		       is_value(value, i);
		none &= cdbfile_find(cf, nth_key(i + RECORDS), &value) == 0;
	}
	ok(all, "all records are found");
	ok(none, "others are not");
	is_int(cdbfile_find(cf, (struct str){NULL, 0}, &value), 0,
	    "nor is nothing");
	is_int(cdbfile_find(cf, (struct str){"\0count", 6}, &value), 0,
	    "nor the sentinel");
	is_int(cdbfile_walk(cf, count_in_order, &n), 0, "walk");
	is_int(n, RECORDS, "all of them in order");
	n = 0;
	is_int(cdbfile_walk(cf, stop_at_three, &n), 7, "walk until told");
	is_int(n, 3, "and no further");
	cdbfile_close(&cf);
	ok(cf == NULL, "close leaves nothing");
	cdbfile_close(&cf);
	errno = 0;
	ok(!cdbfile_open(dir, "none") && errno == ENOENT, "no file: ENOENT");
}

static void
test_keys(void)
{
	static char longest[CDBFILE_KEY_MAX + 1];
	struct cdbwriter *w = cdbwriter_begin(dir, "keys");
	struct cdbfile *cf;
	struct str key = {longest, CDBFILE_KEY_MAX}, value;

	memset(longest, 'k', sizeof(longest));
	is_int(cdbwriter_add(w, key, str_of("long")), 0, "the longest key");
	is_int(cdbwriter_add(w, (struct str){NULL, 0}, str_of("none")), 0,
	    "the empty key");
	is_int(cdbwriter_add(w, (struct str){"a\0b", 3}, str_of("nul")), 0,
	    "a key with a NUL");
	is_int(cdbwriter_add(w, key, str_of("second")), 0, "one key twice");
	key.len++;
	ok(cdbwriter_add(w, key, str_of("x")) == -1 && errno == EINVAL,
	    "a key beyond the limit");
	ok(cdbwriter_add(w, (struct str){"\0count", 6}, str_of("9")) == -1 &&
		errno == EINVAL,
	    "the sentinel is ours");
	is_int(cdbwriter_commit(&w), 0, "commit");
	ok(w == NULL, "commit leaves nothing");

	cf = cdbfile_open(dir, "keys");
	if (!ok(cf != NULL, "open"))
		return;
	is_int(cdbfile_find(cf, key, &value), 0, "too long to be there");
	key.len--;
	ok(cdbfile_find(cf, key, &value) == 1 && str_eq(value, "long"),
	    "the first of two");
	ok(cdbfile_find(cf, (struct str){NULL, 0}, &value) == 1 &&
		str_eq(value, "none"),
	    "the empty key's value");
	ok(cdbfile_find(cf, (struct str){"a\0b", 3}, &value) == 1 &&
		str_eq(value, "nul"),
	    "the value of the key with a NUL");
	is_int(cdbfile_find(cf, str_of("a"), &value), 0, "a part is no key");
	cdbfile_close(&cf);
}

static void
test_replacing(void)
{
	struct cdbfile *cf;
	struct str value;
	struct stat st;

	make_small("r", "one");
	ok(faccessat(dir, "r.previous", F_OK, 0) == -1, "the first of all");
	cf = cdbfile_open(dir, "r");
	ok(!cdbfile_replaced(cf, dir, "r"), "not replaced yet");
	make_small("r", "two");
	make_small("r", "three");
	ok(cdbfile_replaced(cf, dir, "r"), "replaced");
	ok(cdbfile_find(cf, str_of("k"), &value) == 1 && str_eq(value, "one"),
	    "whoever has the old one open still reads it");
	is_str(small_value("r"), "three", "the new one is in place");
	is_str(small_value("r.previous"), "two", "the one before is kept");
	ok(faccessat(dir, "r.new", F_OK, 0) == -1, "nothing else is left");
	fstatat(dir, "r", &st, 0);
	is_int(st.st_mode & 07777, 0644, "all may read it");
	unlinkat(dir, "r", 0);
	ok(!cdbfile_replaced(cf, dir, "r"), "gone is not replaced");
	cdbfile_close(&cf);
}

static void
test_two_writers(void)
{
	struct cdbwriter *w, *second;
	int fd;

	make_small("w", "old");
	w = cdbwriter_begin(dir, "w");
	cdbwriter_add(w, str_of("k"), str_of("new"));
	second = cdbwriter_begin(dir, "w");
	ok(!second && errno == EWOULDBLOCK, "one writer at a time");
	cdbwriter_abandon(&second);
	is_str(small_value("w"), "old", "nothing is seen before commit");
	cdbwriter_abandon(&w);
	ok(w == NULL, "abandon leaves nothing");
	ok(faccessat(dir, "w.new", F_OK, 0) == -1, "on disk neither");
	is_str(small_value("w"), "old", "the old one stays");

	fd = openat(dir, "w.new", O_WRONLY | O_CREAT, 0600);
	fd_write_all(fd, "left by one that died", 21);
	fd_close(&fd);
	make_small("w", "newer");
	is_str(small_value("w"), "newer", "a leftover is no hindrance");
}

/* A commit that cannot rename: somebody has made a directory of that name. */
static void
test_failing_commit(void)
{
	struct cdbwriter *w;

	make_small("f", "old");
	mkdirat(dir, "f.previous", 0700);
	w = cdbwriter_begin(dir, "f");
	cdbwriter_add(w, str_of("k"), str_of("new"));
	errno = 0;
	is_int(cdbwriter_commit(&w), -1, "the old one cannot be kept");
	is_int(errno, EISDIR, "because of a directory");
	is_str(small_value("f"), "old", "then it stays in place");
	ok(faccessat(dir, "f.new", F_OK, 0) == -1, "nothing is left");
}

/* The value is refused by its length, before a byte of it is read. */
static void
test_limit(void)
{
	struct cdbwriter *w = cdbwriter_begin(dir, "limit");
	struct str value = {"v", UINT32_MAX - 2048 - 25};

	errno = 0;
	is_int(cdbwriter_add(w, str_of("kk"), value), -1, "beyond 4 GiB");
	is_int(errno, EFBIG, "too big");
	cdbwriter_abandon(&w);
}

static void
write_bytes(const char *name, const void *data, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || fd_write_all(fd, data, len) == -1)
		bail_out("write %s", name);
	fd_close(&fd);
}

static struct buf
read_bytes(const char *name)
{
	struct buf b = {0};
	int fd = openat(dir, name, O_RDONLY);

	if (fd == -1 || fd_slurp(fd, &b, 1 << 24) == -1)
		bail_out("read %s", name);
	fd_close(&fd);
	return b;
}

static bool
refused(const char *name)
{
	struct cdbfile *cf;

	errno = 0;
	cf = cdbfile_open(dir, name);
	if (!cf)
		return errno == EPROTO;
	cdbfile_close(&cf);
	return false;
}

static void
test_truncated(void)
{
	struct buf whole = read_bytes("map");
	int cuts = 0, accepted = 0;

	for (size_t len = 0; len < whole.len; len += 1 + len / 40) {
		write_bytes("cut", whole.data, len);
		accepted += !refused("cut");
		cuts++;
	}
	write_bytes("cut", whole.data, whole.len - 1);
	accepted += !refused("cut");
	is_int(accepted, 0, "cut at %d places", cuts);
	buf_add_char(&whole, 0);
	write_bytes("cut", whole.data, whole.len);
	ok(refused("cut"), "one byte too many");
	buf_free(&whole);
}

/* What a power cut leaves of a file that was never flushed. */
static void
test_zeroed(void)
{
	struct buf whole = read_bytes("map");
	char *copy = mem_alloc(whole.len);
	int changed = 0, lost = 0;
	struct cdbfile *cf;
	struct str value;

	for (size_t at = 0; at < whole.len; at += 1 + at / 40) {
		memset(copy, 0, whole.len);
		memcpy(copy, whole.data, at);
		write_bytes("zero", copy, whole.len);
		cf = cdbfile_open(dir, "zero");
		if (!cf)
			continue;
		changed += memcmp(copy, whole.data, whole.len) != 0;
		for (int i = 0; i < RECORDS; i++)
			lost += cdbfile_find(cf, nth_key(i), &value) == 0;
		cdbfile_close(&cf);
	}
	is_int(changed, 0, "zeroed tails are accepted only if zero before");
	is_int(lost, 0, "none turns a record into \"not found\"");
	free(copy);
	buf_free(&whole);
}

static int
ignore(void *arg, struct str key, struct str value)
{
	size_t *sum = arg;

	for (size_t i = 0; i < key.len; i++)
		*sum += key.s[i];
	for (size_t i = 0; i < value.len; i++)
		*sum += value.s[i];
	return 0;
}

/* As a forger would: the checksum at the end fits again. */
static void
seal(struct buf *file)
{
	char trailer[17];

	snprintf(trailer, sizeof(trailer), "crc32c %08x\n",
	    crc32c(0, file->data, file->len - 16));
	memcpy(file->data + file->len - 16, trailer, 16);
}

/* With a checksum that fits any answer may be right; reading beyond the file or
 * for ever is not. */
static void
test_flipped(void)
{
	struct buf whole = read_bytes("map");
	struct cdbfile *cf;
	struct str value;
	size_t sum = 0;
	int opened = 0, unseen = 0;

	srandom(1);
	for (int round = 0; round < 500; round++) {
		size_t at = random() % (round % 2 ? 2100 : whole.len);
		char was = whole.data[at];

		whole.data[at] = (char)(was ^ (1 << random() % 8));
		write_bytes("flip", whole.data, whole.len);
		unseen += !refused("flip");
		seal(&whole);
		write_bytes("flip", whole.data, whole.len);
		whole.data[at] = was;
		seal(&whole);
		cf = cdbfile_open(dir, "flip");
		if (!cf)
			continue;
		opened++;
		for (int i = 0; i < RECORDS; i += 10)
			if (cdbfile_find(cf, nth_key(i), &value) == 1)
				ignore(&sum, value, value);
		cdbfile_walk(cf, ignore, &sum);
		cdbfile_close(&cf);
	}
	is_int(unseen, 0, "each of 500 flipped bits is seen");
	ok(opened > 50, "%d forged bytes go unseen, and do no harm", opened);
	buf_free(&whole);
}

/* A record's length that leads the library's cursor back to the start. */
static void
test_circle(void)
{
	struct buf whole = read_bytes("map");
	struct cdbfile *cf;
	size_t sum = 0;
	uint32_t klen, vlen;

	memcpy(&klen, whole.data + 2048, 4);
	vlen = UINT32_MAX - klen - 8 + 1; /* header + key + value == 2^32 */
	memcpy(whole.data + 2052, &vlen, 4);
	seal(&whole);
	write_bytes("circle", whole.data, whole.len);
	cf = cdbfile_open(dir, "circle");
	if (ok(cf != NULL, "a forged length is not seen when opening"))
		is_int(cdbfile_walk(cf, ignore, &sum), -1, "but when walking");
	cdbfile_close(&cf);
	buf_free(&whole);
}

static void
test_altered(void)
{
	struct buf whole = read_bytes("map");
	struct cdbfile *cf;
	struct str value;
	int fd;

	write_bytes("altered", whole.data, whole.len);
	utimensat(dir, "altered", (struct timespec[2]){{0}, {0}}, 0);
	cf = cdbfile_open(dir, "altered");
	ok(!cdbfile_altered(cf, dir, "altered"), "as it was opened");
	fd = openat(dir, "altered", O_WRONLY);
	ok(pwrite(fd, "x", 1, 3000) == 1 && cdbfile_altered(cf, dir, "altered"),
	    "written to");
	ok(!cdbfile_replaced(cf, dir, "altered"), "is not replaced");
	ok(ftruncate(fd, 0) == 0 && cdbfile_find(cf, nth_key(0), &value) == -1,
	    "shortened to nothing: an error, and no signal");
	is_int(cdbfile_find(cf, str_of("no"), &value), -1, "not absent");
	cdbfile_close(&cf);
	fd_close(&fd);
	buf_free(&whole);
}

static void
test_foreign(void)
{
	struct buf text = {0};
	char *zeros = mem_alloc(10000);

	while (text.len < 10000)
		buf_addf(&text, "host%zu.example  smtp 10=mx\n", text.len);
	write_bytes("text", text.data, text.len);
	ok(refused("text"), "a text file");
	write_bytes("zeros", zeros, 10000);
	ok(refused("zeros"), "zeros");
	write_bytes("empty", "", 0);
	ok(refused("empty"), "an empty file");
	mkdirat(dir, "directory", 0700);
	ok(refused("directory"), "a directory");
	mkfifoat(dir, "fifo", 0600);
	ok(refused("fifo"), "a fifo, without waiting for its writer");
	if (symlinkat("map", dir, "link") == -1)
		bail_out("make a link");
	ok(!cdbfile_open(dir, "link") && errno == ELOOP, "a symbolic link");
	free(zeros);
	buf_free(&text);
}

int
main(void)
{
	dir = tmpdir();
	test_reading();
	test_keys();
	test_replacing();
	test_two_writers();
	test_failing_commit();
	test_limit();
	test_truncated();
	test_zeroed();
	test_flipped();
	test_circle();
	test_altered();
	test_foreign();
	fd_close(&dir);
	return done();
}
