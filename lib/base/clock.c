/* SPDX-License-Identifier: ISC */
#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

#define US_PER_S     1000000
#define LOOK_EACH_MS 1000
#define TURN_EACH_MS 50 /* the same, in a test */
#define TRUST_S      3600
#define AWAY_S       86400
#define LAST_S       253402300799 /* the end of the year 9999 */

static int64_t turned_s; /* by clock_turn() */
static int64_t file_s;   /* by the file that STAGEPOST_CLOCK names */
static int file_fd = -1;
static int64_t looked_ms;
static int64_t boot_s; /* wall time of the boot, as it was at the start */

static int64_t doubt_until_ms; /* on the steady clock; 0: none */

static struct tm broken_down(int64_t wall_s);

/* The wall time at which this system booted, by what the wall clock says now;
 * time that it slept has passed too. */
static int64_t
boot_time(void)
{
	struct timespec wall, up;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return wall.tv_sec - up.tv_sec;
}

bool
clock_trusted(void)
{
	return clock_steady_ms() >= doubt_until_ms &&
	       llabs(boot_time() - boot_s) <= TRUST_S;
}

bool
clock_doubt(int64_t seen_s)
{
	int64_t ago_s = time(NULL) - seen_s;

	if (ago_s >= -TRUST_S && ago_s <= AWAY_S)
		return false;
	doubt_until_ms = clock_steady_ms() + TRUST_S * 1000;
	return true;
}

/* The file is kept open, so that it is still read after a chroot; for the same
 * reason the library is made to read its time zone now. */
void
clock_init(void)
{
	const char *path = getenv("STAGEPOST_CLOCK");

	broken_down(0);
	boot_s = boot_time();
	fd_close(&file_fd);
	file_s = 0;
	if (!path || geteuid() != getuid() || getegid() != getgid())
		return;
	file_fd = open(path, O_RDONLY | O_CLOEXEC);
	clock_refresh();
}

/* What cannot be read as a number, such as a file that is just being written,
 * changes nothing. */
void
clock_refresh(void)
{
	char text[32];
	struct str line, number;
	uint64_t value;
	ssize_t n;
	bool minus;

	if (file_fd == -1)
		return;
	looked_ms = clock_steady_ms();
	n = fd_pread_full(file_fd, text, sizeof(text), 0);
	if (n <= 0)
		return;
	line = (struct str){text, n};
	number = str_cut(&line, '\n');
	minus = number.len > 0 && number.s[0] == '-';
	if (minus)
		str_cut(&number, '-');
	if (str_number(number, LAST_S, &value) == 0)
		file_s = minus ? -(int64_t)value : (int64_t)value;
}

int64_t
clock_wall_us(void)
{
	struct timespec ts;

	if (file_fd != -1 && clock_steady_ms() - looked_ms >= TURN_EACH_MS)
		clock_refresh();
	clock_gettime(CLOCK_REALTIME, &ts);
	return (ts.tv_sec + turned_s + file_s) * US_PER_S + ts.tv_nsec / 1000;
}

int64_t
clock_wall_s(void)
{
	return clock_wall_us() / US_PER_S;
}

int64_t
clock_steady_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_look_ms(void)
{
	return file_fd == -1 ? LOOK_EACH_MS : TURN_EACH_MS;
}

void
clock_turn(int64_t seconds)
{
	turned_s += seconds;
}

/* Times that no calendar of four-digit years has become its first or last. */
static struct tm
broken_down(int64_t wall_s)
{
	struct tm tm = {0};
	time_t t;

	t = wall_s < 0 ? 0 : wall_s > LAST_S ? LAST_S : wall_s;
	gmtime_r(&t, &tm);
	return tm;
}

/* Each message has some dates: written by hand, they take a tenth of what
 * printf(3) takes, and know no locale. */
static char *
put_number(char *p, int number, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; number /= 10)
		p[i] = (char)('0' + number % 10);
	return p + digits;
}

static char *
put_text(char *p, const char *text)
{
	while (*text)
		*p++ = *text++;
	return p;
}

static char *
put_time(char *p, const struct tm *tm)
{
	p = put_number(p, tm->tm_hour, 2);
	*p++ = ':';
	p = put_number(p, tm->tm_min, 2);
	*p++ = ':';
	return put_number(p, tm->tm_sec, 2);
}

void
clock_date(int64_t wall_s, char out[CLOCK_DATE_SIZE])
{
	static const char days[][4] = {
	    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm = broken_down(wall_s);

	out = put_text(out, days[tm.tm_wday]);
	out = put_text(out, ", ");
	out = put_number(out, tm.tm_mday, 2);
	*out++ = ' ';
	out = put_text(out, months[tm.tm_mon]);
	*out++ = ' ';
	out = put_number(out, tm.tm_year + 1900, 4);
	*out++ = ' ';
	out = put_time(out, &tm);
	out = put_text(out, " +0000");
	*out = '\0';
}

void
clock_stamp(int64_t wall_s, char out[CLOCK_DATE_SIZE])
{
	struct tm tm = broken_down(wall_s);

	out = put_number(out, tm.tm_year + 1900, 4);
	*out++ = '-';
	out = put_number(out, tm.tm_mon + 1, 2);
	*out++ = '-';
	out = put_number(out, tm.tm_mday, 2);
	*out++ = 'T';
	out = put_time(out, &tm);
	*out++ = 'Z';
	*out = '\0';
}
