/* SPDX-License-Identifier: ISC */
/*
 * call-fault: run a room, count the file-system and network calls of all its
 * processes together, and do something to the one whose turn it is.
 *
 *	call-fault CONTROL PROGRAM [ARGUMENT]...
 *
 * CONTROL is a file of one struct control, which both sides map; callfault.py
 * writes the upper half of it, this program the lower one.  What may happen:
 *
 *	kill	the whole room dies, by SIGKILL, in place of the call
 *	error	the call is not made and answers with an errno
 *	short	a write takes half of its bytes
 *
 *	count	nothing, but how many calls each of these is possible for
 *
 * With names of calls in FAULT_CALLS, between blanks, no others are counted.
 *
 * Once, or, held, at that call and all later ones of the same number until it
 * is lifted.  Only calls that can end so are counted: ENOSPC is no answer of a
 * read, EMFILE none of a rename.
 *
 * The room runs in a process namespace of its own: when its first process dies
 * all die.  The kernel asks us about each call (seccomp_unotify(2)); standard
 * error is left alone, it is the log.
 *
 * Exit: 100 when it killed the room, else what the room's first process said.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

#define EXIT_KILLED 100

enum action {
	ACTION_NONE,
	ACTION_KILL,
	ACTION_ERROR,
	ACTION_SHORT,
	ACTION_COUNT,
};

struct control {
	/* from the test; `order` grows, and SIGUSR1 says that there is one */
	int64_t order;
	int64_t action;
	int64_t error;
	int64_t hold;
	int64_t at; /* of the calls counted from then on; the first is 1 */
	/* from us; `obeyed` becomes the order's number: from then on nothing
	 * happens that the one before said */
	int64_t obeyed;
	int64_t calls;   /* all that we were asked about */
	int64_t counted; /* those that the action is possible for */
	int64_t hits;
	int64_t first;          /* the process */
	int64_t possible[ENDS]; /* counted by what they may end with */
	char what[256];
};

/* ---- looking into the room ---- */

static void
fd_path(pid_t pid, uint64_t fd, char *out, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, (int)fd);
	n = readlink(link, out, size - 1);
	out[n > 0 ? n : 0] = '\0';
}

static int
take_fd(pid_t pid, uint64_t fd)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0), taken;

	if (process == -1)
		return -1;
	taken = (int)syscall(SYS_pidfd_getfd, process, (int)fd, 0);
	close(process);
	return taken;
}

static unsigned
thing_of(pid_t pid, uint64_t fd)
{
	int taken = take_fd(pid, fd), type = 0;
	unsigned thing = OTHERS;
	socklen_t len = sizeof(type);
	struct stat st;

	if (taken == -1 || fstat(taken, &st) == -1)
		thing = OTHERS;
	else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		thing = FILES;
	else if (S_ISSOCK(st.st_mode) &&
		 getsockopt(taken, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
		 type == SOCK_STREAM)
		thing = STREAMS;
	if (taken != -1)
		close(taken);
	return thing;
}

static void
read_memory(pid_t pid, uint64_t at, char *out, size_t size)
{
	struct iovec own = {.iov_base = out, .iov_len = size};
	struct iovec its = {.iov_base = (void *)(uintptr_t)at, .iov_len = size};
	ssize_t n;

	/* not over the end of a page: what is behind may not be there */
	if (its.iov_len > 4096 - at % 4096)
		its.iov_len = 4096 - at % 4096;
	n = process_vm_readv(pid, &own, 1, &its, 1, 0);
	out[n <= 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1] = '\0';
}

/* The call in words: PROCESS: name(where, "path"). */
static void
describe(const struct call *c, const struct seccomp_notif *n, char out[256])
{
	char fd[100] = "", path[100] = "", who[32] = "", comm[64];
	const uint64_t *args = (const uint64_t *)n->data.args;
	FILE *f;

	snprintf(comm, sizeof(comm), "/proc/%d/cmdline", (int)n->pid);
	if ((f = fopen(comm, "r")) != NULL) {
		if (fgets(who, sizeof(who), f) == NULL)
			who[0] = '\0';
		fclose(f);
	}
	fd_path((pid_t)n->pid, args[0], fd, sizeof(fd));
	if (c->path > 0)
		read_memory((pid_t)n->pid, args[c->path], path, sizeof(path));
	snprintf(out, 256, "%.30s: %s(%s%s%s)", who, c->name, fd,
	    *path != '\0' ? ", " : "", path);
}

/* ---- answers ---- */

/* May the call end so? */
static bool
may_end(const struct call *c, const struct seccomp_notif *n, unsigned bit)
{
	const uint64_t *args = (const uint64_t *)n->data.args;

	if (bit == SPACE && c->number == SYS_openat && (args[2] & O_CREAT))
		return true;
	if ((c->errors & bit) == 0)
		return false;
	if (bit == SHORT && args[2] < 2)
		return false;
	return c->things == ANY ||
	       (c->things & thing_of((pid_t)n->pid, args[0])) != 0;
}

static bool
is_possible(const struct control *ctl, const struct call *c,
    const struct seccomp_notif *n)
{
	switch (ctl->action) {
	case ACTION_KILL:
		return true;
	case ACTION_ERROR:
		return may_end(c, n, error_bit(ctl->error));
	case ACTION_SHORT:
		return may_end(c, n, SHORT);
	}
	return false;
}

static void
count_possible(
    struct control *ctl, const struct call *c, const struct seccomp_notif *n)
{
	for (unsigned i = 0; i < ENDS; i++)
		ctl->possible[i] += may_end(c, n, 1U << i);
}

/* Half of it, made for the process; -1 when it cannot be. */
static int64_t
write_half(const struct seccomp_notif *n)
{
	const uint64_t *args = (const uint64_t *)n->data.args;
	size_t len = args[2] / 2;
	char *data = malloc(len);
	struct iovec own = {.iov_base = data, .iov_len = len};
	struct iovec its = {
	    .iov_base = (void *)(uintptr_t)args[1], .iov_len = len};
	int64_t done = -1;
	int fd = take_fd((pid_t)n->pid, args[0]);

	if (data == NULL)
		err(2, "malloc");
	if (fd != -1 && process_vm_readv((pid_t)n->pid, &own, 1, &its, 1, 0) ==
			    (ssize_t)len) {
		if (n->data.nr == SYS_write)
			done = write(fd, data, len);
		else if (n->data.nr == SYS_pwrite64)
			done = pwrite(fd, data, len, (off_t)args[3]);
		else
			done = send(fd, data, len, (int)args[3] | MSG_NOSIGNAL);
	}
	if (fd != -1)
		close(fd);
	free(data);
	return done;
}

static struct {
	struct control *ctl;
	pid_t room;
	int listener;
	int held;      /* the number of the call that goes on failing, or -1 */
	bool disarmed; /* it happened */
	bool killed;   /* the room, by us */
} self = {.held = -1};

/* What was counted under the last order stays to be read when it is lifted. */
static void
take_order(void)
{
	struct control *ctl = self.ctl;
	int64_t order = __atomic_load_n(&ctl->order, __ATOMIC_ACQUIRE);

	if (ctl->action != ACTION_NONE) {
		ctl->calls = ctl->counted = ctl->hits = 0;
		memset(ctl->possible, 0, sizeof(ctl->possible));
	}
	self.held = -1;
	self.disarmed = false;
	__atomic_store_n(&ctl->obeyed, order, __ATOMIC_RELEASE);
}

static bool
its_turn(const struct call *c, const struct seccomp_notif *n)
{
	struct control *ctl = self.ctl;

	ctl->calls++;
	if (ctl->action == ACTION_COUNT)
		count_possible(ctl, c, n);
	if (ctl->action == ACTION_NONE || self.disarmed ||
	    (self.held != -1 && self.held != c->number) ||
	    !is_possible(ctl, c, n))
		return false;
	ctl->counted++;
	return self.held == c->number || ctl->counted == ctl->at;
}

static void
strike(const struct call *c, const struct seccomp_notif *n,
    struct seccomp_notif_resp *answer)
{
	struct control *ctl = self.ctl;
	int64_t done;

	if (ctl->hits == 0)
		describe(c, n, ctl->what);
	if (ctl->action == ACTION_SHORT) {
		if ((done = write_half(n)) == -1)
			return; /* as if it had not been its turn */
		answer->val = done;
		answer->flags = 0;
	} else if (ctl->action == ACTION_ERROR) {
		answer->error = -(int)ctl->error;
		answer->flags = 0;
	} else {
		self.killed = true;
		kill(self.room, SIGKILL);
	}
	if (ctl->hold)
		self.held = c->number;
	else
		self.disarmed = true;
	__atomic_add_fetch(&ctl->hits, 1, __ATOMIC_RELEASE);
}

static void
on_call(void)
{
	struct seccomp_notif n = {0};
	struct seccomp_notif_resp answer = {0};
	const struct call *c;

	if (ioctl(self.listener, SECCOMP_IOCTL_NOTIF_RECV, &n) == -1) {
		if (errno == EINTR || errno == ENOENT)
			return;
		err(2, "receive a call");
	}
	answer.id = n.id;
	answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	c = call_find(n.data.nr);
	if (c != NULL && its_turn(c, &n))
		strike(c, &n, &answer);
	if (ioctl(self.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == -1 &&
	    errno != ENOENT) /* else it is dead, or took a signal */
		err(2, "answer a call");
}

/* ---- the room ---- */

static struct sock_filter
jump_if(unsigned value, unsigned char yes, unsigned char no)
{
	return (struct sock_filter)BPF_JUMP(
	    BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}

/*
 *	nr; each call: to ASK; ALLOW: allow
 *	ASK: descriptor 2 of write(2): allow, else ask
 */
static int
filter_calls(void)
{
	struct sock_filter code[CALLS + 7];
	struct sock_fprog program = {.filter = code};
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALLS; i++)
		code[n++] = jump_if(is_asked_about(&calls[i])
					? (unsigned)calls[i].number
					: NO_CALL,
		    (unsigned char)(CALLS - i), 0);
	code[n++] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = jump_if(SYS_write, 0, 2);
	code[n++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]));
	code[n++] = jump_if(STDERR_FILENO, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(
	    BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	code[n++] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* Its first process.  From the filter on no call may be made that it asks
 * about before we listen: the number goes over shared memory. */
static void
become_room(char *argv[], volatile int *listener)
{
	sigset_t none;
	int fd;

	sigemptyset(&none);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) == -1)
		err(2, "begin the room");
	if ((fd = filter_calls()) == -1)
		err(2, "seccomp");
	*listener = fd;
	while (*listener != -1)
		sched_yield();
	execv(argv[0], argv);
	err(2, "%s", argv[0]);
}

static void
start(char *argv[])
{
	volatile int *listener;
	int process;

	listener = mmap(NULL, sizeof(*listener), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (listener == MAP_FAILED)
		err(2, "mmap");
	*listener = -1;
	if (unshare(CLONE_NEWPID) == -1)
		err(2, "unshare");
	if ((self.room = fork()) == -1)
		err(2, "fork");
	if (self.room == 0)
		become_room(argv, listener);
	while (*listener == -1) {
		if (waitpid(self.room, NULL, WNOHANG) != 0)
			exit(2); /* it has said why */
		sched_yield();
	}
	process = (int)syscall(SYS_pidfd_open, self.room, 0);
	self.listener =
	    (int)syscall(SYS_pidfd_getfd, process, (int)*listener, 0);
	if (self.listener == -1)
		err(2, "pidfd_getfd");
	close(process);
	self.ctl->first = self.room;
	*listener = -1;
}

/* ---- watching it ---- */

static void
on_signal(int signals)
{
	struct signalfd_siginfo info;
	int status;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1) {
		take_order();
		return;
	}
	if (info.ssi_signo != SIGCHLD) {
		kill(self.room, (int)info.ssi_signo);
		return;
	}
	if (waitpid(self.room, &status, WNOHANG) != self.room)
		return;
	if (self.killed)
		exit(EXIT_KILLED);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void
watch_over(int signals)
{
	struct pollfd fds[] = {
	    {.fd = signals,       .events = POLLIN},
	    {.fd = self.listener, .events = POLLIN},
	};

	if (poll(fds, 2, -1) == -1 && errno != EINTR)
		err(2, "poll");
	if (fds[1].revents & POLLIN)
		on_call();
	else if (fds[1].revents != 0)
		self.listener = -1; /* nobody is left; its end comes next */
	if (fds[0].revents != 0)
		on_signal(signals);
}

int
main(int argc, char *argv[])
{
	sigset_t set;
	int fd, signals;

	if (argc < 3)
		errx(2, "usage: call-fault CONTROL PROGRAM [ARGUMENT]...");
	if ((fd = open(argv[1], O_RDWR | O_CLOEXEC)) == -1)
		err(2, "%s", argv[1]);
	self.ctl = mmap(
	    NULL, sizeof(*self.ctl), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (self.ctl == MAP_FAILED)
		err(2, "map %s", argv[1]);
	close(fd);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals == -1)
		err(2, "signalfd");
	take_order();
	start(argv + 2);
	for (;;)
		watch_over(signals);
}
