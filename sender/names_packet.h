/* SPDX-License-Identifier: ISC */
/*
 * From a DNS packet to an answer.  The only file that takes packets apart;
 * what is malformed, a host name with odd characters included, is left out or
 * makes the whole answer a temporary failure.
 */
#ifndef SENDER_NAMES_PACKET_H
#define SENDER_NAMES_PACKET_H

#include <stddef.h>

#include "names.h"

/* Read the answer to the question (type, name). */
void names_packet_read(const void *packet, size_t len, enum names_type type,
    const char *name, struct names_answer *a_r);

#endif
