/* SPDX-License-Identifier: ISC */
#include "mail/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "mail/draft.h"
#include "spool_fixture.h"
#include "tap.h"

#define TAG   "01234567"
#define DUE   1795000000
#define DUE_2 (DUE + 5000) /* another bucket */

static struct spool *receiver, *engine, *sender, *tool;

static struct entry
processed(void)
{
	struct entry e = fixture_message(receiver, 2, 1, "Subject: x\r\n\r\n");

	if (spool_process(engine, &e, -1, PRIO_NORMAL, TAG, 4) == -1)
		bail_out("no processed entry");
	return e;
}

static struct entry
claimed(void)
{
	struct entry e = processed();

	if (spool_claim(sender, &e) == -1)
		bail_out("no claim");
	return e;
}

static void
test_commit(void)
{
	struct envelope env = {.sender = "",
	    .recipients = &(struct recipient){.address = "r@example.net"},
	    .nrecipients = 1,
	    .protocol = "ESMTP"};
	struct commit batch[12];
	size_t before = fixture_count(receiver, STATE_INCOMING, NULL, 0);

	spool_set_limits(receiver, 0, 0, 10);
	for (int n = 3; n <= 12; n += 9) { /* by fdatasync, by syncfs */
		memset(batch, 0, sizeof(batch));
		for (int i = 0; i < n; i++) {
			struct draft d;

			draft_begin(&d, (unsigned)i % 3, NULL, &env);
			draft_add(&d, receiver, "x\r\n", 3);
			draft_finish(&d, receiver);
			memcpy(batch[i].id, d.id, sizeof(d.id));
			batch[i].slot = d.slot;
		}
		memset(batch[1].id, '0', ID_LEN); /* it was never written */
		is_int(spool_commit(receiver, batch, (size_t)n), 0,
		    "a batch of %d", n);
		is_int(batch[0].status, 0, "is committed");
		is_int(batch[1].status, ENOENT, "but for one without a file");
		is_int(batch[n - 1].status, 0, "which harms no other");
	}
	is_int((long long)fixture_count(receiver, STATE_INCOMING, NULL, 0),
	    (long long)before + 13, "all others are in incoming/");
}

static void
test_derived(void)
{
	struct entry e = fixture_message(receiver, 1, 1, "x\r\n");
	struct envelope env = {.sender = "",
	    .recipients = &(struct recipient){.address = "r@example.net"},
	    .nrecipients = 1,
	    .protocol = "local"};
	struct commit c = {.slot = 1};
	struct draft d;

	memcpy(c.id, e.id, sizeof(c.id));
	draft_begin(&d, 1, c.id, &env);
	draft_finish(&d, receiver);
	spool_commit(receiver, &c, 1);
	is_int(c.status, EEXIST, "an id that is there is refused");
	draft_begin(&d, 1, c.id, &env);
	draft_finish(&d, receiver);
	c.derived = true;
	spool_commit(receiver, &c, 1);
	is_int(c.status, 0, "a derived id that is there was committed before");
	is_int(faccessat(receiver->tmp[1], c.id, F_OK, 0), -1,
	    "and nothing is left in tmp/");
}

static void
test_large_draft(void)
{
	static char block[100000];
	struct envelope env = {.sender = "",
	    .recipients = &(struct recipient){.address = "r@example.net"},
	    .nrecipients = 1,
	    .protocol = "ESMTP"};
	struct queuefile qf;
	struct draft d;
	int fd;

	memset(block, 'x', sizeof(block));
	draft_begin(&d, 0, NULL, &env);
	for (int i = 0; i < 30; i++)
		draft_add(&d, receiver, block, sizeof(block));
	is_int(draft_finish(&d, receiver), 0, "a draft of 3 MB");
	fd = openat(receiver->tmp[0], d.id, O_RDONLY);
	is_int(queuefile_open(fd, &qf), 0, "is a queue file");
	is_int((long long)qf.preamble.content_len, 3000000, "of that length");
	is_int(queuefile_verify(&qf), 1, "and its checksum is right");
	queuefile_free(&qf);
	fd_close(&fd);
	draft_abandon(&d, receiver);
}

static void
test_way(void)
{
	struct entry e = claimed(), lost = e;

	is_int(e.state, STATE_SENDING, "claimed");
	lost.state = STATE_PROCESSED;
	is_int(spool_claim(sender, &lost), -1, "a second claim fails");
	is_int(errno, ENOENT, "since the first has it");
	is_int(spool_defer(sender, &e, DUE), 0, "deferred, bucket made");
	is_int(spool_wake(sender, &e), 0, "due");
	is_int(spool_claim(sender, &e), 0, "claimed again");
	is_int(spool_defer(sender, &e, DUE + 1), 0, "deferred, bucket there");
	is_int(spool_bucket_remove(sender, e.shard, DUE >> BUCKET_SHIFT), -1,
	    "a bucket with an entry stays");
	is_int(spool_wake(sender, &e), 0, "due");
	is_int(spool_bucket_remove(sender, e.shard, DUE >> BUCKET_SHIFT), 0,
	    "an empty one goes");
	is_int(spool_claim(sender, &e), 0, "claimed");
	is_int(spool_remove(sender, &e), 0, "delivered: gone");
	is_int(spool_remove(sender, &e), -1, "and only once");
}

static void
test_operator(void)
{
	struct entry e = claimed(), found;

	is_int(spool_defer(sender, &e, DUE_2), 0, "deferred");
	is_int(spool_find(tool, e.id, &found), 0, "found by its id");
	ok(found.state == STATE_DEFERRED && found.due_s == DUE_2,
	    "where it is");
	is_int(spool_hold(tool, &found), 0, "held");
	is_int(spool_wake(sender, &e), -1, "the sender has lost it");
	is_int(spool_reroute(tool, &found), 0, "released");
	is_int(found.state, STATE_INCOMING, "to be routed anew");
	is_int(spool_remove(tool, &found), 0, "deleted");
	is_int(spool_find(tool, e.id, &found), -1, "and not found any more");
	e = processed();
	is_int(spool_corrupt(sender, &e, "test"), 0, "damaged: to corrupt/");
	is_int(e.state, STATE_CORRUPT, "where it stays");
}

static void
test_recovery(void)
{
	struct entry e = claimed();
	struct envelope env = {.sender = "",
	    .recipients = &(struct recipient){.address = "r@example.net"},
	    .nrecipients = 1,
	    .protocol = "ESMTP"};
	struct draft d;

	for (int round = 0; round < 2; round++) {
		is_int(spool_recover_sending(sender, e.shard, NULL), 0,
		    "a claim left by the dead is recovered");
		is_int((long long)fixture_count(tool, STATE_SENDING, NULL, 0),
		    0, "nothing is in sending/ (time %d)", round + 1);
		ok(spool_find(tool, e.id, &e) == 0 &&
			e.state == STATE_PROCESSED,
		    "it is in processed/");
	}
	draft_begin(&d, 7, NULL, &env);
	draft_finish(&d, receiver);
	spool_clean_slot(receiver, 7);
	is_int(faccessat(receiver->tmp[7], d.id, F_OK, 0), -1,
	    "a draft left by the dead is removed");
}

/* A report that was made anew has the id of the one that is being sent. */
static void
test_recovery_of_two(void)
{
	struct entry first = processed(), second = {0};
	char name[ENTRY_SIZE];

	entry_format(&first, name);
	if (linkat(sender->processed[first.shard], name,
		sender->sending[first.shard], name, 0) == -1)
		bail_out("no second one");
	is_int(spool_recover_sending(sender, first.shard, NULL), 0,
	    "of two with one id the claimed one is recovered");
	is_int((long long)fixture_count(tool, STATE_SENDING, NULL, 0), 0,
	    "nothing is left in sending/");
	ok(spool_find(tool, first.id, &second) == 0 &&
		second.state == STATE_INCOMING,
	    "it is in incoming/, for the engine to bring it back");
	spool_remove(engine, &second);
	is_int(spool_remove(tool, &first), 0, "the other is where it was");
}

static int
on_entry(void *arg, const struct entry *e)
{
	(void)arg;
	(void)e;
	return 0;
}

static void
test_strange_names(void)
{
	struct entry e = processed();
	struct queuefile qf;
	char name[ENTRY_SIZE];
	size_t before = fixture_count(tool, STATE_CORRUPT, NULL, 0);
	int fd;

	fd = openat(
	    sender->processed[0], "not an entry", O_CREAT | O_WRONLY, 0600);
	fd_close(&fd);
	for (int mend = 0; mend <= 1; mend++) {
		spool_list(sender, STATE_PROCESSED, 0, mend, on_entry, NULL);
		is_int((long long)fixture_count(tool, STATE_CORRUPT, NULL, 0),
		    (long long)before + mend, "a strange name is %s",
		    mend ? "moved to corrupt/" : "left alone");
	}
	entry_format(&e, name);
	unlinkat(sender->processed[e.shard], name, 0);
	if (symlinkat("/etc/passwd", sender->processed[e.shard], name) == -1)
		bail_out("no symlink");
	is_int(spool_open_entry(sender, &e), -1, "a symlink is not opened");
	is_int(errno, EBADMSG, "it is damage");
	unlinkat(sender->processed[e.shard], name, 0);
	mkfifoat(sender->processed[e.shard], name, 0600);
	fd = spool_open_entry(sender, &e);
	is_int(queuefile_open(fd, &qf), -1, "a fifo is not read");
	is_int(errno, EBADMSG, "it is damage");
	fd_close(&fd);
}

static void
test_limits(void)
{
	spool_set_limits(receiver, 0, 0, 10);
	is_int(spool_space(receiver, 1000), 0, "there is room");
	spool_set_limits(receiver, UINT64_MAX, 0, 10);
	is_int(spool_space(receiver, 1), -1, "below the reserve there is none");
	is_int(errno, ENOSPC, "and it says so");
	spool_set_limits(receiver, 0, 0, 10);
	is_int(spool_space(receiver, UINT64_MAX - 1), -1,
	    "nor for a message larger than the disk");
}

static void
test_shards(void)
{
	int status = -1;
	pid_t child;

	ok(spool_shard_take(sender, 3), "a shard is taken");
	if ((child = fork()) == 0) {
		bool got = spool_shard_take(sender, 3);

		_exit(got ? 1 : spool_shard_take(sender, 4) ? 0 : 2);
	}
	waitpid(child, &status, 0);
	is_int(status, 0, "another process gets only another");
	ok(spool_shard_take(sender, 4), "which its death frees");
	spool_shard_drop(sender, 3);
	if ((child = fork()) == 0)
		_exit(spool_shard_take(sender, 3) ? 0 : 1);
	waitpid(child, &status, 0);
	is_int(status, 0, "a dropped one is free");
}

static bool
leave_in_slot(const char *name)
{
	int fd = openat(tool->tmp[0], name, O_CREAT | O_WRONLY, 0600);

	return fd_close(&fd) == 0;
}

static void
share_slot(void)
{
	_exit(spool_share_slot(tool) == 0 ? 0 : 1);
}

static void
test_shared_slot(void)
{
	int status = -1;
	pid_t child;

	ok(leave_in_slot("left"), "a tool has died in its work");
	is_int(spool_share_slot(tool), 0, "the next one shares its slot");
	is_int(faccessat(tool->tmp[0], "left", F_OK, 0), -1,
	    "and removes what was left");
	ok(leave_in_slot("used"), "it is at work");
	if ((child = fork()) == 0)
		share_slot();
	waitpid(child, &status, 0);
	is_int(status, 0, "while a second one comes");
	is_int(faccessat(tool->tmp[0], "used", F_OK, 0), 0,
	    "which leaves alone what is in use");
	unlinkat(tool->tmp[0], "used", 0);
}

static void
test_failure(void)
{
	struct commit c = {.id = "00000000000000000", .slot = 0};
	int status;
	pid_t child;

	errno = EIO;
	if ((child = fork()) == 0) {
		spool_fail(receiver, "a test");
		_exit(0);
	}
	waitpid(child, &status, 0);
	ok(spool_failed(receiver), "a child's failure is seen by its parent");
	is_int(spool_space(receiver, 1), -1, "no room in a failed spool");
	is_int(errno, EIO, "for that reason");
	is_int(spool_commit(receiver, &c, 1), -1, "nothing is committed");
	is_int(c.status, EIO, "for that reason");
	is_int(spool_flush(receiver), -1, "no flush is tried again");
}

static void
test_doors(void)
{
	is_int(receiver->processed[0], -1, "the receiver has no processed/");
	is_int(receiver->held, -1, "and no held/");
	is_int(engine->sending[0], -1, "the engine has no sending/");
	is_int(sender->split[0], -1, "the sender has no split/");
}

static void
test_format(void)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/spool/format", tmpdir_path());
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd_write_all(fd, "stagepost spool 2\n", 18) == -1)
		bail_out("no format file");
	fd_close(&fd);
	path[strlen(path) - strlen("/format")] = '\0';
	ok(spool_open(path, ROOM_ENGINE, true) == NULL,
	    "a newer format is not opened");
	is_int(spool_setup(path), -1, "and not mended");
}

int
main(void)
{
	log_open("test", STDERR_FILENO, false);
	receiver = fixture_spool(ROOM_RECEIVER);
	engine = fixture_spool(ROOM_ENGINE);
	sender = fixture_spool(ROOM_SENDER);
	tool = fixture_spool(ROOM_QUEUE_TOOL);
	test_doors();
	test_commit();
	test_derived();
	test_large_draft();
	test_way();
	test_operator();
	test_recovery();
	test_recovery_of_two();
	test_strange_names();
	test_limits();
	test_shards();
	test_shared_slot();
	test_failure();
	test_format();
	spool_close(&receiver);
	spool_close(&receiver);
	spool_close(&engine);
	spool_close(&sender);
	spool_close(&tool);
	return done();
}
