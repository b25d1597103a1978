/* SPDX-License-Identifier: ISC */
/*
 * An address with its port, as people write it.  Layer: mail.
 *
 *	192.0.2.1  192.0.2.1:2525  [192.0.2.1]:2525
 *	[2001:db8::1]:25  [IPv6:2001:db8::1]  2001:db8::1
 */
#ifndef MAIL_ENDPOINT_H
#define MAIL_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/str.h"

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char name[64]; /* as shown: "127.0.0.1:2525", "[::1]:25" */
};

/* NULL, or what was expected.  `port` is the one when none is written. */
const char *endpoint_parse(
    struct str text, uint16_t port, struct endpoint *e_r);

uint16_t endpoint_port(const struct endpoint *e);
bool endpoint_same(const struct endpoint *a, const struct endpoint *b);

/* An address alone, without port and brackets: its family and its bytes (4 or
 * 16, in network order), or -1 when it is none. */
int endpoint_address(struct str text, uint8_t bytes_r[16]);

#endif
