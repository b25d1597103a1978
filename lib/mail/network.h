/* SPDX-License-Identifier: ISC */
/*
 * What a client may do by its address: the most specific network of the
 * settings that holds it.  Layer: mail.
 */
#ifndef MAIL_NETWORK_H
#define MAIL_NETWORK_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/str.h"
#include "mail/map.h"

enum network_right {
	NETWORK_RELAY = 1,   /* relay-from: may send anywhere */
	NETWORK_BARE_LF = 2, /* bare-lf normalise: old printers, scripts */
};

struct cidr {
	uint8_t bytes[16]; /* host bits are 0 */
	unsigned len;      /* prefix length */
	unsigned size;     /* 4 or 16 bytes */
};

/* "192.0.2.0/24", "2001:db8::/32", or an address alone: NULL, or what was
 * expected.  v4-mapped IPv6 becomes IPv4. */
const char *cidr_parse(struct str text, struct cidr *c_r);

#define CIDR_KEY_MAX   18
#define CIDR_TEXT_SIZE 64

/* The key under N in the map; its length. */
size_t cidr_key(const struct cidr *c, char out[CIDR_KEY_MAX]);
int cidr_from_key(struct str key, struct cidr *c_r); /* 0, or -1 */
void cidr_format(const struct cidr *c, char out[CIDR_TEXT_SIZE]);
/* A whole address: 0, or -1 when it is not of IP. */
int cidr_from_sockaddr(const struct sockaddr *sa, struct cidr *c_r);
/* The network of that length around it. */
struct cidr cidr_network(const struct cidr *c, unsigned len);

/* The written right, "relay" or "bare-lf", and what was read of them. */
const char *network_right_name(enum network_right right);
int network_rights_parse(struct str text); /* bits */

/* Bits of enum network_right, joined over all networks that hold the address;
 * -1: the map is damaged. */
int network_rights(struct map *m, const struct sockaddr *client);

#endif
