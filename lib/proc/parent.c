/* SPDX-License-Identifier: ISC */
#include "proc/parent.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "proc/confine.h"
#include "proc/parent_private.h"
#include "proc/rooms.h"

#define SPOOL_PATH   "/var/spool/stagepost"
#define EXIT_MISUSED 2

struct options {
	const char *spool_path;
	bool debug;
	bool stay;
	bool syslog;
};

static void
usage(const char *program)
{
	fprintf(stderr,
	    "usage: %s [-LUv] [-s SPOOL]\n"
	    "	-L	log to syslog(3), once started\n"
	    "	-s	the spool (" SPOOL_PATH ")\n"
	    "	-U	as root: stay root (tests, containers with one user)\n"
	    "	-v	log what only a developer wants to know\n"
	    "It stays in the foreground and logs to stderr without -L.\n",
	    program);
	exit(EXIT_MISUSED);
}

static void
read_options(struct options *o, const char *program, int argc, char *argv[])
{
	int c;

	*o = (struct options){.spool_path = SPOOL_PATH};
	while ((c = getopt(argc, argv, "Ls:Uv")) != -1) {
		switch (c) {
		case 'L':
			o->syslog = true;
			break;
		case 's':
			o->spool_path = optarg;
			break;
		case 'U':
			o->stay = true;
			break;
		case 'v':
			o->debug = true;
			break;
		default:
			usage(program);
		}
	}
	if (optind < argc)
		usage(program);
}

/* Settings are needed before the spool is opened: they name the sockets that
 * only root may bind. */
static int
read_map(struct worker *w, const char *spool_path)
{
	int root, dir;

	root = open(spool_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root == -1)
		fatal("open spool %s (stagepost-setup makes one, -s names one)",
		    spool_path);
	dir = openat(root, "map", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1)
		fatal("open %s/map (is it a spool? stagepost-setup makes one)",
		    spool_path);
	fd_close(&root);
	w->map = map_open(dir);
	if (w->map == NULL || settings_read(w->map, &w->settings) == -1)
		fatalx("no map to go by in %s/map: run cdbmaps", spool_path);
	return dir;
}

static void
open_sockets(struct worker *w, enum room room)
{
	if (!room_rights(room)->may_accept || w->settings.nlisteners == 0)
		return;
	w->listeners = parent_listen(&w->settings, w->count);
	w->nlisteners = w->settings.nlisteners;
}

static unsigned
count_workers(const struct room_main *room, const struct settings *set)
{
	unsigned n = room->workers(set);
	cpu_set_t cores;

	if (n == 0 && sched_getaffinity(0, sizeof(cores), &cores) == 0)
		n = CPU_COUNT(&cores);
	if (n == 0)
		n = 1;
	return n < WORKERS_MAX ? n : WORKERS_MAX;
}

/* Each session and each message under way is a descriptor. */
static void
allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		fatal("get the limit of descriptors");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		log_warn("raise the limit of descriptors");
}

int
parent_main(const struct room_main *room, int argc, char *argv[])
{
	struct options o;
	static struct worker w; /* the workers go on with it */
	int map_dir;

	read_options(&o, room_name(room->room), argc, argv);
	log_open(room_name(room->room), STDERR_FILENO, !systemd_reads_stderr());
	log_set_debug(o.debug);
	clock_init();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* a new map is noticed without being told */
	allow_descriptors();
	map_dir = read_map(&w, o.spool_path);
	w.count = count_workers(room, &w.settings);
	open_sockets(&w, room->room);
	confine_user(room->room, o.stay);
	if (o.syslog)
		parent_syslog_start(room_name(room->room));
	w.spool =
	    spool_open(o.spool_path, room->room, w.settings.force_filesystem);
	if (w.spool == NULL)
		fatalx("cannot work in %s%s", o.spool_path,
		    geteuid() != 0 ? ", which is for root to start" : "");
	if (chdir("/") == -1)
		fatal("go to /");
	return parent_children(room, &w, map_dir);
}
