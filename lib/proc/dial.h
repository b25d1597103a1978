/* SPDX-License-Identifier: ISC */
/*
 * The beginning of a connection outwards.  Layer: proc.
 */
#ifndef PROC_DIAL_H
#define PROC_DIAL_H

#include <sys/socket.h>

/*
 * Make a non-blocking stream socket and begin to connect it, from `source`
 * unless that is NULL.  Returns the socket, with TCP_NODELAY, or -1 and errno
 * when none could be made.  *error_r is 0 while the connection is under way or
 * there, else why it failed.
 */
int dial(
    const struct sockaddr *to, const struct sockaddr *source, int *error_r);

#endif
