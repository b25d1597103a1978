/* SPDX-License-Identifier: ISC */
/*
 * All rights of all rooms on one page.  Layer: proc.
 */
#ifndef PROC_ROOMS_H
#define PROC_ROOMS_H

#include <stdbool.h>

#include "mail/spool.h"

/* Names and users are room_name() and room_user(); which directories a room
 * opens is in the table of spool_layout.c. */
struct room_rights {
	bool in_stage;    /* member of group stage: may touch others' mail */
	bool may_accept;  /* network, inwards */
	bool may_connect; /* network, outwards */
};

const struct room_rights *room_rights(enum room room);

#endif
