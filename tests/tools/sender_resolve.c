/* SPDX-License-Identifier: ISC */
/*
 * Ask the sender's resolver where mail would go.
 *
 *	sender_resolve [-h HOSTNAME] [-l LISTENER] [-r RESOLVER]...
 *
 * Reads lines "ROUTE<tab>DOMAIN", asks all of them at once and prints for each
 * a line, as it is answered:
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

#include "base/log.h"
#include "mail/endpoint.h"
#include "proc/loop.h"
#include "sender/resolve.h"

static unsigned waiting;

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
	unsigned *number = arg;
	size_t i;

	printf("%u %s", *number, status[answer->status]);
	if (answer->status != RESOLVE_OK)
		printf(" %s", answer->text);
	for (i = 0; i < answer->ntargets; i++)
		print_target(&answer->targets[i]);
	printf("\n");
	fflush(stdout);
	free(number);
	if (--waiting == 0)
		loop_stop();
}

static void
ask(char *line, unsigned number)
{
	char *tab = strchr(line, '\t');
	unsigned *arg = malloc(sizeof(*arg));
	struct route route;
	const char *expected;
	size_t at;

	if (tab == NULL || arg == NULL)
		fatalx("line %u is not ROUTE<tab>DOMAIN", number);
	*tab = '\0';
	tab[1 + strcspn(tab + 1, "\n")] = '\0';
	expected = route_parse(str_of(line), &route, &at);
	if (expected != NULL)
		fatalx("%s: expected %s", line, expected);
	*arg = number;
	waiting++;
	resolve_route(&route, tab + 1, on_done, arg);
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
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	int option;

	log_open("sender_resolve", 2, true);
	while ((option = getopt(argc, argv, "h:l:r:")) != -1)
		if (option == 'h')
			snprintf(
			    set.hostname, sizeof(set.hostname), "%s", optarg);
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
	while (getline(&line, &size, stdin) != -1)
		ask(line, number++);
	free(line);
	if (number > 0)
		loop_run();
	return 0;
}
