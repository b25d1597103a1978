/* SPDX-License-Identifier: ISC */
/*
 * Who we are, so that mail is not sent to ourselves: our name, and where we
 * listen.
 */
#ifndef SENDER_SELF_H
#define SENDER_SELF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "mail/settings.h"

struct self {
	char hostname[256];
	struct endpoint *listeners; /* "any address" spelled out */
	size_t nlisteners;
	bool ipv6_first; /* there is a way to the IPv6 internet */
};

/* From settings and interfaces; what *self held is freed.  Twice is fine. */
void self_read(struct self *self, const struct settings *set);
void self_free(struct self *self);

bool self_is_name(const struct self *self, const char *host);
/* Address and port are one of ours. */
bool self_is_address(
    const struct self *self, const struct sockaddr_storage *addr);

#endif
