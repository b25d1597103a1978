/* SPDX-License-Identifier: ISC */
#include "client.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "letter.h"
#include "ticks.h"

enum { BACKOFF_MS = 20, EVENTS = 256, COMMAND_MAX = 1024 };

/* What a session waits for. */
enum step {
	STEP_CONNECT,
	STEP_GREETING,
	STEP_EHLO,
	STEP_ENVELOPE,
	STEP_CONTENT,
	STEP_RSET,
	STEP_QUIT,
	STEP_PAUSE, /* the back-off before connecting again */
	STEP_DONE,
};

static const char *const step_names[] = {"connect", "greeting", "ehlo",
    "envelope", "content", "rset", "quit", "pause", "done"};

struct session {
	int fd;
	enum step step;
	bool has_message;
	struct letter letter;
	unsigned asked, answered; /* commands of this envelope */
	char refusal[512];        /* the first bad answer to the envelope */
	char line[1024];
	size_t line_len;
	char *out; /* not yet written */
	size_t out_len, out_size;
	size_t body_left; /* of the shared body, to be written after out */
	bool watches_out; /* the poller reports when more can be written */
	long long due_ms; /* end of the pause */
	struct session *next_paused;
};

static const struct client_plan *plan;
static struct client_count count;
static unsigned started;
static int poller;
static char *body; /* filler, final dot included */
static size_t body_len;
static struct session *paused, **paused_end = &paused;

static void next_message(struct session *s);

static void
record(const char *event, const struct session *s, const char *detail)
{
	struct timespec ts;

	if (plan->log == NULL)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	fprintf(plan->log, "%s %s %lld.%06ld %s\n", event, s->letter.id,
	    (long long)ts.tv_sec, ts.tv_nsec / 1000, detail);
}

static void
out_reserve(struct session *s)
{
	if (s->out_len + COMMAND_MAX <= s->out_size)
		return;
	s->out_size = s->out_len + 4 * COMMAND_MAX;
	s->out = realloc(s->out, s->out_size);
	if (s->out == NULL)
		err(1, "realloc");
}

static void __attribute__((format(printf, 2, 3)))
out_add(struct session *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	out_reserve(s);
	va_start(ap, fmt);
	n = vsnprintf(s->out + s->out_len, COMMAND_MAX, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= COMMAND_MAX)
		errx(2, "a command is too long");
	s->out_len += (size_t)n;
}

static void
watch_out(struct session *s, bool want)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};

	if (s->watches_out == want)
		return;
	if (want)
		ev.events |= EPOLLOUT;
	if (epoll_ctl(poller, EPOLL_CTL_MOD, s->fd, &ev) == -1)
		err(1, "epoll_ctl");
	s->watches_out = want;
}

static int
out_flush(struct session *s)
{
	struct iovec iov[2];
	ssize_t n;
	size_t head;

	while (s->out_len + s->body_left > 0) {
		iov[0] = (struct iovec){s->out, s->out_len};
		iov[1] = (struct iovec){
		    body + body_len - s->body_left, s->body_left};
		n = writev(s->fd, iov, 2);
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1)
			return -1;
		head = (size_t)n < s->out_len ? (size_t)n : s->out_len;
		memmove(s->out, s->out + head, s->out_len - head);
		s->out_len -= head;
		s->body_left -= (size_t)n - head;
	}
	watch_out(s, s->out_len + s->body_left > 0);
	return 0;
}

static void
disconnect(struct session *s)
{
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	s->line_len = s->out_len = s->body_left = 0;
}

static void
pause_session(struct session *s)
{
	disconnect(s);
	s->step = STEP_PAUSE;
	s->due_ms = ticks_ms() + BACKOFF_MS;
	s->next_paused = NULL;
	*paused_end = s;
	paused_end = &s->next_paused;
}

/* The message in hand has its answer.  True: try it again, under a new id. */
static bool
settle(struct session *s, const char *event, const char *detail, bool final)
{
	record(event, s, detail);
	if (!final && plan->retry) {
		letter_retry(&s->letter, plan->prefix);
		return true;
	}
	s->has_message = false;
	count.finished++;
	return false;
}

/* The connection ended, by whatever cause, or could not be made. */
static void
on_lost(struct session *s)
{
	if (s->has_message) {
		count.lost++;
		settle(s, "lost", step_names[s->step], false);
	}
	pause_session(s);
}

static void
ask_recipient(struct session *s, const char *pattern)
{
	char address[512];

	letter_recipient(&s->letter, pattern, address, sizeof(address));
	out_add(s, "RCPT TO:<%s>\r\n", address);
}

static void
ask_envelope(struct session *s)
{
	unsigned last = plan->n_recipients + 1;

	do {
		if (s->asked == 0)
			out_add(s, "MAIL FROM:<%s>\r\n", plan->sender);
		else if (s->asked < last)
			ask_recipient(s, plan->recipients[s->asked - 1]);
		else
			out_add(s, "DATA\r\n");
		s->asked++;
	} while (plan->pipeline && s->asked <= last);
}

static void
begin_envelope(struct session *s)
{
	s->step = STEP_ENVELOPE;
	s->asked = s->answered = 0;
	s->refusal[0] = '\0';
	ask_envelope(s);
}

static void
send_content(struct session *s)
{
	out_reserve(s);
	s->out_len += (size_t)letter_header(
	    &s->letter, plan->sender, s->out + s->out_len, COMMAND_MAX);
	s->body_left = body_len;
	s->step = STEP_CONTENT;
}

/* The server does not want this message; is the connection still good? */
static void
on_refused(struct session *s, const char *reply, bool usable)
{
	count.refused++;
	if (settle(s, "refused", reply, reply[0] == '5')) {
		pause_session(s);
		return;
	}
	if (!usable) {
		disconnect(s);
		next_message(s);
		return;
	}
	out_add(s, "RSET\r\n");
	s->step = STEP_RSET;
}

static void
on_envelope_reply(struct session *s, const char *reply)
{
	unsigned all = plan->n_recipients + 2;
	bool good = reply[0] == (s->answered == all - 1 ? '3' : '2');

	s->answered++;
	if (!good && s->refusal[0] == '\0')
		snprintf(s->refusal, sizeof(s->refusal), "%s", reply);
	if (s->answered < s->asked)
		return;
	/* After a 354 all the same only hanging up helps. */
	if (s->refusal[0] != '\0')
		on_refused(s, s->refusal, reply[0] != '3');
	else if (s->answered < all)
		ask_envelope(s);
	else
		send_content(s);
}

static void
on_content_reply(struct session *s, const char *reply)
{
	if (reply[0] != '2') {
		on_refused(s, reply, true);
		return;
	}
	settle(s, "acked", reply, true);
	count.acked++;
	if (plan->reuse) {
		next_message(s);
	} else {
		out_add(s, "QUIT\r\n");
		s->step = STEP_QUIT;
	}
}

static void
on_reply(struct session *s, const char *reply)
{
	if (strncmp(reply, "421", 3) == 0 && s->has_message) {
		on_refused(s, reply, false);
		return;
	}
	switch (s->step) {
	case STEP_GREETING:
	case STEP_EHLO:
		if (reply[0] != '2') {
			on_refused(s, reply, false);
		} else if (s->step == STEP_GREETING) {
			out_add(s, "EHLO load.example\r\n");
			s->step = STEP_EHLO;
		} else {
			begin_envelope(s);
		}
		break;
	case STEP_ENVELOPE:
		on_envelope_reply(s, reply);
		break;
	case STEP_CONTENT:
		on_content_reply(s, reply);
		break;
	case STEP_RSET:
		next_message(s);
		break;
	default: /* QUIT */
		disconnect(s);
		next_message(s);
	}
}

/* One line of the server's; only the last of a reply matters. */
static void
on_line(struct session *s)
{
	char line[sizeof(s->line)];

	memcpy(line, s->line, s->line_len);
	line[s->line_len] = '\0';
	if (s->line_len > 0 && line[s->line_len - 1] == '\r')
		line[s->line_len - 1] = '\0';
	s->line_len = 0;
	if (strlen(line) < 4 || line[3] != '-')
		on_reply(s, line);
}

static void
on_readable(struct session *s)
{
	char in[4096];
	ssize_t i, n;
	int fd = s->fd;

	n = read(fd, in, sizeof(in));
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		on_lost(s);
		return;
	}
	for (i = 0; i < n && s->fd == fd && s->step != STEP_CONNECT; i++) {
		if (in[i] == '\n')
			on_line(s);
		else if (s->line_len < sizeof(s->line) - 1)
			s->line[s->line_len++] = in[i];
	}
	if (s->fd == fd && s->step != STEP_CONNECT && out_flush(s) == -1)
		on_lost(s);
}

static void
on_event(struct session *s, unsigned events)
{
	int e = 0;
	socklen_t len = sizeof(e);

	if (s->fd == -1) /* an event of a connection ended in this turn */
		return;
	if (s->step == STEP_CONNECT) {
		getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &len);
		if (e != 0) {
			on_lost(s);
			return;
		}
		s->step = STEP_GREETING;
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		on_readable(s);
	else if (out_flush(s) == -1)
		on_lost(s);
}

/* Failing here is a lost try like any other. */
static void
connect_session(struct session *s)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = s};
	int one = 1;

	s->step = STEP_CONNECT;
	s->fd =
	    socket(plan->server.sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (s->fd == -1)
		err(1, "socket");
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(s->fd, (const void *)&plan->server.sa, plan->server.len) ==
		-1 &&
	    errno != EINPROGRESS) {
		on_lost(s);
		return;
	}
	if (epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &ev) == -1)
		err(1, "epoll_ctl");
	s->watches_out = true;
}

static void
next_message(struct session *s)
{
	if (started == plan->messages) {
		if (s->fd != -1 && write(s->fd, "QUIT\r\n", 6) == -1)
			warn("QUIT");
		disconnect(s);
		s->step = STEP_DONE;
		return;
	}
	letter_begin(&s->letter, started++);
	s->has_message = true;
	letter_retry(&s->letter, plan->prefix);
	if (s->fd != -1)
		begin_envelope(s);
	else
		connect_session(s);
}

static void
wake_paused(long long now)
{
	struct session *s;

	while ((s = paused) != NULL && s->due_ms <= now) {
		paused = s->next_paused;
		if (paused == NULL)
			paused_end = &paused;
		if (s->has_message)
			connect_session(s);
		else
			next_message(s);
	}
}

static int
work(int stall_s)
{
	struct epoll_event ev[EVENTS];
	long long now, last = ticks_ms();
	int i, n;

	while (count.finished < plan->messages) {
		n = epoll_wait(
		    poller, ev, EVENTS, paused != NULL ? BACKOFF_MS / 2 : 1000);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		now = ticks_ms();
		if (n > 0)
			last = now;
		if (now - last > stall_s * 1000LL)
			return -1;
		for (i = 0; i < n; i++)
			on_event(ev[i].data.ptr, ev[i].events);
		wake_paused(now);
	}
	return 0;
}

int
client_run(const struct client_plan *the_plan, int stall_s,
    struct client_count *count_r)
{
	struct session *sessions;
	unsigned i;
	int rc;

	plan = the_plan;
	body = letter_body(plan->size, &body_len);
	poller = epoll_create1(EPOLL_CLOEXEC);
	sessions = calloc(plan->sessions, sizeof(*sessions));
	if (poller == -1 || sessions == NULL)
		err(1, "set up");
	for (i = 0; i < plan->sessions; i++) {
		sessions[i].fd = -1;
		next_message(&sessions[i]);
	}
	rc = work(stall_s);
	for (i = 0; i < plan->sessions; i++) {
		disconnect(&sessions[i]);
		free(sessions[i].out);
	}
	free(sessions);
	free(body);
	close(poller);
	*count_r = count;
	return rc;
}
