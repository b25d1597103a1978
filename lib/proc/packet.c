/* SPDX-License-Identifier: ISC */
#include "proc/packet.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* A message, and room for one descriptor beside it. */
struct packet {
	struct iovec bytes;
	struct msghdr header;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
};

static void
packet_init(struct packet *p, void *data, size_t len)
{
	p->bytes = (struct iovec){.iov_base = data, .iov_len = len};
	p->header = (struct msghdr){
	    .msg_iov = &p->bytes,
	    .msg_iovlen = 1,
	    .msg_control = p->control.space,
	    .msg_controllen = sizeof(p->control.space),
	};
}

static void
packet_pass(struct packet *p, int fd)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(&p->header);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
}

static int
packet_passed(struct packet *p)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(&p->header);
	int fd = -1;

	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int
packet_send(int fd, const void *data, size_t len, int passed)
{
	struct packet p;
	ssize_t n;

	packet_init(&p, (void *)(uintptr_t)data, len);
	if (passed == -1)
		p.header.msg_controllen = 0;
	else
		packet_pass(&p, passed);
	do
		n = sendmsg(fd, &p.header, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

bool
packet_full(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ETOOMANYREFS;
}

ssize_t
packet_receive(int fd, void *data, size_t size, int *passed_r)
{
	struct packet p;
	ssize_t n;

	do {
		packet_init(&p, data, size);
		n = recvmsg(fd, &p.header, MSG_CMSG_CLOEXEC);
	} while (n == -1 && errno == EINTR);
	*passed_r = n > 0 ? packet_passed(&p) : -1;
	return n;
}
