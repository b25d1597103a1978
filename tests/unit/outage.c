/* SPDX-License-Identifier: ISC */
/*
 * Outages, as several workers see them.
 */
#include "proc/outage.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define NOW     1000000
#define WORKERS 8

static struct outage *o;

/* How many of so many workers, all at once, are told yes. */
static unsigned
how_many(bool (*ask)(void))
{
	pid_t pids[WORKERS];
	unsigned yes = 0;
	int gate[2], status;
	char byte;

	if (pipe(gate) == -1)
		bail_out("no pipe");
	for (unsigned i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) == 0 && ask());
	}
	close(gate[0]);
	close(gate[1]); /* now */
	for (unsigned i = 0; i < WORKERS; i++) {
		waitpid(pids[i], &status, 0);
		yes += WEXITSTATUS(status);
	}
	return yes;
}

static bool
fails_too(void)
{
	return outage_extend(
	    outage_find(7, true), NOW, NOW + 5000, false, "gone");
}

static bool
claims(void)
{
	return outage_claim(outage_find(7, false), NOW + 5000);
}

static void
test_workers(void)
{
	char reason[OUTAGE_REASON_SIZE];

	is_int(how_many(fails_too), 1, "of failures at once one counts");
	is_int(o->failures, 1, "it is one");
	is_int(o->until_ms, NOW + 5000, "it has its time");
	ok(!outage_claim(o, NOW + 4999), "nobody looks before that is over");
	is_int(how_many(claims), 1, "then one worker looks");
	ok(!outage_extend(o, NOW + 5001, NOW + 9000, false, "late"),
	    "a connection of before that fails now says nothing new");
	ok(outage_extend(o, NOW + 5002, NOW + 15000, true, "still gone"),
	    "but its own does");
	is_int(o->failures, 2, "the second time");
	outage_reason(o, reason);
	is_str(reason, "still gone", "with its reason");
	is_int(o->until_ms, NOW + 15000, "until then");
}

static void
test_lease(void)
{
	int64_t now = NOW + 15000;

	ok(outage_claim(o, now), "another one looks");
	outage_renew(o, now + OUTAGE_LEASE_MS / 2);
	ok(!outage_claim(o, now + OUTAGE_LEASE_MS), "its right is renewed");
	now += OUTAGE_LEASE_MS / 2 + OUTAGE_LEASE_MS;
	ok(outage_claim(o, now), "if it dies, another one looks in the end");
	outage_release(o, now + 1);
	ok(outage_claim(o, now + 1), "or at once, if it cannot");
	outage_end(o);
	is_int(o->failures, 0, "it is over");
	ok(outage_claim(o, 1), "and nobody waits");
}

static void
test_room(void)
{
	unsigned made = 0, wrong = 0;

	for (uint64_t key = 1; key <= 3000; key++) {
		struct outage *a = outage_find(key, true);

		made += a != NULL;
		wrong += a != outage_find(key, false) ||
		         (a != NULL && a->key != key);
	}
	is_int(wrong, 0, "what was made is found again");
	ok(made > 2500, "there is room for thousands (%u)", made);
	for (uint64_t key = 1; key <= 100000; key++)
		outage_find(key * 7919, true);
	ok(outage_find(7, false) == o, "and when it is used up nothing moves");
}

int
main(void)
{
	outage_share();
	ok(outage_find(7, false) == NULL, "there is none at first");
	o = outage_find(7, true);
	test_workers();
	test_lease();
	test_room();
	return done();
}
