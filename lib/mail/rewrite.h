/* SPDX-License-Identifier: ISC */
/*
 * One address in the place of another, by the table rewrites.  Layer: mail.
 */
#ifndef MAIL_REWRITE_H
#define MAIL_REWRITE_H

#include "mail/address.h"
#include "mail/map.h"

enum rewrite {
	REWRITE_RECIPIENT = 'r', /* before it is routed */
	REWRITE_SENDER = 's',    /* as it is sent on */
};

/*
 * What is written for the address itself, else for "@domain".  It is applied
 * once: what comes out is not looked up again.  out_r is then the new address
 * and where_r, when given, FILE:LINE.  1; 0: it stays; -1: the map is damaged.
 */
int rewrite_find(struct map *m, enum rewrite what, const char *address,
    char out_r[ADDRESS_MAX + 1], char where_r[256]);

#endif
