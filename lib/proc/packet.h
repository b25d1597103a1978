/* SPDX-License-Identifier: ISC */
/*
 * One message over a pair of SOCK_SEQPACKET sockets, with a descriptor or
 * without.  Layer: proc.
 */
#ifndef PROC_PACKET_H
#define PROC_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Send without waiting; `passed` (-1: none) stays the caller's.  0, or -1 and
 * errno. */
int packet_send(int fd, const void *data, size_t len, int passed);
/* Does this errno of packet_send() mean that the pair is full, of messages or
 * of descriptors that nobody has received yet? */
bool packet_full(int error);

/* What recvmsg(2) returns.  *passed_r is the descriptor that came along, with
 * FD_CLOEXEC, or -1: none came, or there was no place for it in this process. */
ssize_t packet_receive(int fd, void *data, size_t size, int *passed_r);

#endif
