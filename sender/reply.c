/* SPDX-License-Identifier: ISC */
#include "reply.h"

#include <string.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The code at the front of a line, 0 when there is none. */
static unsigned
line_code(const char *s, size_t len)
{
	if (len < 3 || !is_digit(s[0]) || !is_digit(s[1]) || !is_digit(s[2]))
		return 0;
	if (s[0] < '2' || s[0] > '5')
		return 0;
	if (len > 3 && s[3] != ' ' && s[3] != '-')
		return 0;
	return (unsigned)((s[0] - '0') * 100 + (s[1] - '0') * 10 + s[2] - '0');
}

/* Length of a line without its CR LF or LF. */
static size_t
line_len(const char *s, const char *lf)
{
	return (size_t)(lf - s) - (lf > s && lf[-1] == '\r');
}

ssize_t
reply_parse(struct str in, struct reply *r_r)
{
	size_t at = 0, len;
	unsigned code;
	const char *lf;

	*r_r = (struct reply){.code = 0};
	while ((lf = memchr(in.s + at, '\n', in.len - at)) != NULL) {
		len = line_len(in.s + at, lf);
		code = line_code(in.s + at, len);
		if (code == 0 || (r_r->code != 0 && code != r_r->code))
			return -1;
		r_r->code = code;
		if (len == 3 || in.s[at + 3] == ' ') {
			r_r->lines.s = in.s;
			r_r->lines.len = (size_t)(lf + 1 - in.s);
			return r_r->lines.len > REPLY_MAX
			           ? -1
			           : (ssize_t)r_r->lines.len;
		}
		at = (size_t)(lf + 1 - in.s);
	}
	return in.len > REPLY_MAX ? -1 : 0;
}

bool
reply_positive(const struct reply *r)
{
	return r->code / 100 == 2;
}

bool
reply_line(struct str *lines, struct str *text_r)
{
	struct str line;

	if (lines->len == 0)
		return false;
	line = str_cut(lines, '\n');
	if (line.len > 0 && line.s[line.len - 1] == '\r')
		line.len--;
	text_r->s = line.s + (line.len > 4 ? 4 : line.len);
	text_r->len = line.len > 4 ? line.len - 4 : 0;
	return true;
}

/* Is it "2.1.5" or the like (RFC 2034)? */
static bool
is_enhanced(struct str word)
{
	unsigned dots = 0;

	if (word.len < 5 || !is_digit(word.s[0]) || word.s[1] != '.')
		return false;
	for (size_t i = 1; i < word.len; i++) {
		if (word.s[i] == '.' && word.s[i - 1] != '.')
			dots++;
		else if (!is_digit(word.s[i]))
			return false;
	}
	return dots == 2 && word.s[word.len - 1] != '.';
}

/* The enhanced status of the first line: "" when it has none. */
static struct str
enhanced_status(const struct reply *r)
{
	struct str lines = r->lines, line, word = {"", 0};

	if (reply_line(&lines, &line))
		word = str_word(&line);
	return is_enhanced(word) ? word : (struct str){"", 0};
}

bool
reply_unknown(const struct reply *r)
{
	struct str status = enhanced_status(r);

	if (r->code / 100 != 5)
		return false;
	if (status.len == 0)
		return r->code == 550 || r->code == 551 || r->code == 553;
	if (r->code == 550 && str_eq(status, "5.4.1"))
		return true; /* as large providers say it */
	return str_starts_nocase(status, "5.1.") && !str_eq(status, "5.1.7") &&
	       !str_eq(status, "5.1.8"); /* those are about the sender */
}

static void
add_printable(struct buf *out, struct str text, size_t max)
{
	for (size_t i = 0; i < text.len && out->len < max; i++)
		buf_add_char(out,
		    text.s[i] >= ' ' && text.s[i] <= '~' ? text.s[i] : '?');
}

void
reply_format(const struct reply *r, struct buf *out)
{
	struct str lines = r->lines, line, rest, word, status = {NULL, 0};
	size_t max = out->len + REPLY_TEXT_MAX;

	buf_addf(out, "%03u", r->code);
	while (reply_line(&lines, &line)) {
		rest = line;
		word = str_word(&rest);
		if (is_enhanced(word)) {
			if (status.len == word.len &&
			    memcmp(status.s, word.s, word.len) == 0)
				line = rest;
			else if (status.len == 0)
				status = word;
		}
		while (line.len > 0 && line.s[0] == ' ') {
			line.s++;
			line.len--;
		}
		if (line.len > 0 && out->len < max) {
			buf_add_char(out, ' ');
			add_printable(out, line, max);
		}
	}
}
