/* SPDX-License-Identifier: ISC */
/*
 * Private to queue-tool: the commands, and what they all are given.
 */
#ifndef QUEUE_TOOL_H
#define QUEUE_TOOL_H

#include "mail/spool.h"

/* Exit statuses, the same for every command. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_NONE = 1,   /* nothing matched, or what was looked for is bad */
	EXIT_USAGE = 2,  /* the command line is wrong */
	EXIT_BROKEN = 3, /* the spool or the map cannot be used */
};

struct tool {
	const char *spool_path;
	struct spool *spool; /* NULL for commands that open none */
};

/* A command gets its own words, argv[0] being its name, and returns an
 * enum exit_status. */
struct command {
	const char *name;
	const char *usage;
	bool needs_spool;
	int (*run)(struct tool *t, int argc, char *argv[]);
};

#endif
