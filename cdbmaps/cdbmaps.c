/* SPDX-License-Identifier: ISC */
/*
 * ROOM      cdbmaps: compiles what an operator has written into the map.
 * RUNS AS   the operator, mostly root; no daemon ever runs it.
 * MAY       read the tables; put a new map in the place of the old one.
 * MAY NOT   use the network, touch a queue entry.
 * TRUSTS    the person who runs it, not to write without mistakes.
 * IF IT     dies, the old map is still there, whole; daemons go on with it.
 *
 * Path of a line:  source.c -> read.c -> settings.c profiles.c routes.c
 *                  table.c domains.c recipients.c aliases.c rewrites.c rules.c
 *                  networks.c -> record.c -> write.c
 *
 * SECURITY  All checks are made here, with the whole of the tables in sight;
 *           daemons read what was compiled and check its form again.
 */
#include "cdbmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define TABLES_DEFAULT "/etc/stagepost"
#define SPOOL_DEFAULT  "/var/spool/stagepost"

struct options {
	struct input input;
	const char *spool;
	bool check_only;
	bool dump;
	const char *question;
	const char *print_to; /* a directory, or "-" */
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: cdbmaps [-n] [-e | -f TABLES] [-s SPOOL] [-H HOST] "
	    "[-o SETTING]... [-r ROUTE]... [-l DOMAIN]...\n"
	    "       cdbmaps -q KEY [-s SPOOL]\n"
	    "       cdbmaps -d [-s SPOOL]\n"
	    "       cdbmaps -p DIRECTORY | -p -\n");
	return EXIT_BROKEN;
}

static void
add_line(struct options *o, enum table table, const char *line)
{
	buf_add_str(&o->input.by_hand[table], line);
	buf_add_char(&o->input.by_hand[table], '\n');
}

static int
parse_options(int argc, char *argv[], struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "H:def:l:no:p:q:r:s:")) != -1) {
		switch (c) {
		case 'H':
			o->input.host = optarg;
			break;
		case 'd':
			o->dump = true;
			break;
		case 'e':
			o->input.tables = NULL;
			break;
		case 'f':
			o->input.tables = optarg;
			break;
		case 'l':
			add_line(o, TABLE_DOMAINS, optarg);
			break;
		case 'n':
			o->check_only = true;
			break;
		case 'o':
			add_line(o, TABLE_SETTINGS, optarg);
			break;
		case 'p':
			o->print_to = optarg;
			break;
		case 'q':
			o->question = optarg;
			break;
		case 'r':
			add_line(o, TABLE_ROUTES, optarg);
			break;
		case 's':
			o->spool = optarg;
			break;
		default:
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

/* ---- what it can be asked to do ---- */

static int
run_compile(const struct options *o)
{
	int dir, status;

	compile(&o->input);
	if (report_print() > 0)
		return EXIT_MISTAKES;
	if (o->check_only)
		return EXIT_DONE;
	dir = map_directory(o->spool, true);
	if (dir == -1)
		return EXIT_BROKEN;
	status = write_credentials(dir);
	if (status == 0)
		status = write_map(dir);
	fd_close(&dir);
	return status == 0 ? EXIT_DONE : EXIT_BROKEN;
}

static int
run_on_map(const struct options *o)
{
	int dir = map_directory(o->spool, false), status;

	if (dir == -1)
		return EXIT_BROKEN;
	status = o->dump ? dump_map(dir) : ask_map(dir, o->question);
	fd_close(&dir);
	return status;
}

/* A table that is there already is somebody's work, and stays. */
static int
write_table(int dir, enum table table)
{
	struct str text = default_table(table);
	int fd, status = -1;

	fd = openat(dir, table_name(table),
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    table == TABLE_CREDENTIALS ? 0600 : 0644);
	if (fd != -1)
		status = fd_write_all(fd, text.s, text.len);
	if (fd_close(&fd) == -1)
		status = -1;
	if (status == -1)
		fprintf(stderr, "cdbmaps: write the table %s: %s\n",
		    table_name(table), strerror(errno));
	return status;
}

static int
run_print(const struct options *o)
{
	int dir, status = 0;
	struct str text;

	if (strcmp(o->print_to, "-") == 0) {
		for (enum table t = 0; t < TABLES; t++) {
			text = default_table(t);
			printf("%s== %s\n%.*s", t > 0 ? "\n" : "",
			    table_name(t), (int)text.len, text.s);
		}
		return EXIT_DONE;
	}
	dir = open(o->print_to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1) {
		fprintf(stderr, "cdbmaps: open the directory %s: %s\n",
		    o->print_to, strerror(errno));
		return EXIT_BROKEN;
	}
	for (enum table t = 0; t < TABLES; t++)
		status |= write_table(dir, t);
	fd_close(&dir);
	return status == 0 ? EXIT_DONE : EXIT_BROKEN;
}

int
main(int argc, char *argv[])
{
	struct options o = {
	    .input.tables = TABLES_DEFAULT,
	    .spool = SPOOL_DEFAULT,
	};
	int status;

	clock_init();
	if (parse_options(argc, argv, &o) == -1)
		return usage();
	if (o.print_to)
		status = run_print(&o);
	else if (o.question || o.dump)
		status = run_on_map(&o);
	else
		status = run_compile(&o);
	if (fflush(stdout) == EOF) {
		fprintf(
		    stderr, "cdbmaps: write the answer: %s\n", strerror(errno));
		return EXIT_BROKEN;
	}
	return status;
}
