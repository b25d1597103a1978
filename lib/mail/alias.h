/* SPDX-License-Identifier: ISC */
/*
 * Aliases: who is meant by an address of ours.  Layer: mail.
 */
#ifndef MAIL_ALIAS_H
#define MAIL_ALIAS_H

#include <stddef.h>

#include "base/buf.h"
#include "mail/map.h"

#define ALIAS_WIDTH_MAX 1000 /* addresses that one stands for, all levels */
#define ALIAS_DEPTH_MAX 32

/*
 * Append the addresses that an alias stands for, with a blank between, each
 * once: those that are aliases themselves are followed, one that names itself
 * is kept.  where_r, when given, becomes FILE:LINE.  1; 0: it is no alias; -1:
 * the map is damaged or holds a wider one than cdbmaps lets pass.
 *
 * A catch-all, "@domain", is asked when nothing else knows the address: it is
 * no listed recipient and has no route of its own.
 */
int alias_expand(
    struct map *m, const char *address, struct buf *out, char where_r[256]);

/* Do others take the place of that recipient, since it is rewritten or an
 * alias?  1, 0 or -1. */
int alias_replaces(struct map *m, const char *address);

#endif
