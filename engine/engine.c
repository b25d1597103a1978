/* SPDX-License-Identifier: ISC */
/*
 * ROOM      engine: decides where each message goes.
 * RUNS AS   stage-engine, member of group stage, confined by proc/confine.
 * MAY       take from incoming/; write split/, processed/ and held/; put copies
 *           that rules order into incoming/; read the map.
 * MAY NOT   open any network socket, deliver, accept, write a map.
 * TRUSTS    the map and the checksums of queue files; no byte of a message.
 * IF IT     dies, what it worked on is still in incoming/ (or, committed, in
 *           split/) and is worked on again; nothing is lost or doubled.
 *
 * Path of a message: [receiver] -> intake.c -> rule.c -> decide.c ->
 *                    handoff.c -> lib/mail/spool_move.c, spool_split.c -> [sender]
 *
 * SECURITY  Messages are hostile: a queue file is parsed by lib/mail only, with
 *           every length checked.  A message that kills its worker twice goes
 *           to held/.  The engine has no network at all: whoever takes it over
 *           can lose or misroute mail, but not send any.
 */
#include "engine.h"

#include "proc/loop.h"

static unsigned
workers(const struct settings *set)
{
	return set->engine_workers;
}

/* What is being worked on is finished within the turn; the rest is still in
 * incoming/ for the next start. */
static void
stop(void)
{
	loop_stop();
}

static void
remap(struct worker *w)
{
	(void)w;
	intake_retry();
}

int
main(int argc, char *argv[])
{
	static const struct room_main room = {
	    .room = ROOM_ENGINE,
	    .workers = workers,
	    .start = intake_start,
	    .stop = stop,
	    .remap = remap,
	};

	return parent_main(&room, argc, argv);
}
