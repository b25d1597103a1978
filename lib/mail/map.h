/* SPDX-License-Identifier: ISC */
/*
 * The compiled map, map/stagepost.cdb in the spool root: everything that an
 * operator has written, checked and compiled by cdbmaps.  Layer: mail.
 *
 * A daemon sees the whole of one configuration or the whole of the next.  Keys
 * begin with a letter for their table; values are text, and each begins with
 * "FILE:LINE\t", where it was written.  Only this module, its users in lib/mail
 * (settings, network, profile, route) and cdbmaps know them:
 *
 *	S<name>         setting; given several times it has a line for each,
 *	                and each line begins with its own "FILE:LINE\t"
 *	D<domain>       local domain: its route; "": the setting local-route
 *	C<domain>       it lists its recipients; the value says no more
 *	L<address>      a recipient, or with "@domain" all others in that domain
 *	A<address>      alias: addresses, a blank between; or "@domain"
 *	Ur<address>     recipient rewritten, or "@domain"; Us: sender
 *	R<pattern>      routing table: address, domain, .parent
 *	R*              the default route
 *	F<pattern>      the same, limited to senders; F alone: there are some
 *	W<domain>       address patterns of a domain, .parent or "*"; W alone:
 *	                there are some
 *	X               regular expressions
 *	                (F, W, X: a line for each entry, which begins with its
 *	                own "FILE:LINE\t", then "SENDER\tPATTERN\tROUTE")
 *	O<number>       rule, as its row; numbers from 0
 *	P<name>         profile, every key of it; P alone: the longest retry
 *	                delay of all, in seconds
 *	N4<len><bytes>  network: what clients in it may do (N6 likewise); len is
 *	                one byte
 *	N4, N6          the prefix lengths in use, "8 24 32"
 *	G               generation, a number that grows with each compilation;
 *	                its place is MAP_FORMAT
 */
#ifndef MAIL_MAP_H
#define MAIL_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct map;

#define MAP_FILE   "stagepost.cdb"
#define MAP_FORMAT "map:1" /* another one is refused */

/* Open the map in that directory.  NULL with the reason logged.  Stores NULL. */
struct map *map_open(int map_dirfd);
void map_close(struct map **m);

/*
 * Has cdbmaps put a new map in place?  If so open it: true when *m is now the
 * new one (the old one is closed: nothing may point into it any more).  A new
 * map that is damaged is logged once and the old one kept.  Has somebody written
 * into ours instead, it is opened anew; if it is damaged then nothing is found
 * in it, not even that there is nothing, until there is a good one.
 */
bool map_refresh(struct map **m);

/*
 * A place for what was made of the map, the expressions of route_lines.c and
 * the profile and the route that were read last: kept as long as the map is open, then given
 * to free_kept().  NULL at first.
 */
enum map_keeps {
	MAP_KEEPS_EXPRESSIONS,
	MAP_KEEPS_PROFILE,
	MAP_KEEPS_ROUTE,
	MAP_KEEPS
};
void **map_keep(
    struct map *m, enum map_keeps what, void (*free_kept)(void *kept));

uint64_t map_generation(const struct map *m);

/* 1 found, 0 absent, -1 damaged (logged; a temporary failure).  `table` is the
 * letter.  *where_r (may be NULL) is "FILE:LINE", *value_r the rest; valid
 * until the map is closed or refreshed. */
int map_find(struct map *m, char table, struct str key, struct str *where_r,
    struct str *value_r);

#endif
