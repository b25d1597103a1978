/* SPDX-License-Identifier: ISC */
#include "mail/profile.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "mail/entry.h"
#include "mail/pin.h"
#include "mail/quantity.h"

#define LIFETIME_MAX_S (365 * 86400)
#define TIMEOUT_MAX_S  86400
#define COUNT_MAX      10000

/* RFC 5321, 4.5.4.1: two attempts in the first hour, then every two to three
 * hours; give up after four to five days. */
static const struct profile built_in = {
    .name = "default",
    .retry_s = {15 * 60, 30 * 60, 60 * 60, 120 * 60, 180 * 60},
    .nretry = 5,
    .lifetime_s = 5 * 86400,
    .concurrency = 20,
    .messages_per_connection = 100,
    .prio = PRIO_NORMAL,
    .tls = TLS_OPPORTUNISTIC,
};

void
profile_default(struct profile *p_r)
{
	*p_r = built_in;
}

/* ---- reading ---- */

static const char *
parse_time(struct str value, uint32_t max_s, uint32_t *s_r)
{
	static char expected[96];
	char longest[QUANTITY_SIZE];
	uint64_t ms;

	if (quantity_time(value, &ms) == 0 && ms >= 1000 && ms % 1000 == 0 &&
	    ms / 1000 <= max_s) {
		*s_r = ms / 1000;
		return NULL;
	}
	quantity_format_time(max_s * 1000ULL, longest);
	snprintf(expected, sizeof(expected),
	    "a time from 1s to %s, such as 90s, 15m, 4h or 5d", longest);
	return expected;
}

static const char *
parse_time_or_none(struct str value, uint32_t *s_r)
{
	if (str_eq(value, "none")) {
		*s_r = 0;
		return NULL;
	}
	if (!parse_time(value, LIFETIME_MAX_S, s_r))
		return NULL;
	return "a time from 1s to 365d, such as 90s, 15m, 4h or 5d, or none";
}

static const char *
parse_count(struct str value, unsigned *count_r)
{
	uint64_t n;

	if (str_number(value, COUNT_MAX, &n) == -1 || n == 0)
		return "a number from 1 to 10000";
	*count_r = n;
	return NULL;
}

static const char *
parse_count_or_none(struct str value, unsigned *count_r)
{
	if (str_eq(value, "none")) {
		*count_r = 0;
		return NULL;
	}
	if (!parse_count(value, count_r))
		return NULL;
	return "a number from 1 to 10000, or none";
}

/* One of two words; the second means true. */
static const char *
parse_choice(struct str value, const char *no, const char *yes, bool *b_r)
{
	static char expected[64];

	*b_r = str_eq(value, yes);
	if (*b_r || str_eq(value, no))
		return NULL;
	snprintf(expected, sizeof(expected), "%s or %s", no, yes);
	return expected;
}

static const char *
parse_retry(struct str value, struct profile *p)
{
	if (p->nretry == RETRY_DELAYS_MAX)
		return "at most 64 delays";
	return parse_time(value, RETRY_MAX_S, &p->retry_s[p->nretry++]);
}

static const char *
parse_prio(struct str value, struct profile *p)
{
	if (value.len != 1 || value.s[0] < '0' || value.s[0] > '9')
		return "one digit, 0 (first) to 9 (last)";
	p->prio = value.s[0];
	return NULL;
}

static const char *const tls_names[] = {
    [TLS_NONE] = "none",
    [TLS_OPPORTUNISTIC] = "opportunistic",
    [TLS_REQUIRED] = "required",
    [TLS_VERIFY] = "verify",
    [TLS_PIN] = "pin",
};

const char *
profile_tls_name(enum tls_level level)
{
	return tls_names[level];
}

static const char *
parse_tls(struct str value, struct profile *p)
{
	for (enum tls_level level = TLS_NONE; level <= TLS_PIN; level++)
		if (str_eq(value, tls_names[level])) {
			p->tls = level;
			return NULL;
		}
	return "none, opportunistic, required, verify or pin";
}

static const char *
parse_pin(struct str value, struct profile *p)
{
	if (p->ntls_pins == 0 && str_eq(value, "none"))
		return NULL;
	if (p->ntls_pins == TLS_PINS_MAX)
		return "at most 4 pins";
	if (pin_parse(value, p->tls_pins[p->ntls_pins]) == -1)
		return "sha256: and the 64 hexadecimal digits of a SHA-256, "
		       "cert: and a file, or none";
	p->ntls_pins++;
	return NULL;
}

static const char *
parse_auth(struct str value, struct profile *p)
{
	if (str_eq(value, "none")) {
		p->auth[0] = '\0';
		return NULL;
	}
	if (profile_name_check(value) != NULL)
		return "the name of a credential, or none";
	str_copy(p->auth, sizeof(p->auth), value);
	return NULL;
}

enum key {
	KEY_RETRY,
	KEY_RETRIES,
	KEY_LIFETIME,
	KEY_DELAY_WARNING,
	KEY_AT_END,
	KEY_CONCURRENCY,
	KEY_MESSAGES,
	KEY_GREETING,
	KEY_ALIAS,
	KEY_PRIORITY,
	KEY_TLS,
	KEY_TLS_PIN,
	KEY_AUTH,
	KEY_AUTH_IN_CLEAR,
	KEY_TIMEOUT, /* the first of WAITS */
	KEYS = KEY_TIMEOUT + WAITS
};

const char *const profile_keys[] = {
    [KEY_RETRY] = "retry",
    [KEY_RETRIES] = "retries",
    [KEY_LIFETIME] = "lifetime",
    [KEY_DELAY_WARNING] = "delay-warning",
    [KEY_AT_END] = "at-end",
    [KEY_CONCURRENCY] = "concurrency",
    [KEY_MESSAGES] = "messages-per-connection",
    [KEY_GREETING] = "greeting-5xx",
    [KEY_ALIAS] = "alias-without-mx",
    [KEY_PRIORITY] = "priority",
    [KEY_TLS] = "tls",
    [KEY_TLS_PIN] = "tls-pin",
    [KEY_AUTH] = "auth",
    [KEY_AUTH_IN_CLEAR] = "auth-in-clear",
    [KEY_TIMEOUT + WAIT_GREETING] = "greeting-timeout",
    [KEY_TIMEOUT + WAIT_REPLY] = "reply-timeout",
    [KEY_TIMEOUT + WAIT_DATA] = "data-timeout",
    [KEY_TIMEOUT + WAIT_CONTENT] = "content-timeout",
    [KEY_TIMEOUT + WAIT_END] = "end-timeout",
    [KEYS] = NULL,
};

static const char *
parse_value(enum key key, struct str value, struct profile *p)
{
	if (key >= KEY_TIMEOUT)
		return parse_time(
		    value, TIMEOUT_MAX_S, &p->timeout_s[key - KEY_TIMEOUT]);
	switch (key) {
	case KEY_RETRY:
		return parse_retry(value, p);
	case KEY_RETRIES:
		return parse_count_or_none(value, &p->retries_max);
	case KEY_LIFETIME:
		return parse_time_or_none(value, &p->lifetime_s);
	case KEY_DELAY_WARNING:
		return parse_time_or_none(value, &p->delay_warning_s);
	case KEY_AT_END:
		return parse_choice(value, "dsn", "discard", &p->discard);
	case KEY_CONCURRENCY:
		return parse_count(value, &p->concurrency);
	case KEY_MESSAGES:
		return parse_count_or_none(value, &p->messages_per_connection);
	case KEY_GREETING:
		return parse_choice(value, "fail", "next", &p->greeting_next);
	case KEY_ALIAS:
		return parse_choice(value, "fail", "follow", &p->follow_alias);
	case KEY_PRIORITY:
		return parse_prio(value, p);
	case KEY_TLS:
		return parse_tls(value, p);
	case KEY_TLS_PIN:
		return parse_pin(value, p);
	case KEY_AUTH:
		return parse_auth(value, p);
	case KEY_AUTH_IN_CLEAR:
		return parse_choice(value, "no", "yes", &p->auth_in_clear);
	case KEY_TIMEOUT:
	case KEYS:
		break;
	}
	return "a key";
}

static enum key
find_key(struct str word)
{
	enum key key = 0;

	while (key < KEYS && !str_eq(word, profile_keys[key]))
		key++;
	return key;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Delays of retry and pins come as several; no key begins as they do. */
static bool
goes_on(enum key key, struct str word)
{
	if (key == KEY_TLS_PIN)
		return str_starts_nocase(word, "sha256:");
	return key == KEY_RETRY && word.len > 0 && is_digit(word.s[0]);
}

/* The value, or the values, of a key. */
static const char *
parse_key(enum key key, struct str *rest, struct profile *p, const char **at_r)
{
	struct str word, ahead;
	const char *expected;

	if (key == KEY_RETRY)
		p->nretry = 0;
	if (key == KEY_TLS_PIN)
		p->ntls_pins = 0;
	do {
		word = str_word(rest);
		*at_r = word.s;
		expected = parse_value(key, word, p);
		if (expected)
			return expected;
		ahead = *rest;
		word = str_word(&ahead);
	} while (goes_on(key, word));
	return NULL;
}

static const char *
parse_keys(struct str *rest, struct profile *p, const char **at_r)
{
	unsigned seen = 0;
	struct str word;
	const char *expected;
	enum key key;

	while ((word = str_word(rest)).len > 0) {
		*at_r = word.s;
		key = find_key(word);
		if (key == KEYS)
			return "a key of a profile";
		if (seen & 1U << key)
			return "each key once";
		seen |= 1U << key;
		expected = parse_key(key, rest, p, at_r);
		if (expected)
			return expected;
	}
	if (seen & 1U << KEY_RETRIES && !(seen & 1U << KEY_LIFETIME))
		p->lifetime_s = 0;
	return NULL;
}

const char *
profile_parse(struct str text, struct profile *p, size_t *at_r)
{
	const char *at = text.s, *expected;
	struct str rest = text;

	expected = parse_keys(&rest, p, &at);
	*at_r = expected ? at - text.s : 0;
	return expected;
}

const char *
profile_check(const struct profile *p)
{
	if (p->retries_max == 0 && p->lifetime_s == 0)
		return "retries or a lifetime, else mail is tried for ever";
	if (p->tls == TLS_PIN && p->ntls_pins == 0)
		return "tls-pin with tls pin";
	if (p->tls == TLS_NONE && p->auth[0] != '\0' && !p->auth_in_clear)
		return "more than tls none with auth, or auth-in-clear yes";
	return NULL;
}

const char *
profile_name_check(struct str name)
{
	bool letter, other;

	for (size_t i = 0; i < name.len; i++) {
		letter = (name.s[i] >= 'a' && name.s[i] <= 'z') ||
		         (name.s[i] >= 'A' && name.s[i] <= 'Z');
		other =
		    is_digit(name.s[i]) || name.s[i] == '-' || name.s[i] == '_';
		if (!letter && (i == 0 || !other))
			return "a profile's name: a letter, then letters, "
			       "digits, \"-\" and \"_\"";
	}
	if (name.len == 0 || name.len > PROFILE_NAME_MAX)
		return "a profile's name of 1 to 63 characters";
	if (str_eq_nocase(name, ROUTE_FALLBACK))
		return "another name: \"fallback\" is a word of routes";
	return NULL;
}

/* ---- writing ---- */

static void
add_time(struct buf *out, enum key key, uint32_t seconds)
{
	char text[QUANTITY_SIZE];

	quantity_format_time(seconds * 1000ULL, text);
	buf_addf(out, " %s %s", profile_keys[key], seconds ? text : "none");
}

static void
add_count(struct buf *out, enum key key, unsigned count)
{
	if (count == 0)
		buf_addf(out, " %s none", profile_keys[key]);
	else
		buf_addf(out, " %s %u", profile_keys[key], count);
}

static void
add_pins(struct buf *out, const struct profile *p)
{
	buf_addf(out, " %s%s", profile_keys[KEY_TLS_PIN],
	    p->ntls_pins == 0 ? " none" : "");
	for (size_t i = 0; i < p->ntls_pins; i++) {
		buf_add_char(out, ' ');
		pin_format(p->tls_pins[i], out);
	}
}

void
profile_format(const struct profile *p, struct buf *out)
{
	char text[QUANTITY_SIZE];

	buf_add_str(out, profile_keys[KEY_RETRY]);
	for (size_t i = 0; i < p->nretry; i++) {
		quantity_format_time(p->retry_s[i] * 1000ULL, text);
		buf_addf(out, " %s", text);
	}
	add_count(out, KEY_RETRIES, p->retries_max);
	add_time(out, KEY_LIFETIME, p->lifetime_s);
	add_time(out, KEY_DELAY_WARNING, p->delay_warning_s);
	buf_addf(out, " %s %s", profile_keys[KEY_AT_END],
	    p->discard ? "discard" : "dsn");
	add_count(out, KEY_CONCURRENCY, p->concurrency);
	add_count(out, KEY_MESSAGES, p->messages_per_connection);
	buf_addf(out, " %s %s", profile_keys[KEY_GREETING],
	    p->greeting_next ? "next" : "fail");
	buf_addf(out, " %s %s", profile_keys[KEY_ALIAS],
	    p->follow_alias ? "follow" : "fail");
	buf_addf(out, " %s %c", profile_keys[KEY_PRIORITY], p->prio);
	buf_addf(out, " %s %s", profile_keys[KEY_TLS], tls_names[p->tls]);
	add_pins(out, p);
	buf_addf(out, " %s %s %s %s", profile_keys[KEY_AUTH],
	    p->auth[0] != '\0' ? p->auth : "none",
	    profile_keys[KEY_AUTH_IN_CLEAR], p->auth_in_clear ? "yes" : "no");
	for (enum wait wait = 0; wait < WAITS; wait++)
		if (p->timeout_s[wait] != 0)
			add_time(out, KEY_TIMEOUT + wait, p->timeout_s[wait]);
}

/* ---- using ---- */

/* The delay after the n-th attempt, n from 1. */
static uint32_t
delay_after(const struct profile *p, unsigned n)
{
	assert(p->nretry > 0);
	return p->retry_s[n <= p->nretry ? n - 1 : p->nretry - 1];
}

/* A last attempt is made when the lifetime ends, however long the delay. */
int64_t
profile_next_due(const struct profile *p, unsigned attempts, int64_t arrival_s,
    int64_t now_s)
{
	int64_t due_s, end_s = arrival_s + p->lifetime_s;

	assert(attempts > 0);
	if (p->retries_max > 0 && attempts > p->retries_max)
		return -1;
	due_s = now_s + delay_after(p, attempts);
	if (p->lifetime_s == 0)
		return due_s;
	if (now_s >= end_s)
		return -1;
	return due_s < end_s ? due_s : end_s;
}

uint32_t
profile_wait_s(const struct profile *p, enum wait wait, uint32_t reply_s)
{
	if (p->timeout_s[wait] != 0)
		return p->timeout_s[wait];
	if (p->timeout_s[WAIT_REPLY] != 0)
		reply_s = p->timeout_s[WAIT_REPLY];
	return wait == WAIT_END ? 2 * reply_s : reply_s;
}

uint64_t
profile_total_s(const struct profile *p)
{
	uint64_t total = 0;

	for (unsigned n = 1; n <= p->retries_max; n++)
		total += delay_after(p, n);
	return total;
}
