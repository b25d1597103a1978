/* SPDX-License-Identifier: ISC */
/*
 * Ask the sender's resolver where mail would go.
 *
 *	sender_resolve [-a] [-h HOSTNAME] [-l LISTENER] [-r RESOLVER]...
 *
 *	-a  follow an alias that has no MX
 *
 * Reads lines "ROUTE<tab>DOMAIN" from a pipe, asks each at once and prints a
 * line for each, as it is answered:
 *
 *	NUMBER ok HOST=ADDRESS:PORT ...
 *	NUMBER temporary TEXT
 *	NUMBER permanent TEXT
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "mail/endpoint.h"
#include "proc/loop.h"
#include "sender/resolve.h"

static unsigned waiting, number;
static bool eof, follow_alias;
static struct buf input;
static struct loop_watch *reader;

static void
print_target(const struct target *t)
{
	const struct sockaddr_in *v4 = (const void *)&t->addr;
	const struct sockaddr_in6 *v6 = (const void *)&t->addr;
	char text[INET6_ADDRSTRLEN];

	switch (t->addr.ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
		printf(" %s=%s:%u", t->host, text, ntohs(v4->sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
		printf(" %s=%s:%u", t->host, text, ntohs(v6->sin6_port));
		break;
	default:
		printf(" %s", t->host);
	}
}

static void
on_done(void *arg, const struct resolve_answer *answer)
{
	static const char *const status[] = {"ok", "temporary", "permanent"};
	unsigned *n = arg;
	size_t i;

	printf("%u %s", *n, status[answer->status]);
	if (answer->status != RESOLVE_OK)
		printf(" %s", answer->text);
	for (i = 0; i < answer->ntargets; i++)
		print_target(&answer->targets[i]);
	printf("\n");
	fflush(stdout);
	free(n);
	if (--waiting == 0 && eof)
		loop_stop();
}

static void
ask(char *line)
{
	char *tab = strchr(line, '\t');
	unsigned *arg = mem_alloc(sizeof(*arg));
	struct route route;
	const char *expected;
	size_t at;

	if (tab == NULL)
		fatalx("line %u is not ROUTE<tab>DOMAIN", number);
	*tab = '\0';
	expected = route_parse(str_of(line), &route, &at);
	if (expected != NULL)
		fatalx("%s: expected %s", line, expected);
	*arg = number++;
	waiting++;
	resolve_route(&route, tab + 1, follow_alias, on_done, arg);
}

static void
on_input(void *arg, bool readable, bool writable)
{
	char *lf;
	ssize_t n;

	(void)arg;
	(void)readable;
	(void)writable;
	n = read(0, buf_reserve(&input, 65536), 65536);
	if (n <= 0) {
		eof = true;
		loop_watch_want(reader, false, false);
		if (waiting == 0)
			loop_stop();
		return;
	}
	buf_grew(&input, (size_t)n);
	while ((lf = memchr(input.data, '\n', input.len)) != NULL) {
		*lf = '\0';
		ask(input.data);
		buf_drop(&input, (size_t)(lf + 1 - input.data));
	}
}

static void
add_endpoint(const char *text, unsigned port, struct endpoint *list, size_t *n,
    size_t max)
{
	const char *expected =
	    *n == max ? "fewer"
		      : endpoint_parse(str_of(text), (uint16_t)port, &list[*n]);

	if (expected != NULL)
		fatalx("%s: expected %s", text, expected);
	(*n)++;
}

int
main(int argc, char *argv[])
{
	static struct settings set = {.hostname = "mail.our.example"};
	int option;

	log_open("sender_resolve", 2, true);
	while ((option = getopt(argc, argv, "ah:l:r:")) != -1)
		if (option == 'h')
			snprintf(
			    set.hostname, sizeof(set.hostname), "%s", optarg);
		else if (option == 'a')
			follow_alias = true;
		else if (option == 'l')
			add_endpoint(optarg, 25, set.listeners, &set.nlisteners,
			    LISTENERS_MAX);
		else if (option == 'r')
			add_endpoint(optarg, 53, set.resolvers, &set.nresolvers,
			    RESOLVERS_MAX);
		else
			return 2;
	loop_init();
	resolve_start(&set);
	reader = loop_watch_new(0, on_input, NULL);
	loop_watch_want(reader, true, false);
	loop_run();
	loop_watch_free(&reader);
	buf_free(&input);
	return 0;
}
