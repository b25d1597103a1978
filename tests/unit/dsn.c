/* SPDX-License-Identifier: ISC */
/*
 * Reports are composed here and read by Python's email package, a reader that
 * is not ours.
 */
#include "mail/dsn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fd.h"
#include "tap.h"

#define HEADER                         \
	"Received: from a.example\r\n" \
	"Subject: lunch\r\n"
#define BODY "\r\n..stuffed\r\nbye\r\n"

static int dir;

static struct recipient rcpts[] = {
    {.address = "kim@b.example",    .original = "rfc822;Kim+2Bx@b.example"},
    {.address = "\"a  b\"@c.example",                             .original = "rfc822;broken+"},
    {.address = "lo@d.example"},
};
static struct rcpt_progress fates[3];
static struct envelope env;
static struct progress progress;
static struct dsn dsn;
static struct rcptset reported;

static void
reset(void)
{
	fates[0] = (struct rcpt_progress){.mine = true,
	    .outcome = OUTCOME_FAILED,
	    .time_s = 1795240922,
	    .host = (char *)(uintptr_t) "mx.b.example[192.0.2.1]:25",
	    .text = (char *)(uintptr_t) "550 5.1.1 No such user"};
	fates[1] = (struct rcpt_progress){.mine = true,
	    .outcome = OUTCOME_EXPIRED,
	    .time_s = 1795240922,
	    .text = (char *)(uintptr_t) "4.4.1 Connection refused"};
	fates[2] =
	    (struct rcpt_progress){.mine = true, .outcome = OUTCOME_DELIVERED};
	env = (struct envelope){.sender = "jo@a.example",
	    .envid = "QQ+2B314",
	    .recipients = rcpts,
	    .nrecipients = 3,
	    .arrival_s = 1795240862};
	progress = (struct progress){.rcpts = fates, .nrcpts = 3};
	dsn = (struct dsn){.kind = REPORT_FAILURE,
	    .hostname = "gw.example",
	    .postmaster = "postmaster@gw.example",
	    .id = "0123456789abcdefgh.1",
	    .own_id = "123456789abcdefghj",
	    .now_s = 1795240982,
	    .envelope = &env,
	    .progress = &progress,
	    .recipients = &reported};
	rcptset_free(&reported);
	rcptset_init(&reported, 3, false);
	rcptset_add(&reported, 0);
	rcptset_add(&reported, 1);
}

static void
store(const char *name, const void *data, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || fd_write_all(fd, data, len) == -1)
		bail_out("cannot write %s", name);
	fd_close(&fd);
}

/* A queue file with that content, open. */
static int
queued(const char *content, unsigned flags, bool damaged)
{
	struct recipient one = {.address = "x@y"};
	struct envelope least = {
	    .sender = "", .recipients = &one, .nrecipients = 1};
	struct buf file = {0}, lines = {0};
	struct preamble p = {.content_len = strlen(content), .flags = flags};
	int fd;

	envelope_format(&least, &lines);
	p.envelope_len = lines.len;
	p.envelope_crc = crc32c(0, lines.data, lines.len);
	p.content_crc = crc32c(0, content, strlen(content)) ^ damaged;
	preamble_format(&p, buf_reserve(&file, PREAMBLE_SIZE));
	buf_grew(&file, PREAMBLE_SIZE);
	buf_add(&file, lines.data, lines.len);
	buf_add_str(&file, content);
	store("q", file.data, file.len);
	buf_free(&file);
	buf_free(&lines);
	fd = openat(dir, "q", O_RDONLY);
	return fd;
}

static int
compose(const char *content, unsigned flags, size_t full_max, struct buf *out,
    unsigned *flags_r)
{
	struct queuefile qf;
	int fd, result;

	fd = queued(content, flags, false);
	if (queuefile_open(fd, &qf) == -1)
		bail_out("cannot open the queue file");
	result = dsn_compose(&dsn, &qf, full_max, out, flags_r);
	queuefile_free(&qf);
	fd_close(&fd);
	return result;
}

/* What Python makes of it; the original must be `original`. */
static void
read_back(const struct buf *report, const char *original, struct buf *said)
{
	char command[400];
	int fd;

	store("report", report->data, report->len);
	store("original", original, strlen(original));
	snprintf(command, sizeof(command),
	    "cd %s && python3 $OLDPWD/tests/unit/dsn_read.py original "
	    "<report >said 2>&1",
	    tmpdir_path());
	is_int(system(command), 0, "Python reads the report");
	buf_clear(said);
	fd = openat(dir, "said", O_RDONLY);
	if (fd == -1 || fd_slurp(fd, said, 1 << 20) == -1)
		bail_out("no answer");
	fd_close(&fd);
}

static bool
says(const struct buf *said, const char *text)
{
	bool found = strstr(buf_text(said), text) != NULL;

	if (!found)
		diag("%s", buf_text(said));
	return found;
}

static void
test_failure(void)
{
	struct buf report = {0}, said = {0};
	unsigned flags;

	reset();
	is_int(compose(HEADER BODY, CONTENT_STUFFED, 1000, &report, &flags), 0,
	    "a failure");
	is_int(flags, 0, "plain ASCII");
	read_back(&report, HEADER, &said);
	is_str(buf_text(&said),
	    "Date: Sat, 21 Nov 2026 06:03:02 +0000\n"
	    "From: Mail Delivery <postmaster@gw.example>\n"
	    "To: jo@a.example\n"
	    "Subject: Your message could not be delivered\n"
	    "Message-ID: <123456789abcdefghj@gw.example>\n"
	    "Auto-Submitted: auto-replied\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=\"delivery-status\"; "
	    "boundary=\"123456789abcdefghj.0\"\n"
	    "part text/plain 7bit\n"
	    "part message/delivery-status 7bit\n"
	    "part text/rfc822-headers 7bit\n"
	    "This is the mail host gw.example.\n"
	    "\n"
	    "Your message of Sat, 21 Nov 2026 06:01:02 +0000 could not be "
	    "delivered to:\n"
	    "\n"
	    "  <kim@b.example>\n"
	    "      Refused by mx.b.example[192.0.2.1]:25:\n"
	    "      550 5.1.1 No such user\n"
	    "\n"
	    "  <\"a  b\"@c.example>\n"
	    "      Given up:\n"
	    "      4.4.1 Connection refused\n"
	    "\n"
	    "This will not be tried again.\n"
	    "\n"
	    "The header of your message follows. Should you ask "
	    "<postmaster@gw.example>\n"
	    "about it, please say that its queue id was "
	    "0123456789abcdefgh.1.\n"
	    "group\n"
	    "Original-Envelope-Id: QQ+314\n"
	    "Reporting-MTA: dns; gw.example\n"
	    "Arrival-Date: Sat, 21 Nov 2026 06:01:02 +0000\n"
	    "X-Stagepost-Queue-Id: 0123456789abcdefgh.1\n"
	    "group\n"
	    "Original-Recipient: rfc822; Kim+x@b.example\n"
	    "Final-Recipient: rfc822; kim@b.example\n"
	    "Action: failed\n"
	    "Status: 5.1.1\n"
	    "Remote-MTA: dns; mx.b.example\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 No such user\n"
	    "Last-Attempt-Date: Sat, 21 Nov 2026 06:02:02 +0000\n"
	    "group\n"
	    "Final-Recipient: rfc822; \"a  b\"@c.example\n"
	    "Action: failed\n"
	    "Status: 4.4.1\n"
	    "Diagnostic-Code: x-stagepost; 4.4.1 Connection refused\n"
	    "Last-Attempt-Date: Sat, 21 Nov 2026 06:02:02 +0000\n"
	    "original same\n",
	    "it says who, why and what");
	buf_free(&report);
	buf_free(&said);
}

static void
test_full(void)
{
	struct buf report = {0}, said = {0};
	unsigned flags;

	reset();
	env.ret = RET_FULL;
	is_int(compose(HEADER BODY, CONTENT_STUFFED, 1000, &report, &flags), 0,
	    "RET=FULL");
	is_int(flags, CONTENT_STUFFED, "a stuffed dot is known");
	read_back(&report, HEADER "\r\n.stuffed\r\nbye\r\n", &said);
	ok(says(&said, "part message/rfc822 7bit\n"), "the whole message");
	ok(says(&said, "original same\n"), "is returned");
	compose(HEADER BODY, CONTENT_STUFFED, 20, &report, &flags);
	read_back(&report, HEADER, &said);
	ok(says(&said, "part text/rfc822-headers 7bit\n") &&
		says(&said, "original same\n"),
	    "not when it is too large");
	compose(HEADER "\r\n\xe4\r\n", CONTENT_8BIT, 1000, &report, &flags);
	is_int(flags, CONTENT_8BIT, "eight bits");
	read_back(&report, HEADER "\r\n\xe4\r\n", &said);
	ok(says(&said, "part message/rfc822 8bit\n") &&
		says(&said, "Content-Transfer-Encoding: 8bit\n") &&
		says(&said, "original same\n"),
	    "are said and kept");
	buf_free(&report);
	buf_free(&said);
}

static void
test_delay_and_success(void)
{
	struct buf report = {0}, said = {0};
	unsigned flags;

	reset();
	dsn.kind = REPORT_DELAY;
	dsn.will_retry_until_s = 1795240862 + 5 * 86400;
	fates[0].outcome = OUTCOME_DEFERRED;
	rcptset_remove(&reported, 1);
	compose(HEADER BODY, 0, 0, &report, &flags);
	read_back(&report, HEADER, &said);
	ok(says(&said, "\nSubject: Your message is delayed\n"), "a delay");
	ok(says(&said, "\nAction: delayed\n"), "says so");
	ok(says(&said, "\nWill-Retry-Until: Thu, 26 Nov 2026 06:01:02 +0000\n"),
	    "and until when");
	ok(!strstr(buf_text(&said), "c.example"), "of the delayed only");
	dsn.kind = REPORT_SUCCESS;
	rcptset_remove(&reported, 0);
	rcptset_add(&reported, 2);
	compose(HEADER BODY, 0, 0, &report, &flags);
	read_back(&report, HEADER, &said);
	ok(says(&said, "\nAction: delivered\n") &&
		says(&said, "\nStatus: 2.0.0\n"),
	    "a success");
	dsn.relayed = true;
	compose(HEADER BODY, 0, 0, &report, &flags);
	read_back(&report, HEADER, &said);
	ok(says(&said, "\nAction: relayed\n"), "a message passed on");
	buf_free(&report);
	buf_free(&said);
}

static void
test_utf8(void)
{
	struct buf report = {0}, said = {0};
	unsigned flags;

	reset();
	env.sender = "j\xc3\xb6@a.example";
	fates[0].text = (char *)(uintptr_t) "550 5.1.1 Wer ist K\xc3\xafm?";
	compose("Subject: \xc3\xb6\r\n" BODY, CONTENT_UTF8 | CONTENT_8BIT, 0,
	    &report, &flags);
	is_int(flags, CONTENT_UTF8 | CONTENT_8BIT, "SMTPUTF8");
	read_back(&report, "Subject: \xc3\xb6\r\n", &said);
	ok(says(&said, "\nTo: j\xc3\xb6@a.example\n"), "in the address");
	ok(says(&said, "\npart message/global-delivery-status 8bit\n") &&
		says(&said, "\npart message/global-headers 8bit\n") &&
		says(&said, "\noriginal same\n"),
	    "has types of its own");
	ok(says(&said, "smtp; 550 5.1.1 Wer ist K\xc3\xafm?\n"), "the reply");
	env.sender = "jo@a.example";
	compose(HEADER BODY, 0, 0, &report, &flags);
	is_int(flags, 0, "in a report for others");
	read_back(&report, HEADER, &said);
	ok(says(&said, "smtp; 550 5.1.1 Wer ist K??m?\n"), "it is ASCII");
	buf_free(&report);
	buf_free(&said);
}

/* Whatever the other side or the message holds, the report stays one. */
static void
test_hostile(void)
{
	static char reply[1001], header[300000];
	struct buf report = {0}, said = {0};
	unsigned flags;

	reset();
	memset(reply, 'x', 1000);
	memcpy(reply, "550 \r\n\r\n.\r\n--123456789abcdefghj.0 \x7f\xff ", 38);
	fates[0].text = reply;
	fates[0].host = (char *)(uintptr_t) "unix:/run/x\r\nY: z";
	compose("X: --123456789abcdefghj.0\r\n\r\n--123456789abcdefghj.1\r\n",
	    0, 0, &report, &flags);
	is_int(flags, 0, "no line is long, none begins with a dot");
	read_back(&report, "X: --123456789abcdefghj.0\r\n", &said);
	ok(says(&said, "boundary=\"123456789abcdefghj.1\"\n"),
	    "the boundary is one that no part holds");
	ok(says(&said, "\noriginal same\n"), "and the parts are as they were");
	ok(!strstr(buf_text(&said), "Remote-MTA"), "a path is no host name");
	memset(header, 'y', sizeof(header));
	memcpy(header, HEADER, strlen(HEADER));
	for (size_t i = 500; i < sizeof(header) - 1; i += 500)
		memcpy(header + i, "\r\nZ: ", 5);
	memcpy(header + sizeof(header) - 3, "\r\n", 3);
	compose(header, 0, 0, &report, &flags);
	ok(report.len > 100000 && report.len < 140000,
	    "an endless header is cut");
	header[(131072 - 2) / 500 * 500 + 2] = '\0';
	read_back(&report, header, &said);
	ok(says(&said, "\noriginal same\n"), "after a whole line");
	compose("\r\nno header\r\n", 0, 0, &report, &flags);
	read_back(&report, "", &said);
	ok(says(&said, "\noriginal same\n"), "no header is none");
	compose("", 0, 0, &report, &flags);
	read_back(&report, "", &said);
	ok(says(&said, "\noriginal same\n"), "nor is nothing at all");
	buf_free(&report);
	buf_free(&said);
}

static void
test_many(void)
{
	static struct recipient many[300];
	static struct rcpt_progress same[300];
	struct buf report = {0}, said = {0};
	unsigned flags, groups = 0;
	const char *at;

	reset();
	for (size_t i = 0; i < 300; i++) {
		many[i] = rcpts[0];
		same[i] = fates[0];
	}
	env.recipients = many;
	env.nrecipients = progress.nrcpts = 300;
	progress.rcpts = same;
	rcptset_free(&reported);
	rcptset_init(&reported, 300, true);
	compose(HEADER BODY, 0, 0, &report, &flags);
	read_back(&report, HEADER, &said);
	for (at = buf_text(&said); (at = strstr(at, "\ngroup\n")); at++)
		groups++;
	is_int(groups, 301, "all recipients are there for programs");
	ok(says(&said, "  and 200 more, which"), "for people the first ones");
	buf_free(&report);
	buf_free(&said);
}

static void
test_damaged(void)
{
	struct buf report = {0};
	struct queuefile qf;
	unsigned flags;
	int fd;

	reset();
	fd = queued(HEADER BODY, 0, true);
	is_int(queuefile_open(fd, &qf), 0, "a message with damaged content");
	is_int(
	    dsn_compose(&dsn, &qf, 0, &report, &flags), -1, "does not go back");
	is_int(errno, EBADMSG, "and says why");
	is_int(report.len, 0, "and nothing is left");
	queuefile_free(&qf);
	fd_close(&fd);
	buf_free(&report);
}

static void
test_status(void)
{
	static const struct {
		const char *reply;
		enum outcome outcome;
		const char *status;
	} cases[] = {
	    {"550 5.1.1 No",       OUTCOME_FAILED,    "5.1.1" },
	    {"550-5.7.26 No",      OUTCOME_FAILED,    "5.7.26"},
	    {"550 No",             OUTCOME_FAILED,    "5.0.0" },
	    {"550",                OUTCOME_FAILED,    "5.0.0" },
	    {"421 4.7.0",          OUTCOME_DEFERRED,  "4.7.0" },
	    {"550 4.1.1 a liar",   OUTCOME_FAILED,    "5.0.0" },
	    {"550 5.1 No",         OUTCOME_FAILED,    "5.0.0" },
	    {"550 5.1.1.1 No",     OUTCOME_FAILED,    "5.0.0" },
	    {"550 5.1234.1 No",    OUTCOME_FAILED,    "5.0.0" },
	    {"550 5..1 No",        OUTCOME_FAILED,    "5.0.0" },
	    {"354 go on",          OUTCOME_FAILED,    "5.0.0" },
	    {"5.4.4 no route",     OUTCOME_FAILED,    "5.4.4" },
	    {"3.4.4 what",         OUTCOME_DEFERRED,  "4.0.0" },
	    {"Connection refused", OUTCOME_DEFERRED,  "4.0.0" },
	    {"",		   OUTCOME_EXPIRED,   "4.4.7" },
	    {NULL,                 OUTCOME_DELIVERED, "2.0.0" },
	};
	char status[DSN_STATUS_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dsn_status(cases[i].reply, cases[i].outcome, status);
		is_str(status, cases[i].status, "status of \"%s\"",
		    cases[i].reply ? cases[i].reply : "(none)");
	}
}

static void
test_wanted(void)
{
	struct recipient unsaid = {0}, never = {.notify = NOTIFY_NEVER};
	struct recipient delay = {.notify = NOTIFY_DELAY};
	struct recipient success = {.notify = NOTIFY_SUCCESS};

	ok(dsn_wanted(&unsaid, REPORT_FAILURE) &&
		dsn_wanted(&unsaid, REPORT_DELAY) &&
		!dsn_wanted(&unsaid, REPORT_SUCCESS),
	    "who has not said wants the bad news");
	ok(!dsn_wanted(&never, REPORT_FAILURE) &&
		!dsn_wanted(&never, REPORT_DELAY),
	    "NEVER is never");
	ok(dsn_wanted(&delay, REPORT_DELAY) &&
		!dsn_wanted(&delay, REPORT_FAILURE),
	    "DELAY is that only");
	ok(dsn_wanted(&success, REPORT_SUCCESS), "SUCCESS is wanted when said");
}

int
main(void)
{
	dir = tmpdir();
	test_status();
	test_wanted();
	test_failure();
	test_full();
	test_delay_and_success();
	test_utf8();
	test_hostile();
	test_many();
	test_damaged();
	return done();
}
