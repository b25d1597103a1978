/* SPDX-License-Identifier: ISC */
/*
 * Sessions of clients, counted by several workers.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/parent_private.h"
#include "tap.h"

static struct str
client(unsigned n)
{
	static char bytes[4];

	memcpy(bytes, &n, sizeof(bytes));
	return (struct str){bytes, sizeof(bytes)};
}

/* As worker `number`, in a process of its own: what it sees at last. */
static int
worker(unsigned number, unsigned n, int times)
{
	int status, sum = 0;
	pid_t pid = fork();

	if (pid == 0) {
		parent_notes_become(number);
		for (int i = 0; i < times; i++)
			sum = (int)parent_client_sessions(client(n), 1);
		_exit(sum);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

int
main(void)
{
	unsigned wrong = 0;

	parent_notes_share();
	parent_clients_share();
	is_int(worker(1, 7, 3), 3, "a worker counts");
	is_int(worker(2, 7, 2), 5, "another counts on");
	is_int(worker(2, 8, 1), 1, "another client is another");
	parent_clients_end(1);
	is_int(worker(3, 7, 1), 3, "the dead have no sessions");
	is_int(parent_client_sessions(client(7), 1), 4, "one more here");
	is_int(parent_client_sessions(client(7), -1), 3, "one less");
	for (unsigned n = 1000; n < 3000; n++)
		wrong += parent_client_sessions(client(n), 1) != 1;
	ok(wrong < 10, "of 2,000 clients %u were taken for others", wrong);
	return done();
}
