/* SPDX-License-Identifier: ISC */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ran, failed;
static char tmp_path[] = "/tmp/stagepost.XXXXXX";
static pid_t tmp_owner;

__attribute__((format(printf, 4, 0))) static bool
result(bool held, const char *file, int line, const char *fmt, va_list ap)
{
	char name[512];

	vsnprintf(name, sizeof(name), fmt, ap);
	printf("%sok %d - %s\n", held ? "" : "not ", ++ran, name);
	if (!held) {
		failed++;
		printf("#   at %s:%d\n", file, line);
	}
	fflush(stdout);
	return held;
}

bool
tap_ok(bool cond, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(cond, file, line, fmt, ap);
	va_end(ap);
	return cond;
}

bool
tap_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!result(got == want, file, line, fmt, ap))
		diag("  got %lld, expected %lld", got, want);
	va_end(ap);
	return got == want;
}

bool
tap_str(const char *got, const char *want, const char *file, int line,
    const char *fmt, ...)
{
	va_list ap;
	bool same;

	same = got == want || (got && want && strcmp(got, want) == 0);
	va_start(ap, fmt);
	if (!result(same, file, line, fmt, ap)) {
		diag("  got      %s", got ? got : "(null)");
		diag("  expected %s", want ? want : "(null)");
	}
	va_end(ap);
	return same;
}

bool
tap_mem(const void *got, size_t gotlen, const void *want, size_t wantlen,
    const char *file, int line, const char *fmt, ...)
{
	const unsigned char *g = got, *w = want;
	size_t i, min = gotlen < wantlen ? gotlen : wantlen;
	va_list ap;
	bool same;

	for (i = 0; i < min && g[i] == w[i];)
		i++;
	same = i == gotlen && i == wantlen;
	va_start(ap, fmt);
	if (!result(same, file, line, fmt, ap))
		diag("  got %zu bytes, expected %zu; they differ at %zu",
		    gotlen, wantlen, i);
	va_end(ap);
	return same;
}

/* Each line of a remark needs its own mark, or prove would read it. */
void
diag(const char *fmt, ...)
{
	char text[4096], *line, *rest = text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	while ((line = strsep(&rest, "\n")))
		printf("# %s\n", line);
	fflush(stdout);
}

void
bail_out(const char *fmt, ...)
{
	va_list ap;
	int error = errno;

	va_start(ap, fmt);
	printf("Bail out! ");
	vprintf(fmt, ap);
	printf(": %s\n", strerror(error));
	va_end(ap);
	exit(255);
}

int
done(void)
{
	printf("1..%d\n", ran);
	if (failed)
		diag("%d of %d failed", failed, ran);
	return failed ? 1 : 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A child that leaves through exit() must not take the directory along. */
static void
remove_tmpdir(void)
{
	if (getpid() == tmp_owner)
		nftw(tmp_path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int
tmpdir(void)
{
	int fd;

	if (tmp_owner == 0) {
		if (!mkdtemp(tmp_path))
			bail_out("make %s", tmp_path);
		tmp_owner = getpid();
		atexit(remove_tmpdir);
	}
	fd = open(tmp_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		bail_out("open %s", tmp_path);
	return fd;
}

const char *
tmpdir_path(void)
{
	return tmp_path;
}
