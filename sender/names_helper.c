/* SPDX-License-Identifier: ISC */
#include "names_helper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <time.h>
#include <unbound.h>
#include <unbound-event.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "names_message.h"
#include "names_packet.h"
#include "proc/channel.h"
#include "proc/confine.h"
#include "proc/loop.h"

#define CONTEXTS_MAX 64 /* idle ones beyond are dropped, oldest use first */

/* A set of servers. */
struct context {
	TAILQ_ENTRY(context) link;
	struct ub_ctx *ub;
	char servers[NAMES_SERVERS_SIZE];
	unsigned asking;
};

struct ask {
	struct names_question question;
	struct context *context;
};

static struct {
	int fd;
	struct loop_watch *watch;
	TAILQ_HEAD(contexts, context) contexts; /* latest use first */
	unsigned ncontexts;
	FILE *errors;
} helper;

/* What libunbound complains about, a line each, goes to our log. */
static ssize_t
on_complaint(void *cookie, const char *data, size_t len)
{
	struct str rest = {data, len}, line;

	(void)cookie;
	while (rest.len > 0) {
		line = str_cut(&rest, '\n');
		if (line.len > 0)
			log_info("resolver: %.*s", (int)line.len, line.s);
	}
	return (ssize_t)len;
}

static void
reply(const struct names_question *q, const struct names_answer *a)
{
	struct buf out = {0};

	names_answer_format(q->id, a, &out);
	if (channel_reply(helper.fd, out.data, out.len) == -1)
		loop_stop();
	buf_free(&out);
}

static void
reply_failure(const struct names_question *q, const char *text)
{
	static struct names_answer a;

	a.type = q->type;
	a.status = NAMES_TEMPFAIL;
	snprintf(a.text, sizeof(a.text), "%s", text);
	reply(q, &a);
}

/*
 * libunbound's answer; possibly called from within ub_resolve_event().  rcode
 * tells failure, but is 0 for NXDOMAIN, and a packet that comes with a failure
 * is not to be read.  secure 1 is a forgery that was found out: its records
 * are in the packet all the same.
 */
static void
on_packet(void *arg, int rcode, void *packet, int len, int secure, char *why,
    int limited)
{
	static struct names_answer a;
	struct ask *ask = arg;

	(void)limited;
	if (secure == 1)
		reply_failure(&ask->question, why ? why : "forged answer");
	else if (rcode != 0 || packet == NULL || len < 0)
		reply_failure(&ask->question,
		    "no usable answer (SERVFAIL, refused or silence)");
	else {
		names_packet_read(packet, (size_t)len, ask->question.type,
		    ask->question.name, &a);
		reply(&ask->question, &a);
	}
	ask->context->asking--;
	free(ask);
}

/* ---- contexts ---- */

static const struct {
	const char *name, *value;
} options[] = {
  /* No validator: it is a large target, and nothing here asks for it. */
    {"module-config:",          "iterator"},
    {"unblock-lan-zones:",      "yes"     },
    {"num-queries-per-thread:", "4096"    },
    {"outgoing-range:",         "256"     },
    {"msg-cache-size:",         "4m"      },
    {"rrset-cache-size:",       "8m"      },
    {"cache-max-negative-ttl:", "300"     },
 /* A server that was down is asked again soon. */
    {"infra-host-ttl:",         "60"      },
    {"infra-keep-probing:",     "yes"     },
};

/* Zones that libunbound would answer by itself; who runs them is for the
 * configured servers to say. */
static const char *const own_zones[] = {
    "test.", "invalid.", "localhost.", "onion.", "home.arpa."};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* 0 or libunbound's error; options can be set before the first question only,
 * and a mistyped one is an error. */
static int
configure(struct ub_ctx *ub, const char *servers)
{
	char copy[NAMES_SERVERS_SIZE], *rest = copy, *server;
	size_t i;
	int e = 0;

	ub_ctx_debugout(ub, helper.errors);
	for (i = 0; i < COUNT(options) && e == 0; i++)
		e = ub_ctx_set_option(ub, options[i].name, options[i].value);
	snprintf(copy, sizeof(copy), "%s", servers);
	while (e == 0 && (server = strsep(&rest, ",")) != NULL)
		e = ub_ctx_set_fwd(ub, server);
	for (i = 0; i < COUNT(own_zones) && e == 0; i++) /* ends the setting */
		e = ub_ctx_zone_add(ub, own_zones[i], "nodefault");
	return e;
}

static struct context *
context_new(const char *servers)
{
	struct context *c = mem_alloc(sizeof(*c));
	int e;

	snprintf(c->servers, sizeof(c->servers), "%s", servers);
	c->ub = ub_ctx_create_event(loop_event_base());
	if (c->ub == NULL)
		fatal("make a DNS context");
	e = configure(c->ub, servers);
	if (e != 0)
		fatalx("set up DNS for %s: %s", servers, ub_strerror(e));
	TAILQ_INSERT_HEAD(&helper.contexts, c, link);
	helper.ncontexts++;
	return c;
}

/* Not to be called from on_packet(). */
static void
contexts_trim(void)
{
	struct context *c, *before;

	TAILQ_FOREACH_REVERSE_SAFE(c, &helper.contexts, contexts, link, before)
	{
		if (helper.ncontexts <= CONTEXTS_MAX)
			return;
		if (c->asking > 0)
			continue;
		TAILQ_REMOVE(&helper.contexts, c, link);
		helper.ncontexts--;
		ub_ctx_delete(c->ub);
		free(c);
	}
}

static struct context *
context_find(const char *servers)
{
	struct context *c;

	TAILQ_FOREACH(c, &helper.contexts, link)
	if (strcmp(c->servers, servers) == 0)
		break;
	if (c == NULL)
		return context_new(servers);
	TAILQ_REMOVE(&helper.contexts, c, link);
	TAILQ_INSERT_HEAD(&helper.contexts, c, link);
	return c;
}

/* ---- questions ---- */

static void
resolve(const struct names_question *q)
{
	static const int rr_types[] = {
	    [NAMES_MX] = 15, [NAMES_A] = 1, [NAMES_AAAA] = 28};
	struct ask *ask = mem_alloc(sizeof(*ask));
	char name[NAMES_HOST_SIZE + 1];
	int e;

	ask->question = *q;
	ask->context = context_find(q->servers);
	ask->context->asking++;
	snprintf(name, sizeof(name), "%s.", q->name);
	e = ub_resolve_event(
	    ask->context->ub, name, rr_types[q->type], 1, ask, on_packet, NULL);
	if (e != 0) {
		ask->context->asking--;
		free(ask);
		reply_failure(q, ub_strerror(e));
	}
	contexts_trim();
}

static void
on_ready(void *arg, bool readable, bool writable)
{
	static char data[CHANNEL_MAX];
	struct names_question q;
	struct str message = {data, 0};
	ssize_t n;

	(void)arg;
	(void)readable;
	(void)writable;
	n = channel_receive(helper.fd, data, sizeof(data));
	if (n == 0) {
		loop_stop();
		return;
	}
	message.len = (size_t)n;
	if (names_question_parse(message, &q) == -1)
		fatalx("resolver: the worker speaks nonsense");
	resolve(&q);
}

/*
 * Contexts are made here and not before the fork: they would share the random
 * numbers of query ids with every other worker's helper.
 */
static void
serve(int fd)
{
	static const cookie_io_functions_t complaints = {.write = on_complaint};

	helper.fd = fd;
	loop_init();
	TAILQ_INIT(&helper.contexts);
	helper.errors = fopencookie(NULL, "w", complaints);
	if (helper.errors == NULL)
		fatal("open a log for libunbound");
	setvbuf(helper.errors, NULL, _IOLBF, 0);
	helper.watch = loop_watch_new(fd, on_ready, NULL);
	loop_watch_want(helper.watch, true, false);
	loop_run();
}

/* ---- its keeper ---- */

/* Run the process that asks until it ends: its exit status as of wait(2). */
static int
serve_apart(int fd)
{
	pid_t keeper = getpid(), pid = fork();
	int status;

	switch (pid) {
	case -1:
		fatal("fork the resolver");
	case 0:
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
			fatal("ask to be killed with the keeper");
		if (getppid() == keeper)
			serve(fd);
		log_flush();
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			fatal("wait for the resolver");
	return status;
}

/*
 * A packet that crashes the resolver must not end the worker and the mail that
 * it is sending, so this process reads no packet and starts another one; what
 * had been asked fails for now.  The pause keeps a crash at every question from
 * taking a whole processor.
 */
void
names_helper_main(int fd, void *arg)
{
	static const struct timespec pause = {.tv_nsec = 100000000};
	int status;

	(void)arg;
	channel_close_others(fd);
	if (!confine_files())
		log_info("resolver: without Landlock, files are in reach");
	while ((status = serve_apart(fd)) != 0) {
		log_warnx("resolver: died by %s %d: starting another",
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status)
					: WEXITSTATUS(status));
		if (channel_reply(fd, NAMES_DIED, strlen(NAMES_DIED)) == -1)
			return;
		nanosleep(&pause, NULL);
	}
}
