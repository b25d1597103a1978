/* SPDX-License-Identifier: ISC */
/*
 * ROOM      queue-tool: lets people see and run the queue.
 * RUNS AS   root, or an operator: a member of groups stage (to read and to
 *           move) and stage-adm (to open the lock of this room).
 * MAY       read all of the spool; rename out of every state but sending/ and
 *           split/; leave orders in control/.
 * MAY NOT   use the network, change the content of a message.
 * TRUSTS    the person who runs it; no byte of a message or of a file name.
 * IF IT     dies, each entry is where it was or where it was to go.
 *
 * It needs no daemon: an order is a rename, whether they run or not.
 *
 * SECURITY  What it prints came from strangers: control bytes are shown as
 *           \ooo, so that no message can drive a terminal.
 */
#include "queue_tool.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define SPOOL_DEFAULT "/var/spool/stagepost"

static command_fn run_setup;

#define CHOICE                                                           \
	"CHOICE: ID, --state STATE, --destination DOMAIN|TAG, --sender " \
	"ADDRESS,\n"                                                     \
	"        --older AGE, --younger AGE\n"

static const struct command {
	const char *name;
	const char *usage;
	bool needs_spool;
	command_fn *run;
} commands[] = {
    {"list",    "list [--json] [CHOICE ...]",                               true,  run_list   },
    {"show",    "show [--json] ID ...",				     true,  run_show   },
    {"cat",     "cat [--raw] ID",					   true,  run_cat    },
    {"hold",    "hold [--why TEXT] CHOICE ...",                             true,  run_hold   },
    {"release", "release CHOICE ...",				       true,  run_release},
    {"requeue", "requeue CHOICE ...",				       true,  run_requeue},
    {"delete",  "delete CHOICE ...",					true,  run_delete },
    {"flush",   "flush [DOMAIN|TAG]",				       true,  run_flush  },
    {"pause",   "pause [--why TEXT] [--until TIME] DOMAIN|TAG|PROFILE|all", true,
     run_pause										},
    {"resume",  "resume DOMAIN|TAG|PROFILE|all",                            true,  run_resume },
    {"pauses",  "pauses [--json]",					  true,  run_pauses },
    {"route",
     "route [--json] [--from SENDER] [--client ADDRESS] [--login NAME]\n"
	"                  [--listener ADDRESS:PORT] [--size SIZE] "
	"[--header FIELD] ADDRESS|ID ...",				  true,  run_route  },
    {"verify",  "verify",						   true,  run_verify },
    {"setup",   "setup",						    false, run_setup  },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int
run_setup(struct tool *t, int argc, char *argv[])
{
	(void)argv;
	if (argc != 1)
		return EXIT_USAGE;
	return spool_setup(t->spool_path) == 0 ? EXIT_DONE : EXIT_BROKEN;
}

struct map *
tool_map(struct tool *t)
{
	if (t->map == NULL)
		t->map = map_open(t->spool->map);
	return t->map;
}

const struct pauses *
tool_pauses(struct tool *t)
{
	if (!t->pauses_read)
		pauses_read(t->spool, &t->pauses);
	t->pauses_read = true;
	return &t->pauses;
}

char *
tool_operator(void)
{
	char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	struct passwd *pw = getpwuid(getuid());

	return sudo != NULL && *sudo != '\0' ? sudo
	       : pw != NULL                  ? pw->pw_name
	                                     : "unknown";
}

static int
usage(FILE *out)
{
	fprintf(out, "usage: queue-tool [-s SPOOL] COMMAND ...\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "       queue-tool %s\n", commands[i].usage);
	fprintf(out, CHOICE);
	return out == stdout ? EXIT_DONE : EXIT_USAGE;
}

/* The list of all would bury what is wrong. */
static int
no_command(const char *name)
{
	fprintf(stderr, "queue-tool: no command \"%s\"; expected", name);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(stderr, " %s", commands[i].name);
	fprintf(stderr, "\n");
	return EXIT_USAGE;
}

static int
run(const struct command *c, struct tool *t, int argc, char *argv[])
{
	int status;

	if (c->needs_spool && (t->spool = spool_open(t->spool_path,
				   ROOM_QUEUE_TOOL, true)) == NULL)
		return EXIT_BROKEN;
	status = c->run(t, argc, argv);
	pauses_free(&t->pauses);
	map_close(&t->map);
	spool_close(&t->spool);
	if (status == EXIT_USAGE)
		fprintf(stderr, "usage: queue-tool [-s SPOOL] %s\n%s", c->usage,
		    strstr(c->usage, "CHOICE") != NULL ? CHOICE : "");
	if (fflush(stdout) == EOF && status == EXIT_DONE) {
		log_warn("standard output");
		status = EXIT_BROKEN;
	}
	return status;
}

int
main(int argc, char *argv[])
{
	struct tool t = {.spool_path = SPOOL_DEFAULT};
	int opt;

	clock_init();
	log_open("queue-tool", STDERR_FILENO, true);
	umask(007);
	while ((opt = getopt(argc, argv, "+s:")) != -1) {
		if (opt != 's')
			return usage(stderr);
		t.spool_path = optarg;
	}
	argc -= optind;
	argv += optind;
	if (argc == 0)
		return usage(stderr);
	if (strcmp(argv[0], "help") == 0)
		return usage(stdout);
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			return run(&commands[i], &t, argc, argv);
	return no_command(argv[0]);
}
