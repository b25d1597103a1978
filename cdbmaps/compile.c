/* SPDX-License-Identifier: ISC */
#include "cdbmaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Where each table is read from. */
static struct source *from_hand[TABLES], *from_file[TABLES];

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static struct source *
open_embedded(enum table table)
{
	struct source *s;
	struct buf name = {0};

	buf_addf(&name, BUILT_IN "/%s", table_name(table));
	s = source_of(name.data, name.data, default_table(table));
	buf_free(&name);
	return s;
}

/* What is missing reads as empty; only the settings have to be there. */
static struct source *
open_file(const char *path, const char *name, bool needed)
{
	struct source *s = source_read(path, name);
	int error = errno;

	if (s)
		return s;
	s = source_of(path, name, str_of(""));
	if (needed || error != ENOENT)
		mistake((struct place){s, 0},
		    "expected a file that can be read: %s", strerror(error));
	return s;
}

static struct source *
open_table(const char *directory, enum table table)
{
	struct buf path = {0};
	struct source *s;

	buf_addf(&path, "%s/%s", directory, table_name(table));
	s = open_file(path.data, table_name(table), table == TABLE_SETTINGS);
	buf_free(&path);
	return s;
}

/* False: it cannot be read, and that is said. */
static bool
open_document(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct source *s = source_read(path, slash ? slash + 1 : path);
	bool readable = s != NULL;

	if (!readable) {
		s = source_of(path, path, str_of(""));
		mistake((struct place){s, 0},
		    "expected a directory of tables, or a document: %s "
		    "(cdbmaps -p DIRECTORY writes tables to start from)",
		    strerror(errno));
	}
	s->document = true;
	for (enum table t = 0; t < TABLES; t++)
		from_file[t] = s;
	return readable;
}

static bool
open_sources(const struct input *in)
{
	for (enum table t = 0; t < TABLES; t++) {
		if (in->by_hand[t].len > 0) {
			from_hand[t] = source_of("command line", "command line",
			    (struct str){
				in->by_hand[t].data, in->by_hand[t].len});
			from_hand[t]->by_hand = true;
		}
	}
	if (!in->tables)
		for (enum table t = 0; t < TABLES; t++)
			from_file[t] = open_embedded(t);
	else if (is_directory(in->tables))
		for (enum table t = 0; t < TABLES; t++)
			from_file[t] = open_table(in->tables, t);
	else
		return open_document(in->tables);
	return true;
}

/* The command line first: what it says a file does not change. */
static void
read_table(enum table table, row_fn *on_row, void *arg)
{
	if (from_hand[table])
		read_rows(from_hand[table], table, on_row, arg);
	read_rows(from_file[table], table, on_row, arg);
}

void
compile(const struct input *in)
{
	if (!open_sources(in))
		return;
	read_table(TABLE_CREDENTIALS, on_credential, NULL);
	read_table(TABLE_PROFILES, on_profile_default, NULL);
	read_table(TABLE_PROFILES, on_profile, NULL);
	profiles_finish();
	read_table(TABLE_SETTINGS, on_setting, NULL);
	settings_finish();
	networks_finish();
	read_table(TABLE_SETTINGS, on_local_route, NULL);
	read_table(TABLE_ROUTES, on_host, in->host);
	read_table(TABLE_ROUTES, on_route_of_table, NULL);
	read_table(TABLE_ROUTES, on_route_of_all, NULL);
	routes_finish(from_file[TABLE_ROUTES]);
	read_table(TABLE_DOMAINS, on_domain, NULL);
	read_table(TABLE_RECIPIENTS, on_recipients, NULL);
	read_table(TABLE_ALIASES, on_alias, NULL);
	aliases_finish();
	read_table(TABLE_REWRITES, on_rewrite, NULL);
	read_table(TABLE_RULES, on_rule, NULL);
}
