/* SPDX-License-Identifier: ISC */
/*
 * The settings table, typed, with its defaults.  Layer: mail.
 *
 * One table of fields (settings.c) says name, type, bounds, default and
 * meaning; cdbmaps checks by it and the daemons read by it.
 */
#ifndef MAIL_SETTINGS_H
#define MAIL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "mail/endpoint.h"
#include "mail/map.h"

#define LISTENERS_MAX 32
#define RESOLVERS_MAX 8

struct settings {
	char hostname[256];
	struct endpoint listeners[LISTENERS_MAX];
	size_t nlisteners;
	struct endpoint resolvers[RESOLVERS_MAX]; /* DNS; port 53 if not said */
	size_t nresolvers;
	unsigned receiver_workers; /* 0: one per core, at most 16 */
	unsigned engine_workers;
	unsigned sender_workers;

	/* receiver */
	uint64_t message_size_max;    /* bytes; SIZE */
	unsigned recipients_max;      /* a message */
	unsigned errors_max;          /* a session, then 421 */
	unsigned sessions_max;        /* in all workers together */
	unsigned client_sessions_max; /* of one client address */
	unsigned command_timeout_s;
	unsigned data_timeout_s;
	unsigned hops_max;      /* Received: fields, RFC 5321, 6.3 */
	uint64_t reserve_bytes; /* free space kept: 452 below */
	uint64_t reserve_inodes;
	unsigned commit_syncfs_at; /* batch size from which syncfs is used */

	/* sender */
	unsigned connections_max; /* in all workers together */
	unsigned duplicate_window_ms;
	unsigned connect_timeout_s;
	unsigned reply_timeout_s;
	unsigned idle_timeout_s; /* of a connection kept for reuse */
	char tls_ca_file[256];   /* authorities, in PEM */
	char source_address[64]; /* "": the system chooses */
	char postmaster[320];    /* From: of reports */

	bool original_header; /* X-Original-To: of aliases */

	bool force_filesystem; /* take any file system type */
};

/* Read them all: 0, or -1 with the reason logged. */
int settings_read(struct map *m, struct settings *set_r);

/* ---- the table of fields, for cdbmaps ---- */

enum setting_kind {
	SETTING_COUNT,    /* unsigned */
	SETTING_SECONDS,  /* unsigned; written with its unit */
	SETTING_MS,       /* unsigned, likewise */
	SETTING_SIZE,     /* uint64_t, 64k, 50m */
	SETTING_YES_NO,   /* bool */
	SETTING_DOMAIN,   /* text */
	SETTING_MAILBOX,  /* text, an address */
	SETTING_SOURCE,   /* text, an IP address */
	SETTING_PATH,     /* text, of a file */
	SETTING_LISTEN,   /* endpoints */
	SETTING_RESOLVER, /* endpoints */
	SETTING_NETWORKS, /* not stored: see network.h */
	SETTING_ROUTE,    /* not stored: see route.h */
};

struct setting {
	const char *name;
	enum setting_kind kind;
	bool repeats;
	size_t field; /* offset in struct settings */
	uint64_t min, max;
	const char *fallback; /* as written; NULL: none */
	const char *meaning;  /* one line */
};

/* The table ends with an entry without a name. */
extern const struct setting settings_fields[];
const struct setting *setting_find(struct str name);

/*
 * Check one written value and store it; a repeated one is added.  NULL, or
 * what was expected (good until the next call).  Networks and routes are the
 * caller's to check.
 */
const char *setting_store(
    const struct setting *f, struct str value, struct settings *set);

#endif
