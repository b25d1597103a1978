/* SPDX-License-Identifier: ISC */
#include "sender/maildir.h"

#include <dirent.h>
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
#include "mail/queuefile.h"
#include "proc/loop.h"
#include "tap.h"

#define ID      "0000000000abcdefgh"
#define ARRIVAL 1700000000
#define NAME(n) "1700000000." ID "_" #n ".stagepost"

static int dir;

/* ---- queue files ---- */

/* An open queue file of that content; `damage` makes its checksum wrong. */
static int
queue_file(const char *content, size_t len, bool damage)
{
	struct recipient to[] = {{.address = "you@there.example"}};
	struct envelope env = {
	    .sender = "me@here.example",
	    .recipients = to,
	    .nrecipients = 1,
	    .protocol = "ESMTP",
	    .arrival_s = ARRIVAL,
	};
	struct preamble p = {.content_len = len};
	struct buf lines = {0};
	char head[PREAMBLE_SIZE];
	int fd = openat(dir, "queue", O_RDWR | O_CREAT | O_TRUNC, 0600);

	envelope_format(&env, &lines);
	p.envelope_len = (uint32_t)lines.len;
	p.envelope_crc = crc32c(0, lines.data, lines.len);
	p.content_crc = crc32c(0, content, len) ^ damage;
	preamble_format(&p, head);
	if (fd == -1 || fd_write_all(fd, head, sizeof(head)) == -1 ||
	    fd_write_all(fd, lines.data, lines.len) == -1 ||
	    fd_write_all(fd, content, len) == -1)
		bail_out("write a queue file");
	buf_free(&lines);
	unlinkat(dir, "queue", 0);
	return fd;
}

/* ---- deliveries ---- */

static enum maildir_status status;
static char text[512];

static void
on_done(void *arg, enum maildir_status s, const char *t)
{
	unsigned *left = arg;

	status = s;
	snprintf(text, sizeof(text), "%s", t);
	if (--*left == 0)
		loop_stop();
}

static void
deliver_to(int fd, const char *path, const char *address)
{
	unsigned left = 1;
	struct maildir_delivery d = {
	    .fd = fd,
	    .id = ID ".2.1",
	    .number = 7,
	    .path = str_of(path),
	    .sender = "me@here.example",
	    .address = address,
	};

	maildir_deliver(&d, on_done, &left);
	is_int(left, 1, "%s: the answer comes later", path);
	is_int(maildir_busy(), 1, "and one is under way");
	loop_run();
	is_int(maildir_busy(), 0, "and none after it");
}

static void
deliver(const char *content, size_t len, bool damage, const char *path)
{
	int fd = queue_file(content, len, damage);

	deliver_to(fd, path, "you@there.example");
	fd_close(&fd);
}

static unsigned
count(const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *e;
	unsigned n = 0;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* The file of recipient 7, which must begin with our fields. */
static void
is_letter(const char *box, const char *want, size_t want_len, const char *what)
{
	static const char fields[] = "Return-Path: <me@here.example>\n"
				     "Delivered-To: you@there.example\n";
	char path[300];
	struct buf got = {0};
	size_t n = strlen(fields);
	int fd;

	snprintf(path, sizeof(path), "%s/new/" NAME(7), box);
	fd = openat(dir, path, O_RDONLY);
	if (!ok(fd != -1 && fd_slurp(fd, &got, SIZE_MAX) == 0,
		"%s: %s is there", what, path))
		return;
	ok(got.len >= n && memcmp(got.data, fields, n) == 0,
	    "%s: our fields come first", what);
	buf_drop(&got, n);
	is_mem(got.data, got.len, want, want_len, "%s", what);
	buf_free(&got);
	fd_close(&fd);
}

#define DELIVER(content, path) \
	deliver(content, sizeof(content) - 1, false, path)
#define IS_LETTER(box, want, what) is_letter(box, want, sizeof(want) - 1, what)

static void
test_content(void)
{
	DELIVER("Subject: x\r\n\r\nhello\r\n", "plain");
	is_int(status, MAILDIR_DELIVERED, "delivered");
	is_str(text, "2.0.0 delivered to plain/new/" NAME(7), "it says where");
	IS_LETTER("plain", "Subject: x\n\nhello\n", "lines end in LF");
	is_int(count("plain/tmp"), 0, "nothing is left in tmp/");
	ok(faccessat(dir, "plain/cur", X_OK, 0) == 0, "there is a cur/");
	DELIVER("", "empty");
	IS_LETTER("empty", "", "an empty content");
	DELIVER("..\r\n...x\r\na..b\r\n\r\n..\r\n", "dots");
	IS_LETTER("dots", ".\n..x\na..b\n\n.\n", "dots are unstuffed");
	DELIVER("a\rb\r\r\nc\r\n", "cr");
	IS_LETTER("cr", "a\rb\r\nc\n", "a CR elsewhere stays");
}

/* Line ends, dots and CRs at every offset, over the borders of all reads. */
static void
test_large(void)
{
	struct buf in = {0}, want = {0};
	unsigned i;

	for (i = 0; want.len < 3000000; i++) {
		buf_addf(&in, "..%*d%s\r\n", (int)(i * 7 % 1000), i,
		    i % 5 == 0 ? "\r" : "");
		buf_addf(&want, ".%*d%s\n", (int)(i * 7 % 1000), i,
		    i % 5 == 0 ? "\r" : "");
	}
	deliver(in.data, in.len, false, "large");
	is_letter("large", want.data, want.len, "3 MB");
	buf_free(&in);
	buf_free(&want);
}

static void
test_damage(void)
{
	static const char content[] = "Subject: x\r\n\r\nhello\r\n";

	deliver(content, sizeof(content) - 1, true, "damaged");
	is_int(status, MAILDIR_DAMAGED, "a wrong checksum: %s", text);
	is_int(count("damaged/new"), 0, "nothing appears in new/");
	is_int(count("damaged/tmp"), 0, "nor stays in tmp/");
}

/* What a crash may leave, and what a repeat makes of it. */
static void
test_repeat(void)
{
	struct stat before, after;
	int fd;

	DELIVER("Subject: x\r\n\r\nhello\r\n", "repeat");
	fstatat(dir, "repeat/new/" NAME(7), &before, 0);
	DELIVER("Subject: x\r\n\r\nhello\r\n", "repeat");
	is_int(status, MAILDIR_DELIVERED, "a repeat is delivered");
	ok(strstr(text, " earlier") != NULL, "and says that it was");
	fstatat(dir, "repeat/new/" NAME(7), &after, 0);
	ok(before.st_ino == after.st_ino && count("repeat/new") == 1,
	    "the file is the first one");
	renameat(dir, "repeat/new/" NAME(7), dir, "repeat/tmp/" NAME(7));
	fd = openat(dir, "repeat/tmp/" NAME(7), O_WRONLY | O_APPEND);
	fd_write_all(fd, "half", 4);
	fd_close(&fd);
	DELIVER("Subject: x\r\n\r\nhello\r\n", "repeat");
	IS_LETTER("repeat", "Subject: x\n\nhello\n",
	    "what was left in tmp/ is not used");
	is_int(count("repeat/tmp"), 0, "and goes");
}

static void
test_failures(void)
{
	struct buf path = {0}, want = {0};
	int fd;

	buf_addf(&path, "%s/no/box", tmpdir_path());
	buf_addf(
	    &want, "4.3.0 maildir %s: No such file or directory", path.data);
	DELIVER("x\r\n", path.data);
	is_int(status, MAILDIR_DEFERRED, "no parent directory: later");
	is_str(text, want.data, "it says why");
	buf_free(&path);
	buf_free(&want);
	DELIVER("x\r\n", "made/as/needed");
	is_int(status, MAILDIR_DELIVERED, "below the spool they are made");
	fd = openat(dir, "file", O_WRONLY | O_CREAT, 0600);
	fd_close(&fd);
	DELIVER("x\r\n", "file");
	is_int(status, MAILDIR_DEFERRED, "the maildir is a file: %s", text);
	mkdirat(dir, "link", 0700);
	mkdirat(dir, "link/tmp", 0700);
	mkdirat(dir, "link/new", 0700);
	if (symlinkat("/dev/null", dir, "link/tmp/" NAME(7)) == -1)
		bail_out("make a link");
	DELIVER("x\r\n", "link");
	IS_LETTER("link", "x\n", "a link in tmp/ is not followed");
	fd = queue_file("x\r\n", 3, false);
	deliver_to(fd, "mail-%u", "../up@there.example");
	is_int(status, MAILDIR_FAILED, "an address that is a path");
	is_str(text, "5.1.3 the address cannot be the name of a mailbox here",
	    "is refused");
	fd_close(&fd);
}

static void
test_paths(void)
{
	static const struct {
		const char *pattern, *address, *want;
	} cases[] = {
	    {"/m/%d/%u",    "You@There.example",       "/m/there.example/you"},
	    {"/m/100%%/%u", "a.b+c@x.example",         "/m/100%/a.b+c"       },
	    {"/m/all",      "anybody@x.example",       "/m/all"              },
	    {"/m/%u",       "\"two words\"@x.example", "/m/two words"        },
	    {"/m/%u",       "\"a\\\"b\"@x.example",    "/m/a\"b"             },
	    {"/m/%u",       "\"a/b\"@x.example",       NULL                  },
	    {"/m/%u",       "a/b@x.example",           NULL                  },
	    {"/m/%u",       "\"..\"@x.example",        NULL                  },
	    {"/m/%u",       "\".hidden\"@x.example",   NULL                  },
	    {"/m/%u",       "\"\"@x.example",          NULL                  },
	    {"/m/%u",       "\"a\\\tb\"@x.example",    NULL                  },
	    {"/m/%d/%u",    "postmaster",              NULL                  },
	};
	struct buf out = {0};
	size_t i;
	int r;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&out);
		r = maildir_path(
		    str_of(cases[i].pattern), cases[i].address, &out);
		is_int(r, cases[i].want ? 0 : -1, "%s for %s", cases[i].pattern,
		    cases[i].address);
		is_str(buf_text(&out), cases[i].want ? cases[i].want : "",
		    "is as it should be");
	}
	buf_free(&out);
}

/* More at once than the helper is given at once, into three maildirs. */
static void
test_crowd(void)
{
	static const char *const boxes[] = {"crowd-a", "crowd-b", "crowd-c"};
	static const char *const news[] = {
	    "crowd-a/new", "crowd-b/new", "crowd-c/new"};
	static const char *const tmps[] = {
	    "crowd-a/tmp", "crowd-b/tmp", "crowd-c/tmp"};
	unsigned left = 600, i;
	int fd = queue_file("x\r\n", 3, false);

	for (i = 0; i < 600; i++) {
		struct maildir_delivery d = {
		    .fd = fd,
		    .id = ID,
		    .number = i,
		    .path = str_of(boxes[i % 3]),
		    .sender = "",
		    .address = "you@there.example",
		};

		maildir_deliver(&d, on_done, &left);
	}
	is_int(maildir_busy(), 600, "600 are under way");
	loop_run();
	fd_close(&fd);
	for (i = 0; i < 3; i++) {
		is_int(count(news[i]), 200, "200 files in each maildir");
		is_int(count(tmps[i]), 0, "all of them moved");
	}
}

int
main(void)
{
	dir = tmpdir();
	loop_init();
	maildir_start(dir);
	test_content();
	test_large();
	test_damage();
	test_repeat();
	test_failures();
	test_paths();
	test_crowd();
	return done();
}
