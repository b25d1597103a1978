/* SPDX-License-Identifier: ISC */
#include "letter.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void
letter_begin(struct letter *l, unsigned number)
{
	*l = (struct letter){.number = number};
}

void
letter_retry(struct letter *l, const char *prefix)
{
	snprintf(
	    l->id, sizeof(l->id), "%s-%u-%u", prefix, l->number, ++l->tries);
}

void
letter_recipient(
    const struct letter *l, const char *pattern, char *address_r, size_t size)
{
	enum { DIGITS = 24 };
	size_t n = 0;
	unsigned long mod;
	char *end;

	while (*pattern != '\0' && n + DIGITS < size) {
		if (*pattern != '%') {
			address_r[n++] = *pattern++;
			continue;
		}
		mod = strtoul(++pattern, &end, 10);
		pattern = end;
		n += (size_t)snprintf(address_r + n, DIGITS, "%lu",
		    mod > 0 ? l->number % mod : l->number);
	}
	address_r[n] = '\0';
}

int
letter_header(
    const struct letter *l, const char *sender, char *text_r, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;
	char date[64];

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000",
	    gmtime_r(&now, &tm));
	return snprintf(text_r, size,
	    "From: <%s>\r\nTo: undisclosed-recipients:;\r\n"
	    "Date: %s\r\nMessage-ID: <%s@load.example>\r\n"
	    "Subject: message %u\r\nX-Test-Id: %s\r\n\r\n",
	    sender, date, l->id, l->number, l->id);
}

bool
letter_id(const char *head, char *id_r, size_t size)
{
	static const char name[] = "\r\nX-Test-Id:";
	const char *at = strcasestr(head, name);

	if (at != NULL)
		at += strlen(name);
	else if (strncasecmp(head, name + 2, strlen(name + 2)) == 0)
		at = head + strlen(name + 2);
	else
		return false;
	at += strspn(at, " \t");
	snprintf(id_r, size, "%.*s", (int)strcspn(at, "\r\n \t"), at);
	return true;
}

char *
letter_body(size_t size, size_t *len_r)
{
	static const char line[] =
	    "Stage by stage the coach went on, and at each post the horses "
	    "were fresh.\r\n";
	size_t len, lines = size / (sizeof(line) - 1) + 1;
	char *body = malloc(lines * (sizeof(line) - 1) + 3);

	if (body == NULL)
		err(1, "malloc");
	for (len = 0; lines > 0; lines--) {
		memcpy(body + len, line, sizeof(line) - 1);
		len += sizeof(line) - 1;
	}
	memcpy(body + len, ".\r\n", 3);
	*len_r = len + 3;
	return body;
}
