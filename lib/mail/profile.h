/* SPDX-License-Identifier: ISC */
/*
 * A profile: how mail for a destination is delivered, retried and given up.
 * Layer: mail.
 */
#ifndef MAIL_PROFILE_H
#define MAIL_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/map.h"
#include "mail/pin.h"

#define ROUTE_FALLBACK   "fallback" /* a word of routes, no name of one */
#define PROFILE_NAME_MAX 63
#define RETRY_DELAYS_MAX 64
#define RETRY_MAX_S      (30 * 86400) /* one delay */
#define TLS_PINS_MAX     4

/* What mail asks of the connection that it goes over; each one of all before
 * it, but for pin, which asks for no authority. */
enum tls_level {
	TLS_NONE,          /* never encrypted */
	TLS_OPPORTUNISTIC, /* encrypted where that is possible */
	TLS_REQUIRED,      /* never in clear */
	TLS_VERIFY, /* and the certificate is the host's, by an authority */
	TLS_PIN,    /* and the certificate or its key is one of these */
};

/* What is waited for on a connection: RFC 5321, 4.5.3.2. */
enum wait {
	WAIT_GREETING,
	WAIT_REPLY,   /* to any command but DATA */
	WAIT_DATA,    /* the reply to it */
	WAIT_CONTENT, /* that the next part of it is taken */
	WAIT_END,     /* the reply to its end */
	WAITS
};

struct profile {
	char name[PROFILE_NAME_MAX + 1];    /* "default" always exists */
	uint32_t retry_s[RETRY_DELAYS_MAX]; /* the last one repeats */
	size_t nretry;
	unsigned retries_max;     /* after the first attempt; 0: no limit */
	uint32_t lifetime_s;      /* since arrival; 0: no limit */
	uint32_t delay_warning_s; /* since arrival; 0: none */
	bool discard;             /* at the end: discard instead of a DSN */
	unsigned concurrency; /* connections to one destination, all workers */
	unsigned messages_per_connection; /* 0: no limit */
	bool greeting_next; /* 5xx to greeting or EHLO: try the next host */
	bool follow_alias;  /* a domain without MX that is an alias: as RFC 5321
	                     * has it, the address that it leads to */
	char prio;          /* '0' first, '5' normal */
	enum tls_level tls;
	uint8_t tls_pins[TLS_PINS_MAX][PIN_SIZE];
	size_t ntls_pins;
	uint32_t timeout_s[WAITS];       /* 0: not said; profile_wait_s() */
	char auth[PROFILE_NAME_MAX + 1]; /* a credential; "": no AUTH */
	bool auth_in_clear;              /* AUTH also without TLS */
};

/* What holds where nothing is written; its name is "default". */
void profile_default(struct profile *p_r);

/* The words that profile_parse() knows; ends with NULL. */
extern const char *const profile_keys[];

/*
 * Change *p by the written form, "retry 15m 30m retries 30 at-end discard".
 * Each key once; `retries` without `lifetime` takes the lifetime away, so that
 * the count is what counts.  NULL, or what was expected, with *at_r the offset
 * of the mistake.
 */
const char *profile_parse(struct str text, struct profile *p, size_t *at_r);
/* Do the keys go together? NULL or what was expected. */
const char *profile_check(const struct profile *p);
/* "required" */
const char *profile_tls_name(enum tls_level level);
/* Append every key that says something, so that it can be read back. */
void profile_format(const struct profile *p, struct buf *out);
/* A letter, then letters, digits, "-" and "_": NULL or what was expected. */
const char *profile_name_check(struct str name);

/* ---- profiles of a map: profile_find.c ---- */

/* 1 found, 0 no such profile (then the caller treats it as temporary: cdbmaps
 * refuses unknown ones), -1 damaged. */
int profile_find(struct map *m, const char *name, struct profile *p_r);

/* The longest retry delay of all profiles of a map, in seconds. */
uint32_t profile_longest_delay(struct map *m);

/*
 * When to try again.  `attempts` are those that have deferred it so far, the
 * latest ended at now_s.  Returns the due time, or -1 when count or lifetime
 * is exceeded: give up.
 */
int64_t profile_next_due(const struct profile *p, unsigned attempts,
    int64_t arrival_s, int64_t now_s);

/*
 * How long to wait, when the settings' reply-timeout is reply_s.  What neither
 * the profile nor its reply-timeout says is as long as that, and twice as long
 * after the end of the content.
 */
uint32_t profile_wait_s(
    const struct profile *p, enum wait wait, uint32_t reply_s);

/* Seconds from the first attempt to the last by the retry count, 0 when there
 * is no count. */
uint64_t profile_total_s(const struct profile *p);

#endif
