/* SPDX-License-Identifier: ISC */
#include "mail/dsn.h"

#include <stdio.h>
#include <string.h>

static const char *const by_outcome[] = {
    [OUTCOME_DELIVERED] = "2.0.0",
    [OUTCOME_DEFERRED] = "4.0.0",
    [OUTCOME_FAILED] = "5.0.0",
    [OUTCOME_EXPIRED] = "4.4.7",
    [OUTCOME_DISCARDED] = "4.4.7",
};

/* "550 text", "550-text" or "550": '5', else 0. */
static char
basic_class(struct str reply)
{
	if (reply.len < 3 || !memchr("245", reply.s[0], 3))
		return 0;
	for (size_t i = 1; i < 3; i++)
		if (reply.s[i] < '0' || reply.s[i] > '9')
			return 0;
	if (reply.len > 3 && reply.s[3] != ' ' && reply.s[3] != '-')
		return 0;
	return reply.s[0];
}

/* RFC 2034, 4: "5.1.1" with at most three digits each, of that class (0: of
 * any). */
static bool
is_enhanced(struct str word, char class)
{
	struct str digit, subject;
	uint64_t number;

	digit = str_cut(&word, '.');
	subject = str_cut(&word, '.');
	if (digit.len != 1 || subject.len > 3 || word.len > 3)
		return false;
	if (class ? digit.s[0] != class
		  : digit.s[0] != '2' && digit.s[0] != '4' && digit.s[0] != '5')
		return false;
	return str_number(subject, 999, &number) == 0 &&
	       str_number(word, 999, &number) == 0;
}

void
dsn_status(const char *reply, enum outcome outcome, char out[DSN_STATUS_SIZE])
{
	struct str rest = str_of(reply ? reply : ""), word;
	char class;

	class = basic_class(rest);
	if (class)
		rest = str_of(reply + (rest.len > 3 ? 4 : 3));
	word = str_word(&rest);
	if (is_enhanced(word, class))
		str_copy(out, DSN_STATUS_SIZE, word);
	else if (class)
		snprintf(out, DSN_STATUS_SIZE, "%c.0.0", class);
	else
		snprintf(out, DSN_STATUS_SIZE, "%s", by_outcome[outcome]);
}

/* Who has not said wants to know of failures and delays. */
bool
dsn_wanted(const struct recipient *rcpt, enum report kind)
{
	static const unsigned bits[] = {
	    [REPORT_FAILURE] = NOTIFY_FAILURE,
	    [REPORT_DELAY] = NOTIFY_DELAY,
	    [REPORT_SUCCESS] = NOTIFY_SUCCESS,
	};
	unsigned notify = rcpt->notify;

	if (notify == 0)
		notify = NOTIFY_FAILURE | NOTIFY_DELAY;
	return notify & bits[kind];
}
