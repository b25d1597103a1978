/* SPDX-License-Identifier: ISC */
/*
 * Orders: pause, resume; and pauses, which lists them.  A pause is a file in
 * control/ and touches no entry: the sender does not claim what it is about.
 */
#include "queue_tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/pause.h"
#include "mail/profile.h"
#include "mail/quantity.h"
#include "mail/route.h"

/* ---- what it is about ---- */

/* Is there a profile of that name? 1, 0, or -1 with the reason printed. */
static int
is_profile(struct tool *t, const char *name)
{
	struct profile p;
	int found;

	if (profile_name_check(str_of(name)) != NULL)
		return 0;
	if (tool_map(t) == NULL)
		return -1;
	found = profile_find(t->map, name, &p);
	if (found == -1)
		fprintf(stderr, "queue-tool: profile %s is damaged\n", name);
	return found;
}

/*
 * "all", "profile=NAME", the bare name of a profile, or a destination as
 * --destination takes it: 0 and the subject of the order, or an enum exit_status
 * with the reason printed.
 */
static int
parse_subject(struct tool *t, const char *text, char subject[SUBJECT_SIZE])
{
	size_t len = strlen(PAUSE_PROFILE);
	bool said = strncmp(text, PAUSE_PROFILE, len) == 0;
	int profile;

	if (strcmp(text, PAUSE_ALL) == 0) {
		snprintf(subject, SUBJECT_SIZE, PAUSE_ALL);
		return 0;
	}
	profile = is_profile(t, said ? text + len : text);
	if (profile == -1)
		return EXIT_BROKEN;
	if (profile == 1) {
		snprintf(subject, SUBJECT_SIZE, PAUSE_PROFILE "%s",
		    said ? text + len : text);
		return 0;
	}
	if (said) {
		fprintf(stderr, "queue-tool: no profile \"%s\"\n", text + len);
		return EXIT_USAGE;
	}
	return selection_destination(t, text, subject);
}

/* A span from now, "4h", or a time as we print it, "2026-11-22T06:00:00Z". */
static int
parse_until(const char *text, int64_t *until_s_r)
{
	struct tm tm = {0};
	const char *end;
	uint64_t ms;

	if (quantity_time(str_of(text), &ms) == 0) {
		*until_s_r = clock_wall_s() + (int64_t)(ms / 1000);
	} else {
		end = strptime(text, "%Y-%m-%dT%H:%M", &tm);
		if (end != NULL && *end == ':')
			end = strptime(end, ":%S", &tm);
		if (end == NULL || strcmp(end, "Z") != 0)
			*until_s_r = 0;
		else
			*until_s_r = timegm(&tm);
	}
	if (*until_s_r > clock_wall_s())
		return 0;
	fprintf(stderr,
	    "queue-tool: \"%s\": expected a time to come, such as 4h or "
	    "2026-11-22T06:00Z\n",
	    text);
	return EXIT_USAGE;
}

/* ---- showing ---- */

void
pause_print(const struct pause *p)
{
	char since[CLOCK_DATE_SIZE], until[CLOCK_DATE_SIZE];

	clock_stamp(p->since_s, since);
	clock_stamp(p->until_s, until);
	print_safe(stdout, p->name, strlen(p->name));
	if (strcmp(p->subject, p->name) != 0)
		printf(" (%s)", p->subject);
	printf(" since %s until %s by ", since,
	    p->until_s != 0 ? until : "resumed");
	print_safe(stdout, p->who, strlen(p->who));
	if (*p->why != '\0') {
		printf(": ");
		print_safe(stdout, p->why, strlen(p->why));
	}
}

static bool
is_over(const struct pause *p)
{
	return p->until_s != 0 && p->until_s <= clock_wall_s();
}

const struct pause *
pause_of(struct tool *t, const struct view *v)
{
	static struct route route;
	const char *profile = NULL;

	if (tool_pauses(t)->n == 0 || (v->entry.state != STATE_PROCESSED &&
					  v->entry.state != STATE_DEFERRED))
		return NULL;
	if (view_route(t, v, &route) == ROUTE_FOUND)
		profile = route.profile;
	return pauses_find(&t->pauses, v->entry.tag, profile, clock_wall_s());
}

int
run_pauses(struct tool *t, int argc, char *argv[])
{
	const struct pauses *pauses = tool_pauses(t);
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;

	if (argc > 2 || (argc == 2 && !json))
		return EXIT_USAGE;
	for (size_t i = 0; i < pauses->n; i++) {
		if (is_over(&pauses->list[i]))
			continue;
		if (json) {
			json_print_pause(&pauses->list[i]);
		} else {
			pause_print(&pauses->list[i]);
			putchar('\n');
		}
	}
	return EXIT_DONE;
}

/* ---- ordering ---- */

int
run_pause(struct tool *t, int argc, char *argv[])
{
	static const struct option options[] = {
	    {"why",   required_argument, NULL, 'w'},
	    {"until", required_argument, NULL, 'u'},
	    {NULL,    0,                 NULL, 0  },
	};
	struct pause p = {
	    .since_s = clock_wall_s(), .who = tool_operator(), .why = ""};
	int opt, status;

	optind = 0; /* glibc: begin anew */
	while ((opt = getopt_long(argc, argv, "w:u:", options, NULL)) != -1) {
		if (opt == 'w')
			p.why = optarg;
		else if (opt != 'u')
			return EXIT_USAGE;
		else if ((status = parse_until(optarg, &p.until_s)) != 0)
			return status;
	}
	if (argc - optind != 1)
		return EXIT_USAGE;
	p.name = argv[optind];
	if ((status = parse_subject(t, p.name, p.subject)) != 0)
		return status;
	if (pause_leave(t->spool, &p) == -1)
		return EXIT_BROKEN;
	printf("paused: ");
	pause_print(&p);
	putchar('\n');
	return EXIT_DONE;
}

/* As it was called when it was paused: the map may have changed since. */
static const struct pause *
find_named(struct tool *t, const char *text)
{
	const struct pauses *pauses = tool_pauses(t);

	for (size_t i = 0; i < pauses->n; i++)
		if (strcmp(pauses->list[i].name, text) == 0 ||
		    strcmp(pauses->list[i].subject, text) == 0)
			return &pauses->list[i];
	return NULL;
}

int
run_resume(struct tool *t, int argc, char *argv[])
{
	char subject[SUBJECT_SIZE];
	const struct pause *p;
	int status;

	if (argc != 2)
		return EXIT_USAGE;
	if ((p = find_named(t, argv[1])) != NULL)
		str_copy(subject, sizeof(subject), str_of(p->subject));
	else if ((status = parse_subject(t, argv[1], subject)) != 0)
		return status;
	if (pause_lift(t->spool, subject, tool_operator(), "") == -1) {
		if (errno != ENOENT)
			return EXIT_BROKEN;
		fprintf(stderr, "queue-tool: \"%s\" is not paused\n", argv[1]);
		return EXIT_NONE;
	}
	printf("resumed: %s\n", argv[1]);
	return EXIT_DONE;
}
