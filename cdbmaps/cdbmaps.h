/* SPDX-License-Identifier: ISC */
/*
 * What the files of this room know of each other.
 */
#ifndef CDBMAPS_CDBMAPS_H
#define CDBMAPS_CDBMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "mail/address.h"
#include "mail/map.h"
#include "mail/network.h"
#include "mail/settings.h"

/* Exit statuses.  For a question: found, not found, broken. */
enum { EXIT_DONE, EXIT_MISTAKES, EXIT_BROKEN };

/* In the order in which they are read: what a table refers to comes first. */
enum table {
	TABLE_CREDENTIALS,
	TABLE_PROFILES,
	TABLE_SETTINGS,
	TABLE_ROUTES,
	TABLE_DOMAINS,
	TABLE_RECIPIENTS,
	TABLE_ALIASES,
	TABLE_REWRITES,
	TABLE_RULES,
	TABLES
};

const char *table_name(enum table table);
/* -1 when there is none of that name. */
int table_find(struct str name, enum table *table_r);

/* ---- the text that is read: source.c ---- */

struct source {
	char *path;      /* in a mistake: "/etc/stagepost/routes" */
	char *name;      /* in the map: "routes" */
	struct str text; /* all of it, as long as we live */
	unsigned number; /* in the order of opening */
	bool document;   /* holds several tables, each after "== NAME" */
	bool by_hand;    /* the command line: it wins over files */
};

/* Read a file, once: NULL and errno. */
struct source *source_read(const char *path, const char *name);
/* From memory; the text is not copied. */
struct source *source_of(const char *path, const char *name, struct str text);
/* By its number. */
const struct source *source_get(unsigned number);
/* The path of another file named in this one. */
char *source_beside(const struct source *s, struct str name);

/* ---- mistakes: report.c ---- */

/* Where in a source; at == its length: the end. */
struct place {
	const struct source *source;
	size_t at;
};

/*
 * Note a mistake; one at the same place with the same words counts once.  The
 * sentence says what was expected.
 */
void mistake(struct place place, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Print them, in the order of sources and lines, to stderr: how many. */
size_t report_print(void);
/* "PATH:LINE" of a place, for another mistake; valid for a few calls. */
const char *place_name(struct place place);
/* The word of a list (ended by NULL) that was probably meant, or NULL. */
const char *nearest_word(struct str word, const char *const list[]);

/* ---- rows of a table: read.c ---- */

#define ROW_MAX 65536 /* bytes, all its lines together */

struct word {
	struct str text; /* points into the source */
	unsigned line;
};

/* A line with its indented continuations: one word at least. */
struct row {
	const struct source *source;
	struct word *words;
	size_t nwords;
};

typedef void row_fn(void *arg, const struct row *row);

/* Call for each row of a table in the source and in what it includes; what
 * cannot be a row is a mistake. */
void read_rows(
    struct source *source, enum table table, row_fn *on_row, void *arg);

struct place row_place(const struct row *row, size_t word);
/* Words from <= i < to, one blank between: what a parser reads. */
struct str row_join(
    const struct row *row, size_t from, size_t to, struct buf *out);
/*
 * A parser of words joined from there found a mistake at that offset: note it,
 * with the word there and, when `known` (ended by NULL) is given, the known
 * word that is most like it.
 */
void row_mistake(const struct row *row, size_t from, size_t at,
    const char *expected, const char *const known[]);

/* ---- what will be in the map: record.c ---- */

/* A record whose letter is a small one is for us alone. */

struct record {
	const char *bytes; /* the key and, right after it, the value */
	uint32_t value_len;
	uint16_t key_len;
	uint16_t source; /* RECORD_BUILT_IN: nobody wrote it */
	uint32_t line;
	uint32_t at;
};

#define RECORD_BUILT_IN UINT16_MAX
#define BUILT_IN        "built-in" /* its place in the map */

struct record *record_find(char table, struct str key);
/* Add one; NULL when the key is there already. */
struct record *record_add(
    char table, struct str key, struct str value, const struct row *row);
void record_set_value(struct record *r, struct str value);
struct str record_key(const struct record *r); /* with its table's letter */
struct str record_value(const struct record *r);
const struct record *record_get(size_t i); /* in the order of adding; NULL */
/* "PATH:LINE" for a mistake, "FILE:LINE" for the map. */
const char *record_place(const struct record *r);
void record_where(const struct record *r, struct buf *out);
/* Was it given on the command line, which a file cannot change? */
bool record_by_hand(const struct record *r);

/* ---- from rows to records: compile.c and one file for each table ---- */

/* The sources of a compilation. */
struct input {
	const char *tables;         /* directory or document; NULL: built in */
	struct buf by_hand[TABLES]; /* lines from the command line */
	char *host;                 /* to compile for; NULL: this one */
};

/* All tables are read and checked; mistakes are noted. */
void compile(const struct input *in);

/* credentials.c */
void on_credential(void *arg, const struct row *row);
bool credential_known(struct str name);
/* Put them in the place of the old ones: 0, or -1 with the reason printed. */
int write_credentials(int dir);

/* profiles.c: `default` first, which the others build upon */
void on_profile_default(void *arg, const struct row *row);
void on_profile(void *arg, const struct row *row);
void profiles_finish(void);
/* Names, ended by NULL. */
const char *const *profiles_known(void);

/* settings.c: local-route last, when it is known who can be asked */
void on_setting(void *arg, const struct row *row);
void settings_finish(void);
void on_local_route(void *arg, const struct row *row);
const struct settings *settings_compiled(void);

/* networks.c */
void on_networks(const struct row *row, size_t from, enum network_right right);
void networks_finish(void);

/* routes.c */
/* The words from there on are a route: its canonical text, valid until the
 * next call, or NULL after a mistake. */
const char *route_of_row(const struct row *row, size_t from);

/* table.c: three passes, the argument of the first is the host to compile for
 * or NULL: this one */
void on_host(void *arg, const struct row *row);
void on_route_of_table(void *arg, const struct row *row);
void on_route_of_all(void *arg, const struct row *row);
void routes_finish(const struct source *source);
/* The record of the routing table that answers for all addresses of a domain,
 * or NULL. */
const struct record *route_covering(const char *domain);

/* domains.c */
void on_domain(void *arg, const struct row *row);

/* recipients.c */
void on_recipients(void *arg, const struct row *row);
/* The key of "user@domain" or "@domain": NULL, or what was expected. */
const char *recipient_key(struct str text, char key_r[ADDRESS_MAX + 2]);

/* aliases.c */
void on_alias(void *arg, const struct row *row);
void aliases_finish(void);

/* rewrites.c */
void on_rewrite(void *arg, const struct row *row);

/* rules.c */
void on_rule(void *arg, const struct row *row);

/* ---- the embedded tables: defaults.c ---- */

struct str default_table(enum table table);

/* ---- the map itself: write.c, ask.c, dump.c ---- */

/* Open SPOOL/map, made when it is missing if so asked: descriptor, or -1 with
 * the reason printed. */
int map_directory(const char *spool, bool make);
/* Put all records in the place of the map: 0, or -1 with the reason printed. */
int write_map(int dir);
/* "route:user@a.example" and the like: an exit status. */
int ask_map(int dir, const char *key);
/* All of it, as a document that can be read again: an exit status. */
int dump_map(int dir);

#endif
