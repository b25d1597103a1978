/* SPDX-License-Identifier: ISC */
/*
 * A host that mail may be given to: a name and the addresses that were found,
 * or an address or a path that needs no look-up.
 */
#ifndef SENDER_HOST_H
#define SENDER_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "names.h"
#include "resolve.h"

#define HOST_ADDRESSES_MAX 10 /* of each family */

enum family { IPV4, IPV6 };
#define FAMILIES 2

struct host {
	char name[NAMES_HOST_SIZE]; /* as shown */
	char ask[NAMES_HOST_SIZE];  /* as looked up, with the zone; "": not */
	unsigned preference;        /* of an MX host */
	struct sockaddr_storage fixed; /* when nothing is looked up */
	socklen_t fixed_len;           /* 0: look it up */
	uint16_t port;
	uint8_t addresses[FAMILIES][HOST_ADDRESSES_MAX][16];
	size_t naddresses[FAMILIES];
	bool alias; /* the name is one */
};

/*
 * Say what the host is: a name, which is looked up below `zone` unless that is
 * "" or holds the name already; an address in text; the path of a socket.
 * Each 0, or -1 when it is none or too long.
 */
int host_name(struct host *h, struct str name, const char *zone);
int host_fix_address(struct host *h, struct str text);
int host_fix_unix(struct host *h, struct str path);

/* Take the addresses of an answer of type A or AAAA. */
void host_add_addresses(struct host *h, const struct names_answer *a);

/*
 * Append all its addresses to targets[0..*n): the two families in turn, so
 * that a dead way out of one of them costs no more than every other attempt.
 */
void host_targets(
    const struct host *h, bool ipv6_first, struct target **targets, size_t *n);

#endif
