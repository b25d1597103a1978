/* SPDX-License-Identifier: ISC */
/*
 * The spool protocol, for spin: one message to two recipients, A and B, goes
 * through receiver, engine, senders and an operator's hands, while the power
 * fails.  Checked in every order in which their steps can fall.
 *
 * What a power cut leaves.  All names together are as they were at some moment
 * since the last flush of names: metadata is ordered, a later rename is there
 * only with all earlier ones.  Of what was written to a file since its last
 * flush, any part.  To keep the states few, the moment is guessed when it
 * comes: `doomed` says that this is what the next cut leaves, and from then on
 * no flush of names ends before that cut.
 *
 * What is promised, and asserted:
 *
 *	kept       acknowledged, not deleted: in the spool, or delivered, or
 *	           its failure is reported
 *	once       delivered a second time only if the power failed before the
 *	           sender's flush that follows the first
 *	one place  no name in two directories, no recipient of two entries;
 *	           only a report may be there again after a power cut
 *	gone       what an operator was told is deleted is never delivered
 *	whole      nobody meets a file without its content or its split record
 *	released   what an operator was told is released is not held by the rule
 *	           again, and nothing is delivered that a rule holds
 *	leaves     when nothing more happens, the spool is empty; and there is no
 *	           way to go round and round (a search of its own, for cycles):
 *	           when crashes stop, every entry leaves
 *
 * CUTS and ORDERS bound the power cuts and the operator; FAILURES lets B be
 * refused for good and reported; with RULES a rule holds the message, whole or
 * what it was split into, until it is released.  Each BUG_ that is defined breaks one rule of
 * the code, and must break a promise.  SEEN is the number of a place that the
 * search must come by: an assertion there then fails.
 */
#ifndef CUTS
#define CUTS 1
#endif
#ifndef ORDERS
#define ORDERS 1
#endif

#ifndef SEEN
#define SEEN 0
#endif
#define seen(place) assert(SEEN != place)

/* Recipients, as bits. */
#define A 1
#define B 2

/* Entries: the message, its two parts, the report that B failed. */
#define WHOLE   0
#define PART0   1
#define PART1   2
#define REPORT  3
#define ENTRIES 4

/* Directories, as bits. */
#define TMP       1
#define INCOMING  2
#define SPLIT     4
#define PROCESSED 8
#define SENDING   16
#define DEFERRED  32
#define HELD      64
#define TRASH     128 /* the operator's slot of tmp/ */
#define LIVE      (INCOMING | SPLIT | PROCESSED | SENDING | DEFERRED | HELD)

/* What is in the files, as bits. */
#define CONTENT        1
#define SPLIT_RECORD   2
#define DONE_A         4
#define DONE_B         8
#define FAILED_B       16
#define REPORTED_B     32
#define REPORT_CONTENT 64
#define RELEASED       128
#define MESSAGE_FILE   191 /* all but the report's */

/* Orders for claimed entries. */
#define ORDER_HOLD    1
#define ORDER_DELETE  2
#define ORDER_REQUEUE 3

byte names[ENTRIES];     /* the directories that each is in */
byte left_names[ENTRIES]; /* what the next cut leaves, when doomed */
byte bytes, disk_bytes;
byte order[ENTRIES]; /* in control/; durable when it is given */

bool acked;
byte delivered; /* at least once */
byte window;    /* delivered, and not yet durably noted */
byte noted;     /* of these: noted, and waiting for the flush */
byte excused;   /* the power failed in the window */
byte deleted;   /* an operator has begun to delete it */
byte told;      /* ... and was told that it is gone */
bool put_off;   /* B was, once */
bool reported;
bool freed;     /* an operator has begun to release it */
bool let_go;    /* ... and was told that it is released */

bool doomed;
byte cuts;
#define PROCESSES 6 /* that a power cut stops */
chan cut[PROCESSES + 1] = [0] of { bool };

#define IN(e, dirs) ((names[e] & (dirs)) != 0)
#define recipients(e) \
	((e) == WHOLE -> (A | B) : ((e) == PART0 -> A : ((e) == PART1 -> B : 0)))
#define done_now \
	(((bytes & (DONE_A | DONE_B)) / DONE_A) | \
	    ((bytes & FAILED_B) != 0 -> B : 0))
#define pending(e) (recipients(e) & ~done_now)
#define unreported(e) \
	((bytes & (FAILED_B | REPORTED_B)) == FAILED_B && \
	    (recipients(e) & B) != 0)

/* ---- the file system ---- */

/* A rename replaces nothing.  Lost against another's rename, or the name is
 * taken: nothing happens. */
inline move(e, from, to)
{
	d_step {
		true;
		if
		:: IN(e, from) && !IN(e, to) ->
			names[e] = (names[e] & ~(from)) | (to);
		:: else -> skip;
		fi;
	}
}

/* The same; `ok` says whether. */
inline try_move(e, from, to)
{
	d_step {
		ok = IN(e, from) && !IN(e, to);
		if
		:: ok -> names[e] = (names[e] & ~(from)) | (to);
		:: else -> skip;
		fi;
	}
}

inline unlink(e, from)
{
	names[e] = names[e] & ~(from)
}

inline write(what)
{
	bytes = bytes | (what)
}

inline flush_bytes(file)
{
	disk_bytes = disk_bytes | (bytes & (file))
}

#define names_can_be_flushed (!doomed)

/* Of bytes that were not flushed, any may be there. */
inline lose_bytes()
{
	short which = 1;

	do
	:: which <= RELEASED ->
		if
		:: (bytes & which) != 0 && (disk_bytes & which) == 0 ->
			bytes = bytes & ~which;
		:: true -> skip;
		fi;
		which = which * 2;
	:: else -> break;
	od;
	which = 1;
}

#define copy_names(to, from) \
	to[WHOLE] = from[WHOLE]; \
	to[PART0] = from[PART0]; \
	to[PART1] = from[PART1]; \
	to[REPORT] = from[REPORT]

inline forget_left_names()
{
	left_names[WHOLE] = 0;
	left_names[PART0] = 0;
	left_names[PART1] = 0;
	left_names[REPORT] = 0;
}

active proctype Power()
{
	do
	:: atomic {
		cuts < CUTS ->
		copy_names(left_names, names);
		doomed = true;
	   }
	   atomic {
		cut[0]!true;
		cut[PROCESSES]?_;
		cuts++;
		doomed = false;
		copy_names(names, left_names);
		forget_left_names();
		lose_bytes();
		disk_bytes = (cuts < CUTS -> bytes : 0);
		excused = excused | window;
		window = 0;
		noted = 0;
	   }
	:: cuts == CUTS -> break;
	od
}

/* Every process of ours is a body that a power cut ends, and begins anew.  The
 * first tells the second and so on, and the last one Power, in one step of all. */
#define BEGIN \
	again: \
	{
#define END(n) \
	} unless { \
		atomic { \
			cut[n]?_ -> cut[n + 1]!true; \
		} \
	}; \
	goto again

/* ---- receiver ---- */

/* The client sends again what was not acknowledged; once it has gone on, that
 * would be another message. */
#define untouched \
	((names[WHOLE] | names[PART0] | names[PART1] | delivered | deleted) == 0)

proctype Receiver()
{
	BEGIN
	if
	:: d_step {
		!acked && (untouched || names[WHOLE] == TMP) ->
		names[WHOLE] = TMP;
		bytes = CONTENT;
		disk_bytes = 0;
#ifndef BUG_NO_BYTES_FLUSH
		flush_bytes(MESSAGE_FILE);
#endif
	   }
	   move(WHOLE, TMP, INCOMING);
	   atomic {
#ifndef BUG_EARLY_250
		names_can_be_flushed ->
#endif
		acked = true;
	   }
	:: else -> unlink(WHOLE, TMP)
	fi;
	false;
	END(0)
}

/* ---- engine ---- */

/* lib/mail/spool_split.c: a part that a crash has left. */
inline recover_part(e)
{
	d_step {
		true;
		if
		:: IN(WHOLE, INCOMING) ->
			seen(3);
			unlink(e, SPLIT);
		:: !IN(WHOLE, INCOMING) && !IN(PART0, SPLIT) ->
			seen(4);
			unlink(e, SPLIT);
		:: else ->
			seen(5);
			names[e] = (names[e] & ~SPLIT) | INCOMING;
		fi;
	}
}

inline split()
{
	/* 1 the record */
	d_step {
		write(SPLIT_RECORD);
#ifndef BUG_NO_RECORD_FLUSH
		flush_bytes(MESSAGE_FILE);
#endif
	}
	/* 2 the links but the first */
	d_step {
		ok = IN(WHOLE, INCOMING);
		if
		:: ok -> names[PART1] = names[PART1] | SPLIT;
		:: else -> skip;
		fi;
	}
	if
	:: d_step {
		ok && names_can_be_flushed ->
		/* 3 the directory, 4 the commit */
#ifdef BUG_LINKS_LATE
		unlink(PART1, SPLIT);
#endif
		ok = IN(WHOLE, INCOMING);
		if
		:: ok ->
			unlink(WHOLE, INCOMING);
			names[PART0] = names[PART0] | SPLIT;
		:: else -> skip;
		fi;
	   }
	:: !ok
	fi;
	if
	:: ok ->
		/* 5 the parts, the first one last */
#ifdef BUG_LINKS_LATE
		names[PART1] = names[PART1] | SPLIT;
#endif
#ifdef BUG_FIRST_PART_FIRST
		move(PART0, SPLIT, PROCESSED);
#endif
		move(PART1, SPLIT, PROCESSED);
		atomic { move(PART0, SPLIT, PROCESSED); ok = false; }
	:: else -> /* an operator took it */
		seen(8);
		unlink(PART1, SPLIT);
	fi;
}

#define is_whole(e) \
	((bytes & ((e) == REPORT -> REPORT_CONTENT : CONTENT)) != 0 && \
	    (((e) != PART0 && (e) != PART1) || (bytes & SPLIT_RECORD) != 0))

/* The rule has its record durable before it holds, and gives the same answer
 * when it is asked again: so the record is not in the model, the release is. */
#ifndef RULES
#define held_by_rule false
#else
#define held_by_rule ((bytes & RELEASED) == 0)
#endif

inline route(e)
{
	assert(is_whole(e)); /* whole */
	if
	:: e != REPORT && held_by_rule ->
		assert(!let_go); /* released */
		if
		:: cuts > 0 -> seen(10);
		:: else
		fi;
		move(e, INCOMING, HELD);
	:: else -> move(e, INCOMING, PROCESSED);
	fi;
}

proctype Engine()
{
	bool ok;

	BEGIN
	atomic {
		ok = false;
		if
		:: IN(PART1, SPLIT) -> recover_part(PART1);
		:: else
		fi;
	}
	if
	:: IN(PART0, SPLIT) -> recover_part(PART0);
	:: else
	fi;
	do
	:: atomic { IN(WHOLE, INCOMING) -> route(WHOLE); }
	:: atomic { IN(PART0, INCOMING) -> route(PART0); }
	:: atomic { IN(PART1, INCOMING) -> route(PART1); }
	:: atomic {
		IN(REPORT, INCOMING) && !IN(REPORT, PROCESSED) ->
		route(REPORT);
	   }
	:: IN(WHOLE, INCOMING) && pending(WHOLE) == (A | B) &&
	       !held_by_rule -> split();
	od;
	END(1)
}

/* ---- sender ---- */

/* The next hop's answer for one recipient.  All come at once: there is one end
 * of data. */
inline deliver(r)
{
	assert((delivered & (r)) == 0 || (excused & (r)) != 0); /* once */
	assert((told & (r)) == 0);                              /* gone */
#ifdef RULES
	assert(freed); /* released */
#endif
	if
	:: (delivered & (r)) != 0 -> seen(1);
	:: else
	fi;
	delivered = delivered | (r);
	excused = excused & ~(r);
	window = window | (cuts < CUTS -> (r) : 0);
	noted = noted & ~(r);
	sent = sent | (r);
}

inline attempt()
{
	if
	:: (todo & A) != 0 -> deliver(A);
	:: else
	fi;
	if
	:: (todo & B) == 0;
	:: (todo & B) != 0 -> deliver(B);
	:: (todo & B) != 0 && !put_off ->
		put_off = true;
		deferred = true;
#ifdef FAILURES
	:: (todo & B) != 0 -> failed = true;
#endif
	fi;
	todo = 0;
}

/* These outcomes are on their way to the disk. */
#define note_sent noted = noted | (sent & window)

/* Append to the journal what was delivered and what failed. */
inline mark()
{
	d_step {
		write(sent * DONE_A);
		note_sent;
		if
		:: failed -> write(FAILED_B);
		:: else -> skip;
		fi;
	}
}

/* A report is a message of our own: the order of acceptance holds.  It has its
 * id from what it is about; when that is in incoming/ already, so is it. */
inline report()
{
	if
	:: d_step {
		unreported(e) ->
		names[REPORT] = names[REPORT] | TMP;
		write(REPORT_CONTENT);
		flush_bytes(REPORT_CONTENT);
	   }
	   d_step {
		unlink(REPORT, TMP);
		names[REPORT] = names[REPORT] | INCOMING;
	   }
	   atomic { names_can_be_flushed -> write(REPORTED_B); }
	:: else
	fi;
}

inline obey()
{
	d_step {
		true;
		if
		:: order[e] == ORDER_HOLD ->
			names[e] = (names[e] & ~SENDING) | HELD;
		:: order[e] == ORDER_REQUEUE ->
			names[e] = (names[e] & ~SENDING) | INCOMING;
		:: order[e] == ORDER_DELETE ->
			seen(6);
			deleted = deleted | recipients(e);
			unlink(e, SENDING);
		fi;
#ifndef BUG_ORDER_STAYS
		order[e] = 0;
#endif
	}
}

inline remove()
{
	d_step {
		unlink(e, SENDING);
		order[e] = 0;
		note_sent;
	}
}

/* Out of sending/: gone, as ordered, or deferred. */
inline leave()
{
	if
	:: pending(e) == 0 -> remove();
	:: pending(e) != 0 && order[e] != 0 -> obey();
	:: pending(e) != 0 && order[e] == 0 -> move(e, SENDING, DEFERRED);
	fi;
}

inline settle()
{
	if
	:: !deferred && !failed && !unreported(e) ->
		remove(); /* delivered whole: nothing has to be written */
	:: else ->
#ifdef BUG_MARK_LATE
		atomic { note_sent; leave(); }
#endif
		if
		:: sent != 0 || failed -> mark();
		:: else
		fi;
#ifdef BUG_REPORT_LATE
		atomic { leave(); }
		report();
#else
		report();
		atomic { leave(); }
#endif
	fi;
}

inline forget()
{
	d_step {
		e = 0;
		todo = 0;
		sent = 0;
		deferred = false;
		failed = false;
		ok = false;
	}
}

inline send(entry)
{
	atomic {
		e = entry;
		try_move(e, PROCESSED, SENDING);
		if
		:: ok ->
			assert(is_whole(e)); /* whole */
			todo = pending(e);
#ifdef BUG_ORDER_STAYS /* and is obeyed before the attempt */
			if
			:: order[e] == ORDER_REQUEUE -> obey(); ok = false;
			:: else
			fi;
#endif
		:: else
		fi;
	}
	if
	:: ok ->
		atomic {
			ok = false;
			if
			:: e == REPORT -> seen(2); reported = true;
			:: else -> attempt();
			fi;
		}
		settle();
	:: else /* somebody else's rename was first */
	fi;
	forget();
}

inline recover_claim(e)
{
	d_step {
		true;
		if
		:: IN(e, SENDING) && !IN(e, PROCESSED) ->
			names[e] = (names[e] & ~SENDING) | PROCESSED;
		:: IN(e, SENDING) && IN(e, PROCESSED) -> /* a second report */
			seen(9);
			names[e] = (names[e] & ~SENDING) | INCOMING;
		:: else -> skip;
		fi;
	}
}

/* Two workers, each with the shards of two of the entries. */
proctype Sender(byte number, one, other)
{
	byte e, todo, sent;
	bool ok, deferred, failed;

	BEGIN
	atomic {
		forget();
		if
		:: other == REPORT -> unlink(REPORT, TMP);
		:: else
		fi;
#ifndef BUG_CLAIM_STAYS
		recover_claim(one);
		recover_claim(other);
#endif
	}
	do
	:: IN(one, PROCESSED) -> send(one);
	:: IN(other, PROCESSED) && !IN(other, SENDING) -> send(other);
	:: IN(one, DEFERRED) -> move(one, DEFERRED, PROCESSED);
	:: IN(other, DEFERRED) -> move(other, DEFERRED, PROCESSED);
	od;
	END(number)
}

/* The flush that closes the duplicate window. */
proctype Flush()
{
	BEGIN
	do
	:: d_step {
		noted != 0 && names_can_be_flushed ->
		flush_bytes(255);
		window = window & ~noted;
		noted = 0;
	   }
	od;
	END(4)
}

/* ---- operator ---- */

inline leave_order(e, what)
{
	if
	:: d_step { IN(e, SENDING) -> order[e] = what; }
	:: !IN(e, SENDING)
	fi;
}

inline delete_from(e, from)
{
	d_step {
		ok = IN(e, from);
		if
		:: ok ->
			names[e] = (names[e] & ~(from)) | TRASH;
			deleted = deleted | recipients(e);
		:: else -> skip;
		fi;
	}
	if
	:: ok ->
		d_step {
			names_can_be_flushed ->
			unlink(e, TRASH);
			flush_bytes(255);
			seen(7);
			told = told | (recipients(e) & ~delivered);
			ok = false;
		}
	:: else
	fi;
}

/* What somebody orders who sees the entry where it is now. */
inline give_order(e)
{
	if
	:: IN(e, INCOMING) -> move(e, INCOMING, HELD);
	:: IN(e, PROCESSED) -> move(e, PROCESSED, HELD);
	:: IN(e, DEFERRED) -> move(e, DEFERRED, HELD);
	:: IN(e, SENDING) -> leave_order(e, ORDER_HOLD);
	:: IN(e, PROCESSED) -> move(e, PROCESSED, INCOMING);
	:: IN(e, DEFERRED) -> move(e, DEFERRED, INCOMING);
	:: IN(e, SENDING) -> leave_order(e, ORDER_REQUEUE);
	:: IN(e, INCOMING) -> delete_from(e, INCOMING);
	:: IN(e, PROCESSED) -> delete_from(e, PROCESSED);
	:: IN(e, DEFERRED) -> delete_from(e, DEFERRED);
	:: IN(e, HELD) -> delete_from(e, HELD);
	:: IN(e, SENDING) -> leave_order(e, ORDER_DELETE);
#ifdef BUG_HOLD_CLAIMED
	:: IN(e, SENDING) -> move(e, SENDING, HELD);
#endif
	fi;
}

#define orderable (LIVE & ~SPLIT)

/* With rules, the journal says so, and it is flushed before anybody is told. */
inline release(e)
{
#ifdef RULES
	d_step {
		write(RELEASED);
		freed = true;
	}
#endif
	move(e, HELD, INCOMING);
#ifdef RULES
	d_step {
		names_can_be_flushed ->
#ifndef BUG_RELEASE_NOT_FLUSHED
		flush_bytes(255);
#endif
		let_go = true;
	}
#endif
}

proctype Operator()
{
	byte orders = 0;
	bool ok;

	BEGIN
	d_step {
		ok = false;
		unlink(WHOLE, TRASH);
		unlink(PART0, TRASH);
		unlink(PART1, TRASH);
	}
	do
	:: atomic { orders < ORDERS && IN(WHOLE, orderable) ->
		orders++; give_order(WHOLE); }
	:: atomic { orders < ORDERS && IN(PART0, orderable) ->
		orders++; give_order(PART0); }
	:: atomic { orders < ORDERS && IN(PART1, orderable) ->
		orders++; give_order(PART1); }
	/* What is held is released some time; that is no order. */
	:: IN(WHOLE, HELD) -> release(WHOLE);
	:: IN(PART0, HELD) -> release(PART0);
	:: IN(PART1, HELD) -> release(PART1);
	od;
	END(5)
}

/* ---- the promises ---- */

#define stands_for(e, r) (IN(e, LIVE) && (recipients(e) & (r)) != 0)
#define is_queued(r) \
	((bytes & CONTENT) != 0 && (stands_for(WHOLE, r) || \
	     stands_for(PART0, r) || stands_for(PART1, r)))
#define is_reported \
	(reported || (IN(REPORT, LIVE) && (bytes & REPORT_CONTENT) != 0))
#define kept(r) \
	(!acked || ((delivered | deleted) & (r)) != 0 || is_queued(r) || \
	    ((r) == B && is_reported))
#define in_one(e) ((names[e] & LIVE & ((names[e] & LIVE) - 1)) == 0)
#define parts_out (((names[PART0] | names[PART1]) & LIVE & ~SPLIT) != 0)
#define one_place \
	(in_one(WHOLE) && in_one(PART0) && in_one(PART1) && \
	    (in_one(REPORT) || cuts > 0) && !(IN(WHOLE, LIVE) && parts_out))

active proctype Promises()
{
	if
	:: atomic { !(kept(A) && kept(B)) -> assert(false); } /* kept */
	:: atomic { !one_place -> assert(false); } /* one place */
	:: atomic {
		timeout ->
		assert((names[WHOLE] | names[PART0] | names[PART1] |
		    names[REPORT]) == 0); /* leaves */
	   }
	fi
}

init {
	atomic {
		run Receiver();
		run Engine();
		run Sender(2, WHOLE, PART0);
		run Sender(3, PART1, REPORT);
		run Flush();
		run Operator();
	}
}
