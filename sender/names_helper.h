/* SPDX-License-Identifier: ISC */
/*
 * The processes that talk to DNS servers, through libunbound; the only file
 * that does.  One asks and reads packets.  It holds no descriptor but its pair,
 * its log and its own sockets, can open no file and knows no secret: whoever
 * takes it over by a packet can give wrong answers and talk to the network.  The
 * other, its parent and the worker's child, starts it anew when it dies.
 *
 * Each set of servers has a context of its own, with its own cache, which
 * asks these servers only: never the host's, never the root's.
 */
#ifndef SENDER_NAMES_HELPER_H
#define SENDER_NAMES_HELPER_H

/* For channel_helper(): answer questions (names_message.h) until the worker
 * is gone. */
void names_helper_main(int fd, void *arg);

#endif
