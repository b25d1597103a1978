/* SPDX-License-Identifier: ISC */
#include "proc/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "proc/loop.h"
#include "tap.h"

#define BIG (8 << 20)

/* One stream under test and what it has been told. */
struct stream {
	struct io *io;
	struct buf told;
	struct buf got;    /* taken off io_in() */
	const char *stop;  /* events that end the loop */
	const char *close; /* events on which the handler closes it */
	size_t to_send;
};

static const char *const letters = "cdvetxs"; /* in the order of io_event */

static void
on_event(struct io *io, enum io_event what, void *arg)
{
	struct stream *s = arg;
	struct buf *in = io_in(io);

	buf_add_char(&s->told, letters[what]);
	if (what == IO_DATA) {
		buf_add(&s->got, in->data, in->len);
		buf_drop(in, in->len);
	}
	if (s->close != NULL && strchr(s->close, letters[what]) != NULL)
		io_close(&s->io);
	if (strchr(s->stop, letters[what]) != NULL)
		loop_stop();
}

/* Run until one of these events, then compare all that were told. */
static void
expect(struct stream *s, const char *stop, const char *want, const char *what)
{
	s->stop = stop;
	loop_run();
	is_str(buf_text(&s->told), want, "%s", what);
	buf_clear(&s->told);
}

static void
expect_got(struct stream *s, const char *want, const char *what)
{
	is_str(buf_text(&s->got), want, "%s", what);
	buf_clear(&s->got);
}

static void
end(struct stream *s)
{
	io_close(&s->io);
	buf_free(&s->told);
	buf_free(&s->got);
}

/* A stream and the other end of its pair, which blocks. */
static int
begin_pair(struct stream *s, int type)
{
	int pair[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == -1)
		bail_out("make a pair of sockets");
	fd_nonblock(pair[0]);
	*s = (struct stream){.stop = ""};
	s->io = io_new(pair[0], on_event, s);
	return pair[1];
}

static void
test_read(void)
{
	struct stream s;
	int peer = begin_pair(&s, SOCK_STREAM);

	fd_write_all(peer, "hello", 5);
	expect(&s, "d", "d", "told of data");
	expect_got(&s, "hello", "which is there");
	ok(io_in(s.io)->cap == 0, "an empty buffer holds no memory");

	io_pause(s.io, true);
	fd_write_all(peer, "later", 5);
	io_timeout(s.io, 20);
	expect(&s, "dt", "t", "nothing is read while paused");
	io_pause(s.io, false);
	expect(&s, "d", "d", "but afterwards");
	expect_got(&s, "later", "nothing is lost");
	expect(&s, "t", "t", "silence since then is told");
	io_timeout(s.io, 0);

	fd_write_all(peer, "end", 3);
	fd_close(&peer);
	expect(&s, "e", "de", "the rest, then the end");
	end(&s);
	ok(s.io == NULL, "closing leaves nothing");
	io_close(&s.io);
}

/* SOCK_SEQPACKET shows the borders of writes. */
static void
test_write(void)
{
	struct stream s;
	int peer = begin_pair(&s, SOCK_SEQPACKET);
	char got[100] = "";

	io_write(s.io, "250-", 4);
	io_write(s.io, "one\r\n", 5);
	io_write(s.io, "250 two\r\n", 9);
	is_int(io_unsent(s.io), 18, "nothing leaves before the end of a turn");
	io_drain(s.io, 0);
	expect(&s, "v", "v", "told when all has left");
	is_int(read(peer, got, sizeof(got)), 18, "writes of a turn are one");
	is_mem(got, 18, "250-one\r\n250 two\r\n", 18, "in their order");
	is_int(io_unsent(s.io), 0, "nothing is unsent");
	io_write(s.io, "bye", 3);
	end(&s);
	is_int(read(peer, got, sizeof(got)), 3, "closing sends what is left");
	is_int(read(peer, got, sizeof(got)), 0, "then the end");
	fd_close(&peer);
}

/* ---- more than the kernel takes at once ---- */

static char pattern[251 * 256];

static void
send_more(struct io *io, enum io_event what, void *arg)
{
	struct stream *s = arg;
	size_t n;

	if (what != IO_DRAINED || s->to_send == 0) {
		on_event(io, what, arg);
		return;
	}
	n = s->to_send < sizeof(pattern) ? s->to_send : sizeof(pattern);
	io_write(io, pattern, n);
	s->to_send -= n;
	io_drain(io, s->to_send ? sizeof(pattern) / 2 : 0);
}

/* The peer, as a process: reads all of it and checks it. */
static void
check_all(int fd)
{
	static char data[BIG + 1];

	if (fd_read_full(fd, data, sizeof(data)) != BIG)
		_exit(1);
	for (size_t i = 0; i < BIG; i++) {
		if (data[i] != pattern[i % sizeof(pattern)])
			_exit(2);
	}
	_exit(0);
}

static void
test_big_write(void)
{
	struct stream s;
	int peer = begin_pair(&s, SOCK_STREAM), status, fd = dup(io_fd(s.io));
	pid_t child;

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 251;
	fd_nonblock(fd);
	end(&s);
	s = (struct stream){.to_send = BIG, .stop = ""};
	s.io = io_new(fd, send_more, &s);
	child = fork();
	if (child == 0) {
		close(fd);
		check_all(peer);
	}
	fd_close(&peer);
	io_drain(s.io, 0);
	expect(&s, "v", "v", "8 MiB are sent in parts");
	end(&s);
	waitpid(child, &status, 0);
	is_int(status, 0, "and arrive unchanged");
}

static void
test_big_read(void)
{
	struct stream s;
	int peer = begin_pair(&s, SOCK_STREAM);
	pid_t child = fork();
	bool same = true;

	if (child == 0) {
		for (size_t left = BIG, n; left > 0; left -= n) {
			n = left < sizeof(pattern) ? left : sizeof(pattern);
			fd_write_all(peer, pattern, n);
		}
		_exit(0);
	}
	fd_close(&peer);
	s.stop = "e";
	loop_run();
	is_int(s.got.len, BIG, "8 MiB are read");
	for (size_t i = 0; i < s.got.len; i++)
		same &= s.got.data[i] == pattern[i % sizeof(pattern)];
	ok(same, "unchanged");
	waitpid(child, NULL, 0);
	end(&s);
}

/* ---- TCP ---- */

static int
listen_tcp(struct sockaddr_in *at, int backlog)
{
	socklen_t size = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*at = (struct sockaddr_in){.sin_family = AF_INET};
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)at, size) == -1 ||
	    listen(fd, backlog) == -1 ||
	    getsockname(fd, (struct sockaddr *)at, &size) == -1)
		bail_out("listen on loopback");
	return fd;
}

static void
begin_connect(struct stream *s, const void *to, const void *source)
{
	*s = (struct stream){.stop = ""};
	s->io = io_connect(to, source, 10000, on_event, s);
	is_str(buf_text(&s->told), "", "connecting tells nothing at once");
}

static void
test_connect(void)
{
	struct sockaddr_in at, from = {.sin_family = AF_INET}, seen;
	socklen_t size = sizeof(seen), int_size = sizeof(int);
	int listener = listen_tcp(&at, 10), peer, nodelay = 0;
	struct stream s;
	char text[20];

	inet_pton(AF_INET, "127.0.0.7", &from.sin_addr);
	begin_connect(&s, &at, &from);
	io_write(s.io, "early", 5);
	expect(&s, "c", "c", "connected");
	peer = accept(listener, (struct sockaddr *)&seen, &size);
	inet_ntop(AF_INET, &seen.sin_addr, text, sizeof(text));
	is_str(text, "127.0.0.7", "from the source address");
	getsockopt(io_fd(s.io), IPPROTO_TCP, TCP_NODELAY, &nodelay, &int_size);
	ok(nodelay, "small writes are not held back");
	is_int(fd_read_full(peer, text, 5), 5, "what was written before comes");
	end(&s);
	fd_close(&peer);
	fd_close(&listener);

	begin_connect(&s, &at, NULL);
	expect(&s, "cx", "x", "refused: the listener is gone");
	is_int(io_error(s.io), ECONNREFUSED, "with the errno");
	end(&s);

	inet_pton(AF_INET, "192.0.2.1", &from.sin_addr);
	begin_connect(&s, &at, &from);
	expect(&s, "cx", "x", "an address that is not ours");
	is_int(io_error(s.io), EADDRNOTAVAIL, "with the errno");
	end(&s);
}

/* A listener whose queue is full drops what comes, as a dead host does. */
static void
test_connect_timeout(void)
{
	struct sockaddr_in at;
	int listener = listen_tcp(&at, 0), filler[3];
	struct stream s = {.stop = ""};
	int64_t began;

	for (int i = 0; i < 3; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(filler[i], (struct sockaddr *)&at, sizeof(at));
	}
	began = clock_steady_ms();
	s.io = io_connect((struct sockaddr *)&at, NULL, 50, on_event, &s);
	expect(&s, "cxt", "t", "no answer in time");
	ok(clock_steady_ms() - began >= 50, "not told before its time");
	end(&s);
	for (int i = 0; i < 3; i++)
		fd_close(&filler[i]);
	fd_close(&listener);
}

static void
test_unix(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
	struct stream s;

	tmpdir();
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", tmpdir_path());
	begin_connect(&s, &at, NULL);
	expect(&s, "cx", "x", "no such unix socket");
	is_int(io_error(s.io), ENOENT, "with the errno");
	end(&s);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(listener, 5) == -1)
		bail_out("listen on a unix socket");
	begin_connect(&s, &at, NULL);
	expect(&s, "cx", "c", "connects to one");
	peer = accept(listener, NULL, NULL);
	fd_write_all(peer, "hi", 2);
	expect(&s, "d", "d", "and reads from it");
	end(&s);
	fd_close(&peer);
	fd_close(&listener);
}

static void
reset(int *fd)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	fd_close(fd);
}

static void
test_reset(void)
{
	struct sockaddr_in at;
	int listener = listen_tcp(&at, 10), peer;
	struct stream s;

	begin_connect(&s, &at, NULL);
	expect(&s, "c", "c", "connected");
	peer = accept(listener, NULL, NULL);
	reset(&peer);
	expect(&s, "dex", "x", "a reset is an error");
	is_int(io_error(s.io), ECONNRESET, "with the errno");
	io_write(s.io, "in vain", 7);
	is_int(io_unsent(s.io), 0, "what is written then goes nowhere");
	end(&s);

	begin_connect(&s, &at, NULL);
	expect(&s, "c", "c", "connected");
	peer = accept(listener, NULL, NULL);
	fd_write_all(peer, "421 bye", 7);
	reset(&peer);
	io_write(s.io, "MAIL", 4);
	expect(&s, "x", "dx", "writing fails: why comes first, then the error");
	expect_got(&s, "421 bye", "what the peer said before");
	end(&s);
	fd_close(&listener);
}

/* ---- closed by its own handler, on each event ---- */

static void
test_close_in_handler(void)
{
	struct stream s;
	int peer = begin_pair(&s, SOCK_STREAM);

	s.close = "d";
	fd_write_all(peer, "x", 1);
	expect(&s, "d", "d", "closed on data");
	fd_close(&peer);
	end(&s);

	peer = begin_pair(&s, SOCK_STREAM);
	s.close = "e";
	fd_close(&peer);
	expect(&s, "e", "e", "closed at the end");
	end(&s);

	peer = begin_pair(&s, SOCK_STREAM);
	s.close = "v";
	io_write(s.io, "x", 1);
	io_drain(s.io, 0);
	fd_write_all(peer, "unread", 6);
	io_pause(s.io, true);
	expect(&s, "v", "v", "closed when drained");
	fd_close(&peer);
	end(&s);

	peer = begin_pair(&s, SOCK_STREAM);
	s.close = "t";
	io_timeout(s.io, 1);
	expect(&s, "t", "t", "closed on silence");
	fd_close(&peer);
	end(&s);

	peer = begin_pair(&s, SOCK_STREAM);
	s.close = "x";
	fd_close(&peer);
	io_pause(s.io, true);
	io_write(s.io, "x", 1);
	expect(&s, "x", "x", "closed on an error");
	ok(s.io == NULL, "each was gone");
	end(&s);
}

int
main(void)
{
	loop_init();
	test_read();
	test_write();
	test_big_write();
	test_big_read();
	test_connect();
	test_connect_timeout();
	test_unix();
	test_reset();
	test_close_in_handler();
	return done();
}
