/* SPDX-License-Identifier: ISC */
/*
 * Which entries an order is about.  What a file's name tells, state, place and
 * destination, is decided without opening the file.
 */
#include "queue_tool.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/address.h"
#include "mail/route.h"

/* Of base 32, as entry.c writes it. */
#define TAG_DIGITS "0123456789abcdefghjkmnpqrstvwxyz"

/* "90", "90s", "15m", "4h", "5d": seconds, or -1. */
static int64_t
parse_age(const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {
	    {'\0', 1    },
            {'s',  1    },
            {'m',  60   },
            {'h',  3600 },
            {'d',  86400}
        };
	struct str digits = {text, strspn(text, "0123456789")};
	const char *unit = text + digits.len;
	uint64_t n;

	if (str_number(digits, UINT32_MAX, &n) == -1 || strlen(unit) > 1)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (*unit == units[i].unit)
			return (int64_t)n * units[i].seconds;
	return -1;
}

int
selection_destination(struct tool *t, const char *text, char tag[TAG_LEN + 1])
{
	static struct route route;
	char address[ADDRESS_MAX + 1];
	struct route_query query = {.recipient = address};

	if (strlen(text) == TAG_LEN && strspn(text, TAG_DIGITS) == TAG_LEN) {
		memcpy(tag, text, TAG_LEN + 1);
		return 0;
	}
	if (tool_map(t) == NULL)
		return EXIT_BROKEN;
	snprintf(address, sizeof(address), "postmaster@%s", text);
	if (domain_check(str_of(text), false) != NULL ||
	    route_find(t->map, &query, &route) != ROUTE_FOUND) {
		fprintf(stderr,
		    "queue-tool: \"%s\" is neither a tag nor a "
		    "domain with a route\n",
		    text);
		return EXIT_USAGE;
	}
	memcpy(tag, route.tag, sizeof(route.tag));
	return 0;
}

static int
parse_state(struct selection *s, const char *text)
{
	enum state state;

	if (state_parse(text, &state) == -1) {
		fprintf(stderr, "queue-tool: no state \"%s\"; expected", text);
		for (int i = 0; i < STATES; i++)
			fprintf(stderr, " %s", state_name((enum state)i));
		fprintf(stderr, "\n");
		return EXIT_USAGE;
	}
	s->states[state] = true;
	s->some_state = true;
	return 0;
}

static int
parse_one(struct tool *t, int opt, const char *value, struct selection *s)
{
	int64_t age;

	switch (opt) {
	case 'd':
		s->by_tag = true;
		return selection_destination(t, value, s->tag);
	case 'f':
		s->sender = strcmp(value, "<>") == 0 ? "" : value;
		return 0;
	case 'S':
		return parse_state(s, value);
	case 'o':
	case 'y':
		if ((age = parse_age(value)) == -1) {
			fprintf(stderr,
			    "queue-tool: \"%s\": expected an age "
			    "such as 90s, 15m, 4h or 5d\n",
			    value);
			return EXIT_USAGE;
		}
		*(opt == 'o' ? &s->older_s : &s->younger_s) = age;
		return 0;
	case 'j':
		s->json = true;
		return 0;
	case 'w':
		s->why = value;
		return 0;
	default:
		return EXIT_USAGE;
	}
}

int
selection_parse(struct tool *t, int argc, char *argv[], struct selection *s_r)
{
	static const struct option options[] = {
	    {"destination", required_argument, NULL, 'd'},
	    {"sender",      required_argument, NULL, 'f'},
	    {"state",       required_argument, NULL, 'S'},
	    {"older",       required_argument, NULL, 'o'},
	    {"younger",     required_argument, NULL, 'y'},
	    {"json",        no_argument,       NULL, 'j'},
	    {"why",         required_argument, NULL, 'w'},
	    {NULL,          0,                 NULL, 0  },
	};
	int opt, status;

	*s_r = (struct selection){.older_s = -1, .younger_s = -1};
	optind = 0; /* glibc: begin anew */
	while ((opt = getopt_long(
		    argc, argv, "d:f:S:o:y:jw:", options, NULL)) != -1)
		if ((status = parse_one(t, opt, optarg, s_r)) != 0)
			return status;
	s_r->ids = argv + optind;
	s_r->nids = argc - optind;
	for (int i = 0; i < s_r->nids; i++)
		if (!id_check(s_r->ids[i])) {
			fprintf(stderr, "queue-tool: \"%s\" is no queue id\n",
			    s_r->ids[i]);
			return EXIT_USAGE;
		}
	return 0;
}

bool
selection_narrows(const struct selection *s)
{
	return s->nids > 0 || s->by_tag || s->sender != NULL || s->some_state ||
	       s->older_s != -1 || s->younger_s != -1;
}

/* ---- going through the spool ---- */

struct walk {
	struct tool *t;
	const struct selection *s;
	void (*on_view)(void *arg, struct view *v, const char *why);
	void *arg;
	long n;
};

/* An id stands for its splits too: "<id>" chooses <id>, <id>.0, <id>.2.1. */
static bool
is_named(const struct selection *s, const char *id)
{
	for (int i = 0; i < s->nids; i++) {
		size_t len = strlen(s->ids[i]);

		if (strncmp(id, s->ids[i], len) == 0 &&
		    (id[len] == '\0' || id[len] == '.'))
			return true;
	}
	return s->nids == 0;
}

/* By what is in the file. */
static bool
is_chosen(const struct selection *s, const struct view *v)
{
	const struct envelope *env = &v->qf.envelope;
	int64_t age = clock_wall_s() - env->arrival_s;

	return (s->sender == NULL || strcasecmp(env->sender, s->sender) == 0) &&
	       (s->older_s == -1 || age >= s->older_s) &&
	       (s->younger_s == -1 || age <= s->younger_s);
}

static int
on_entry(void *arg, const struct entry *e)
{
	struct walk *w = arg;
	const char *why;
	struct view v;

	if (!is_named(w->s, e->id) ||
	    (w->s->by_tag && strcmp(e->tag, w->s->tag) != 0))
		return 0;
	why = view_open(w->t, e, &v);
	if (why != NULL ? strcmp(why, "gone") != 0 : is_chosen(w->s, &v)) {
		w->on_view(w->arg, &v, why);
		w->n++;
	}
	view_close(&v);
	return 0;
}

long
select_each(struct tool *t, const struct selection *s,
    void (*on_view)(void *arg, struct view *v, const char *why), void *arg)
{
	struct walk w = {t, s, on_view, arg, 0};

	for (int st = 0; st < STATES; st++) {
		bool one = st == STATE_HELD || st == STATE_CORRUPT;

		if (s->some_state && !s->states[st])
			continue;
		for (unsigned sh = 0; sh < (one ? 1 : SHARDS); sh++)
			if (spool_list(t->spool, (enum state)st, sh, false,
				on_entry, &w) == -1) {
				log_warn("read %s/%u",
				    state_name((enum state)st), sh);
				return -1;
			}
	}
	return w.n;
}
