/* SPDX-License-Identifier: ISC */
#include "proc/parent_private.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define ID    "1k0rd6n4gmhrcjmg97"
#define OTHER "1k0rd6n4gmhrcjmg98.1"

/* A worker that notes an id, has sessions, and is gone. */
static void
live(unsigned number, const char *id, int sessions)
{
	pid_t pid = fork();

	if (pid == 0) {
		parent_notes_become(number);
		parent_sessions(sessions);
		parent_note(id);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void
test_crashes(void)
{
	ok(!parent_suspects(ID), "nobody is suspected at first");
	live(3, ID, 0);
	is_str(parent_notes_end(3, true), ID, "the id that a worker was at");
	ok(!parent_suspects(ID), "once is no suspicion");
	live(3, ID, 0);
	is_str(parent_notes_end(3, false), ID, "known when it was killed, too");
	ok(!parent_suspects(ID), "but then it does not count");
	live(5, ID, 0);
	parent_notes_end(5, true);
	ok(parent_suspects(ID), "twice, in whatever worker, is one");
	ok(!parent_suspects(OTHER), "of that id alone");
	live(5, NULL, 0);
	is_str(parent_notes_end(5, true), "", "a crash without an id");
	live(5, "../nonsense", 0);
	is_str(parent_notes_end(5, true), "", "and with what is none");
	parent_forget(ID);
	ok(!parent_suspects(ID), "forgotten");
	parent_forget(ID);
	live(5, ID, 0);
	parent_notes_end(5, true);
	ok(!parent_suspects(ID), "and counted from the beginning");
}

/* The table is small; the latest crashes are what matters. */
static void
test_many_crashes(void)
{
	char id[ID_SIZE];

	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "%s.%d", ID, i);
		for (int twice = 0; twice < 2; twice++) {
			live(0, id, 0);
			parent_notes_end(0, true);
		}
	}
	ok(parent_suspects(id), "the latest is suspected");
	ok(!parent_suspects(ID ".0"), "the first has made room");
}

static void
test_sessions(void)
{
	live(1, NULL, 20);
	live(2, NULL, 3);
	is_int(parent_sessions(1), 24, "sessions of all workers");
	is_int(parent_sessions(-1), 23, "come and go");
	parent_notes_end(1, false);
	is_int(parent_sessions(0), 3, "the dead have none");
}

int
main(void)
{
	is_int(parent_sessions(2), 2, "works in a process without a parent");
	ok(!parent_suspects(ID), "which suspects nobody");
	parent_note(ID);
	parent_notes_share();
	test_crashes();
	test_many_crashes();
	test_sessions();
	return done();
}
