/* SPDX-License-Identifier: ISC */
/*
 * One address of a next hop: its name for people, and our own address for
 * connections to it.
 */
#ifndef SENDER_TARGET_H
#define SENDER_TARGET_H

#include "resolve.h"

#define TARGET_NAME_SIZE 320

/* "mx.example[192.0.2.1]:25", "[192.0.2.1]:25", or the path of a socket. */
void target_name(const struct target *t, char out[TARGET_NAME_SIZE]);

/* NULL: the system chooses. */
const struct sockaddr *target_source(const struct target *t);

#endif
